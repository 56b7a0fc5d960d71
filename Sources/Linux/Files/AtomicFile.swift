package import CLinux

/// A new file that replaces what is at a path: whole, or not at all.
///
/// Until then it lies in the same directory, without a name where the file system can do that (open(2), O_TMPFILE),
/// else under one created with O_EXCL, so that no existing file is followed or written to. rename(2) puts it in place:
/// a program that opens the path gets the old file or the new one, also over NFS. If the process is killed, the old
/// file stays as it was; a value that ends unpublished removes its file.
///
/// A durable file is on the disk before its name changes, and the name before `publish` returns: after a power failure
/// the path has the old content or the new. Any other file may then be empty.
///
/// Its mode is the one asked for less the umask, its owner the caller; neither comes from the old file. A symbolic link
/// at the path is itself replaced.
package final class AtomicFile {
    private let path: String
    private let temporary: String
    private let file: OwnedFD
    private var isNamed: Bool

    /// - Parameter temporary: a path in the same directory that nobody else uses, for a caller that removes it if a
    ///   signal ends the process.
    package init(_ path: String, mode: mode_t, temporary: String? = nil) throws(Errno) {
        let folder = parentPath(path) ?? "."
        self.path = path
        self.temporary = temporary ?? "\(folder)/.skiff-\(uniqueName())"
        if let unnamed = try? open(folder, SKL_O_TMPFILE | O_RDWR, mode: mode) {
            file = unnamed
            isNamed = false
        } else {
            file = try open(self.temporary, O_RDWR | O_CREAT | O_EXCL, mode: mode)
            isNamed = true
        }
    }

    deinit { if isNamed { try? unlink(temporary) } }

    /// The open file, for reading and writing.
    package var raw: CInt { file.raw }

    package func publish(durable: Bool) throws(Errno) {
        // close(2) reports errors that NFS and quotas find late.
        if durable { try Linux.fsync(file.raw) } else { try file.duplicate().close() }
        if !isNamed {
            try nameFile(file.raw, temporary)
            isNamed = true
        }
        try rename(temporary, to: path)
        isNamed = false
        // The file is in place: a directory that cannot be opened or synchronized is no failure.
        if durable, let folder = try? open(parentPath(path) ?? ".", O_RDONLY | O_DIRECTORY) {
            try? Linux.fsync(folder.raw)
        }
    }

    /// Replaces the file at a path by one with these bytes.
    package static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t, durable: Bool) throws(Errno) {
        let file = try AtomicFile(path, mode: mode)
        try writeFully(file.raw, bytes)
        try file.publish(durable: durable)
    }
}

/// Returns a unique name: 64 random bits in base 36.
package func uniqueName() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }
