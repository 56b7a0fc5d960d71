package import Base
package import Linux

/// An open file that several blobs and threads share, closed with the last of them. It is read by offset only.
package final class SharedFile: Sendable {
    private let file: OwnedFD
    /// For messages.
    package let path: String

    package init(_ file: consuming OwnedFD, path: String) {
        self.file = file
        self.path = path
    }

    /// Lent.
    package var raw: CInt { file.raw }
}

/// The bytes of a layer, config or manifest: a whole file of a layout or cache, or a part of an archive.
package struct Blob: Sendable {
    package let file: SharedFile
    /// The offset of the blob in the file, in bytes.
    package let offset: Int64
    /// In bytes.
    package let size: Int64

    package init(file: SharedFile, offset: Int64, size: Int64) {
        (self.file, self.offset, self.size) = (file, offset, size)
    }

    /// Opens a whole file.
    package init(path: String) throws(SkiffError) {
        let (file, size) = try Self.open(path)
        self.init(file: file, offset: 0, size: size)
    }

    private static func open(_ path: String) throws(SkiffError) -> (SharedFile, Int64) {
        do throws(Errno) {
            let opened = try Linux.open(path, 0x800)  // O_NONBLOCK: a pipe must not make us wait.
            let found = try status(of: opened.raw)
            guard found.isRegular else { throw .invalidArgument }
            return (SharedFile(opened, path: path), found.size)
        } catch {
            throw SkiffError("cannot read \(path)", errno: error)
        }
    }

    /// Returns all bytes of a small blob.
    /// - Parameter limit: a larger blob is an error.
    package func bytes(limit: Int) throws(SkiffError) -> [UInt8] {
        guard size <= limit else {
            throw SkiffError("cannot read \(file.path): \(size) bytes are more than the \(limit) that it may have")
        }
        let bytes = try during("cannot read \(file.path)") { () throws(Errno) in
            try readBytes(file.raw, at: offset, count: Int(size))
        }
        guard bytes.count == size else { throw SkiffError("cannot read \(file.path): it ends too early") }
        return bytes
    }
}
