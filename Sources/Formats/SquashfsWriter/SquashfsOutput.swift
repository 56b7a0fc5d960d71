package import Base

/// Where a squashfs goes: into an open file as it is, or through a volume that encrypts it on the way.
package struct SquashfsOutput {
    /// Open for reading and writing, lent.
    package let file: CInt
    /// Where it begins in the file, in bytes; a multiple of 4096 when the kernel is to mount it.
    package let offset: Int64
    /// What lies between the image and the file; nil for nothing.
    package let volume: (any SquashfsVolume)?

    package init(file: CInt, offset: Int64, volume: (any SquashfsVolume)? = nil) {
        (self.file, self.offset, self.volume) = (file, offset, volume)
    }
}

/// A place for a squashfs that is no plain file. Several threads call it, for ranges that do not overlap.
package protocol SquashfsVolume: AnyObject, Sendable {
    /// Bytes: a power of two up to 65536. Offsets of `write` are multiples of it, and so are counts but for the last block.
    var blockSize: Int { get }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SkiffError)

    /// Brings back what was written: whole blocks, or all that is there of the last one.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SkiffError)
}
