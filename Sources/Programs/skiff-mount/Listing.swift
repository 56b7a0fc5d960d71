import CFuse
import CLinux
import Squashfs

/// One answer to readdir: as many entries as fit.
struct Listing {
    let server: FileServer
    let request: fuse_req_t?
    let capacity: Int
    /// Whether every entry carries its attributes too, which saves the lookups that usually follow.
    let plus: Bool
    private(set) var bytes: [UInt8] = []

    init(server: FileServer, request: fuse_req_t?, capacity: Int, plus: Bool) {
        (self.server, self.request, self.capacity, self.plus) = (server, request, capacity, plus)
        bytes.reserveCapacity(capacity)
    }

    /// Offsets: 1 after `.`, 2 after `..`, then the reader's cookie and 2.
    mutating func fill(_ directory: Inode, from offset: UInt64) throws(SquashfsError) {
        if offset < 1, !addDots([0x2E], directory, next: 1) { return }
        if offset < 2, !addDots([0x2E, 0x2E], directory, next: 2) { return }
        var cursor = try server.reader.entries(of: directory, from: offset < 2 ? 0 : offset - 2)
        while let entry = try cursor.next() {
            let next = off_t(clamping: cursor.cookie &+ 2)
            if let hidden = try server.hiddenName(entry) {
                guard addWhiteout(hidden, entry, next) else { return }
            } else if plus {
                // One damaged inode must not hide its whole directory: without a node the kernel asks for it again.
                let parameters =
                    (try? server.reader.inode(entry.inode)).map(server.entry) ?? unknown(entry.kind, entry.number)
                guard addPlus(entry.name, parameters, next) else { return }
            } else {
                guard addPlain(entry.name, unknown(entry.kind, entry.number), next) else { return }
            }
        }
    }

    /// - Parameter name: empty for the mark of an opaque directory, which is listed nowhere.
    private mutating func addWhiteout(_ name: [UInt8], _ entry: DirectoryEntry, _ next: off_t) -> Bool {
        let parameters = unknown(.characterDevice, entry.number)
        if name.isEmpty { return true }
        return plus ? addPlus(name, parameters, next) : addPlain(name, parameters, next)
    }

    private mutating func addDots(_ name: [UInt8], _ directory: Inode, next: off_t) -> Bool {
        let number = name.count == 1 ? directory.number : server.reader.parentNumber(of: directory)
        let parameters = unknown(.directory, number)
        return plus ? addPlus(name, parameters, next) : addPlain(name, parameters, next)
    }

    /// Returns what is known without reading the inode. Node 0 in readdirplus means: make no cache entry of it.
    private func unknown(_ kind: Inode.Kind, _ number: UInt32) -> fuse_entry_param {
        var result = fuse_entry_param()
        result.attr.st_ino = ino_t(number)
        result.attr.st_mode = kind.modeBits
        return result
    }

    private mutating func addPlain(_ name: [UInt8], _ entry: fuse_entry_param, _ next: off_t) -> Bool {
        var attributes = entry.attr
        let request = request
        return add(name) { buffer, room, text in
            fuse_add_direntry(request, buffer, room, text, &attributes, next)
        }
    }

    private mutating func addPlus(_ name: [UInt8], _ entry: fuse_entry_param, _ next: off_t) -> Bool {
        var entry = entry
        let request = request
        return add(name) { buffer, room, text in
            fuse_add_direntry_plus(request, buffer, room, text, &entry, next)
        }
    }

    /// Appends what `encode` writes; returns false when it does not fit. libfuse returns the length that it needs and
    /// writes only when there is room.
    private mutating func add(
        _ name: [UInt8], _ encode: (UnsafeMutablePointer<CChar>?, Int, UnsafePointer<CChar>) -> Int
    ) -> Bool {
        let text = name.map { CChar(bitPattern: $0) } + [0]
        // Room for the longest entry: the header of readdirplus, 255 bytes of name, padding.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            let length = encode(buffer.baseAddress, buffer.count, text)
            guard length <= buffer.count, length <= capacity - bytes.count else { return false }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]))
            return true
        }
    }
}
