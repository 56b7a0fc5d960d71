/// A part of a file, in bytes from its start.
package struct ByteRange: Sendable, Equatable {
    package var offset: Int64
    /// 0 where the part extends to the end of the file, and for anything but a file.
    package var size: Int64

    package init(offset: Int64 = 0, size: Int64 = 0) { (self.offset, self.size) = (offset, size) }

    /// All of a file.
    package static let whole = ByteRange()
}
