import CLinux

/// Memory for a secret, in pages of its own: locked, so that it is never swapped out, in no core file, zero in a forked process,
/// and wiped at the end.
package final class SecretMemory {
    private let place: UnsafeMutableRawPointer
    /// In bytes.
    package let capacity: Int
    /// How many bytes the secret has.
    package var count = 0

    private static let page = 4096

    /// - Throws: `ENOMEM` or `EPERM` when RLIMIT_MEMLOCK does not allow it; mlock(2).
    package init(capacity: Int) throws(Errno) {
        let size = (max(capacity, 1) + Self.page - 1) / Self.page * Self.page
        guard let place = skl_secret_map(size) else { throw .current }
        (self.place, self.capacity) = (place, size)
    }

    package convenience init(copying bytes: UnsafeRawBufferPointer) throws(Errno) {
        try self.init(capacity: bytes.count)
        room.copyMemory(from: bytes)
        count = bytes.count
    }

    deinit { skl_secret_unmap(place, capacity) }

    /// All of it.
    package var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: place, count: capacity) }

    /// The secret.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: place, count: min(count, capacity)) }

    /// Reads a file or a pipe to its end, behind what there is.
    /// - Returns: false when it has more than there is room for.
    package func append(readingToEnd file: CInt) throws(Errno) -> Bool {
        while count < capacity {
            let got = try read(file, into: UnsafeMutableRawBufferPointer(rebasing: room[count...]))
            if got == 0 { return true }
            count += got
        }
        return false
    }

    /// Takes off one line end, if there is one.
    package func dropLineEnd() {
        if bytes.last == ASCII.newline { count -= 1 }
        if bytes.last == ASCII.carriageReturn { count -= 1 }
    }

    /// A file in memory that holds it, and that nobody can change; memfd_create(2).
    package func sealedFile(_ name: String) throws(Errno) -> OwnedFD {
        OwnedFD(adopting: try checked { skl_secret_file(name, place, count) })
    }

    /// The secret of such a file.
    /// - Throws: `EPERM` for a file that could change, `EOVERFLOW` for a long one.
    package convenience init(ofSealed file: CInt, limit: Int) throws(Errno) {
        guard skl_is_sealed(file) == 1 else { throw .notPermitted }
        let size = Int(clamping: try endOffset(of: file))
        guard size <= limit else { throw .overflow }
        try self.init(capacity: size)
        count = try readFully(file, into: UnsafeMutableRawBufferPointer(rebasing: room[..<size]), at: 0)
    }

    /// A key of type "user" that the keyrings of this process have; keyrings(7).
    package convenience init(ofKey name: String, limit: Int) throws(Errno) {
        try self.init(capacity: limit)
        let (place, room) = (place, capacity)
        let size = try checked(name) { name in
            let size = skl_key_read(name, place, room)
            return size < 0 ? -1 : CInt(clamping: size)
        }
        guard Int(size) <= capacity else { throw .overflow }
        count = Int(size)
    }

    /// The value of a variable of this process; nil when it is not set, or is blank.
    package convenience init?(ofVariable name: String) throws(Errno) {
        guard let text = getenv(name) else { return nil }
        let value = UnsafeRawBufferPointer(start: text, count: strlen(text))
        let blanks: [UInt8] = [ASCII.space, ASCII.tab, ASCII.newline, ASCII.carriageReturn]
        if value.allSatisfy(blanks.contains) { return nil }
        try self.init(copying: value)
    }
}
