import CLinux
import Core
import Linux

/// The thread whose call is being answered: its memory, its descriptors, and paths as it means them.
///
/// What is read from a process by its number may come from another one that took over the number. Every read is
/// therefore followed by `confirm`; the descriptors that were opened before it are then certain to be the caller's.
struct Caller {
    let call: SystemCall
    let listener: CInt
    /// Our own root directory, to come back to.
    let home: CInt
    let entry: CallTable.Entry

    var thread: pid_t { call.thread }

    func confirm() throws(Errno) {
        guard isWaiting(call, at: listener) else { throw .noSuchProcess }
    }

    // MARK: arguments

    func argument(_ index: Int) -> UInt64 { call.arguments[index] }
    func int(_ index: Int) -> CInt { CInt(truncatingIfNeeded: call.arguments[index]) }
    func flags(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: call.arguments[index]) }

    /// Returns a user or group id; 2^32-1 for -1 of either width.
    func id(_ index: Int) -> UInt32 {
        let wide = UInt32(truncatingIfNeeded: call.arguments[index])
        guard entry.isNarrow else { return wide }
        let narrow = UInt16(truncatingIfNeeded: wide)
        return narrow == .max ? .max : UInt32(narrow)
    }

    func text(_ index: Int, limit: Int = 4096) throws(Errno) -> [UInt8] {
        let text = try readText(of: thread, at: call.arguments[index], limit: limit)
        try confirm()
        return text
    }

    func memory(_ index: Int, count: Int) throws(Errno) -> [UInt8] {
        try memory(at: call.arguments[index], count: count)
    }

    func memory(at address: UInt64, count: Int) throws(Errno) -> [UInt8] {
        if count == 0 { return [] }
        let bytes = try readMemory(of: thread, at: address, count: count)
        guard bytes.count == count else { throw Errno(EFAULT) }
        try confirm()
        return bytes
    }

    /// Writes through a descriptor of the memory, which stays with its process even if the number is reused.
    func write(_ bytes: [UInt8], to address: UInt64) throws(Errno) {
        if bytes.isEmpty { return }
        let memory = try open("/proc/\(thread)/mem", O_WRONLY)
        try confirm()
        guard let place = Int64(exactly: address) else { throw Errno(EFAULT) }
        do throws(Errno) {
            try writeFully(memory.raw, bytes, at: place)
        } catch {
            throw Errno(EFAULT)
        }
    }

    // MARK: files

    /// Returns the open file of a descriptor of the caller, as O_PATH.
    func descriptor(_ number: CInt) throws(Errno) -> OwnedFD {
        guard number >= 0 else { throw Errno(EBADF) }
        do throws(Errno) {
            let file = try open("/proc/\(thread)/fd/\(number)", SKL_O_PATH)
            try confirm()
            return file
        } catch {
            throw error == .noSuchFile ? Errno(EBADF) : error
        }
    }

    /// Returns the open file of a descriptor for a call that acts on files: one that O_PATH opened is EBADF there.
    func openedFile(_ number: CInt) throws(Errno) -> OwnedFD {
        let file = try descriptor(number)
        let facts = try readFile("/proc/\(thread)/fdinfo/\(number)", limit: 4096)
        try confirm()
        for line in facts.split(separator: 0x0A) where line.starts(with: "flags:".utf8) {
            if Self.octal(line.dropFirst(6)) & UInt32(SKL_O_PATH) != 0 { throw Errno(EBADF) }
        }
        return file
    }

    private static func octal(_ text: ArraySlice<UInt8>) -> UInt32 {
        text.filter { (0x30...0x37).contains($0) }.reduce(0) { $0 << 3 | UInt32($1 - 0x30) }
    }

    /// Returns where a path begins: the directory of an *at call.
    private func start(_ directory: CInt) throws(Errno) -> OwnedFD {
        let path = directory == AT_FDCWD ? "/proc/\(thread)/cwd" : "/proc/\(thread)/fd/\(directory)"
        do throws(Errno) {
            return try open(path, SKL_O_PATH | O_DIRECTORY)
        } catch {
            throw error == .noSuchFile ? Errno(EBADF) : error
        }
    }

    func root() throws(Errno) -> OwnedFD {
        let root = try open("/proc/\(thread)/root", SKL_O_PATH | O_DIRECTORY)
        try confirm()
        return root
    }

    /// Returns the file that a path of the caller names, as O_PATH. The kernel walks it with the caller's root and
    /// directory, so no `..`, symbolic link or rename during the walk leads out of them. Links of /proc are not
    /// followed, since they would lead to files that this process has open.
    func file(_ path: [UInt8], at directory: CInt, follow: Bool) throws(Errno) -> OwnedFD {
        if path.isEmpty { throw .noSuchFile }
        if follow, let number = ownDescriptor(path) { return try descriptor(number) }
        let flags = SKL_O_PATH | (follow ? 0 : O_NOFOLLOW)
        let text = try PathBytes(path)
        if path[0] == 0x2F {
            let root = try root()
            return try walk(text, flags, from: root.raw, [.inRoot, .noMagicLinks])
        }
        let start = try start(directory)
        try confirm()
        do throws(Errno) {
            // A path that stays below the start needs no root, and most do.
            return try walk(text, flags, from: start.raw, [.beneath, .noMagicLinks])
        } catch {
            if error != .crossDevice { throw error }
        }
        let root = try root()
        return try within(root, start) { () throws(Errno) in try walk(text, flags, from: AT_FDCWD, [.noMagicLinks]) }
    }

    private func walk(_ path: PathBytes, _ flags: CInt, from: CInt, _ resolve: Resolve) throws(Errno) -> OwnedFD {
        // EAGAIN: something was renamed during the walk. A caller that keeps renaming gets the error itself.
        for _ in 0..<64 {
            do throws(Errno) {
                return try open(path, flags, in: from, resolve: resolve)
            } catch {
                if error != .tryAgain { throw error }
            }
        }
        throw .tryAgain
    }

    private func within(_ root: borrowing OwnedFD, _ start: borrowing OwnedFD, _ body: () throws(Errno) -> OwnedFD)
        throws(Errno) -> OwnedFD
    {
        defer { comeHome() }
        try changeRoot(root.raw)
        try changeDirectory(start.raw)
        return try body()
    }

    private func comeHome() {
        do throws(Errno) {
            try changeRoot(home)
        } catch {
            // Nothing may be answered from a foreign root.
            _exit(255)
        }
    }

    /// Returns the number in `/proc/self/fd/3` and the like: the only /proc links that files are changed through.
    private func ownDescriptor(_ path: [UInt8]) -> CInt? {
        for prefix in ["/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"] where path.starts(with: prefix.utf8) {
            return CInt(String(decoding: path.dropFirst(prefix.utf8.count), as: UTF8.self))
        }
        return nil
    }

    /// Returns the directory and the name that a path is about to create.
    func place(_ path: [UInt8], at directory: CInt) throws(Errno) -> NewPlace {
        var end = path.endIndex
        while end > 1, path[end - 1] == 0x2F { end -= 1 }
        let trimmed = path[..<end]
        if trimmed.isEmpty { throw .noSuchFile }
        let slash = trimmed.lastIndex(of: 0x2F)
        let name = Array(slash.map { trimmed[($0 + 1)...] } ?? trimmed)
        if name.isEmpty || name == [0x2E] || name == [0x2E, 0x2E] { throw .exists }
        let parent: [UInt8] = slash.map { $0 == 0 ? [0x2F] : Array(trimmed[..<$0]) } ?? [0x2E]
        return NewPlace(directory: try file(parent, at: directory, follow: true), name: name)
    }

    /// Returns the mask of the caller, from /proc; umask(2) can ask only for one's own.
    func umask() throws(Errno) -> mode_t {
        let bytes = try readFile("/proc/\(thread)/status", limit: 1 << 16)
        try confirm()
        for line in bytes.split(separator: 0x0A) where line.starts(with: "Umask:".utf8) {
            return mode_t(Self.octal(line.dropFirst(6)) & 0o777)
        }
        return 0o022
    }
}

extension Caller {
    /// Returns whether the caller is root of the container for the kernel, too: not root of a nested namespace, nor a
    /// user that it became by setuid(2). Where ids are true, nothing else tells.
    func isTrueRoot(with capability: UInt64) throws(Errno) -> Bool {
        let ours = try status("/proc/self/ns/user")
        let theirs = try status("/proc/\(thread)/ns/user")
        let text = try readFile("/proc/\(thread)/status", limit: 1 << 16)
        try confirm()
        func fields(_ name: String) -> [String] {
            let line = text.split(separator: 0x0A).first { $0.starts(with: name.utf8) }
            return (line ?? []).split { $0 == 0x09 || $0 == 0x20 }.map { String(decoding: $0, as: UTF8.self) }
        }
        guard ours.device == theirs.device, ours.inode == theirs.inode, fields("Uid:").last == "0" else { return false }
        return (fields("CapEff:").last.flatMap { UInt64($0, radix: 16) } ?? 0) & capability != 0
    }
}

struct NewPlace: ~Copyable {
    let directory: OwnedFD
    let name: [UInt8]
}
