import CLinux
import Core
import Linux
import Ownership

/// Calls that create files. Device nodes become empty files with a record. Any other file is created by the kernel,
/// unless it belongs to somebody other than root from the start: to a process that changed its ids, or in a directory
/// that hands on its group. Then it is created here, so that it is never seen without its owner.
struct CreationCalls {
    let caller: Caller
    let credentials: Credentials
    let bounds: Bounds

    private static let typeBits: UInt32 = 0o170000

    /// - Returns: nil for a call of another kind.
    func answer() throws(Errno) -> Answer? {
        switch caller.entry.call {
        case .mknod: try node(caller.text(0), AT_FDCWD, mode: caller.flags(1), device: caller.flags(2))
        case .mknodat: try node(caller.text(1), caller.int(0), mode: caller.flags(2), device: caller.flags(3))
        case .mkdir: try directory(caller.text(0), AT_FDCWD, mode: caller.flags(1))
        case .mkdirat: try directory(caller.text(1), caller.int(0), mode: caller.flags(2))
        case .symlink: try link(to: 0, caller.text(1), AT_FDCWD)
        case .symlinkat: try link(to: 0, caller.text(2), caller.int(1))
        case .creat:
            try file(caller.text(0), AT_FDCWD, flags: O_CREAT | O_WRONLY | O_TRUNC, mode: caller.flags(1))
        case .open: try file(caller.text(0), AT_FDCWD, flags: caller.int(1), mode: caller.flags(2))
        case .openat: try file(caller.text(1), caller.int(0), flags: caller.int(2), mode: caller.flags(3))
        case .openat2: try openWithHow()
        default: nil
        }
    }

    // MARK: whose it will be

    /// Returns the owner of what is created in a directory; nil when the kernel gives the right one, root.
    private func owner(in directory: CInt) throws(Errno) -> RecordedOwner? {
        guard bounds.keeps(directory) else { return nil }
        var owner = RecordedOwner(uid: credentials.user.file, gid: credentials.group.file)
        if try status(of: directory).mode & 0o2000 != 0 {
            owner.gid = try RecordedOwner.read(directory)?.gid ?? 0
        }
        return owner == .root ? nil : owner
    }

    /// Creates something with the caller's mask and gives it to its owner.
    private func make(
        _ place: borrowing NewPlace, _ owner: RecordedOwner, _ body: (_ name: PathBytes) throws(Errno) -> Void
    ) throws(Errno) -> Answer {
        let name = try PathBytes(place.name)
        try masked { () throws(Errno) in try body(name) }
        let file = try open(name, SKL_O_PATH | O_NOFOLLOW, in: place.directory.raw, resolve: [.beneath])
        try bounds.record(owner, on: file.raw)
        return .done
    }

    private func masked(_ body: () throws(Errno) -> Void) throws(Errno) {
        let mask = try caller.umask()
        let ours = setUmask(mask)
        defer { _ = setUmask(ours) }
        try body()
    }

    // MARK: the calls

    private func node(_ path: [UInt8], _ at: CInt, mode: UInt32, device: UInt32) throws(Errno) -> Answer {
        let type = mode & Self.typeBits
        let isDevice = type == SKL_S_IFCHR || type == SKL_S_IFBLK
        // The white-out of overlays: anybody may create it.
        if type == SKL_S_IFCHR && device == 0 { return .proceed }
        if isDevice {
            guard credentials.has(Credentials.Capability.makeNodes) else { throw .notPermitted }
            guard try caller.isTrueRoot(with: Credentials.Capability.makeNodes) else { return .proceed }
        }
        let place = try caller.place(path, at: at)
        let owner = try owner(in: place.directory.raw)
        if !isDevice {
            guard let owner else { return .proceed }
            return try make(place, owner) { name throws(Errno) in
                try makeNode(name, mode: mode, device: 0, at: place.directory.raw)
            }
        }
        var record = owner ?? .root
        let (major, minor) = Self.parts(device)
        record.device =
            type == SKL_S_IFCHR ? .character(major: major, minor: minor) : .block(major: major, minor: minor)
        return try make(place, record) { name throws(Errno) in
            try makeNode(name, mode: SKL_S_IFREG | mode & 0o7777, device: 0, at: place.directory.raw)
        }
    }

    /// `new_decode_dev` of the kernel: mknod(2) takes 32 bits.
    static func parts(_ device: UInt32) -> (major: UInt32, minor: UInt32) {
        ((device & 0xFFF00) >> 8, (device & 0xFF) | ((device >> 12) & 0xFFF00))
    }

    private func directory(_ path: [UInt8], _ at: CInt, mode: UInt32) throws(Errno) -> Answer {
        let place = try caller.place(path, at: at)
        guard let owner = try owner(in: place.directory.raw) else { return .proceed }
        return try make(place, owner) { name throws(Errno) in
            try makeDirectory(name, mode: mode & 0o1777, at: place.directory.raw)
        }
    }

    private func link(to argument: Int, _ path: [UInt8], _ at: CInt) throws(Errno) -> Answer {
        let place = try caller.place(path, at: at)
        guard let owner = try owner(in: place.directory.raw) else { return .proceed }
        let target = try caller.text(argument)
        if target.isEmpty { throw .noSuchFile }
        return try make(place, owner) { name throws(Errno) in
            try makeSymlink(PathBytes(target), at: name, in: place.directory.raw)
        }
    }

    /// `struct open_how`: flags, mode, resolve. A call with resolve flags is left to the kernel; its file is root's.
    private func openWithHow() throws(Errno) -> Answer {
        guard caller.argument(3) >= 24 else { return .proceed }
        let how = try caller.memory(2, count: 24)
        func field(_ index: Int) -> UInt64 {
            how[index * 8..<index * 8 + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard field(2) == 0, field(0) & UInt64(O_CREAT | Self.temporary) != 0 else { return .proceed }
        return try file(
            caller.text(1), caller.int(0), flags: CInt(truncatingIfNeeded: field(0)),
            mode: UInt32(truncatingIfNeeded: field(1)))
    }

    private static let temporary: CInt = 0o20_000_000

    private func file(_ path: [UInt8], _ at: CInt, flags: CInt, mode: UInt32) throws(Errno) -> Answer {
        if flags & Self.temporary != 0 { return try temporaryFile(path, at, flags, mode) }
        // What fails here fails in the kernel as well, which then reports it itself.
        guard let place = try? caller.place(path, at: at), let owner = try? owner(in: place.directory.raw) else {
            return .proceed
        }
        let name = try PathBytes(place.name)
        // An existing file is opened, and a link followed, by the kernel.
        if (try? status(name, at: place.directory.raw)) != nil { return .proceed }
        let wanted = flags & ~O_CLOEXEC | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY
        let opened: OwnedFD
        do throws(Errno) {
            opened = try openMasked(name, wanted, mode, in: place.directory.raw)
        } catch {
            // openat2(2) refuses flags that open(2) ignores.
            if error == .exists || error == .invalidArgument { return .proceed }
            throw error
        }
        try bounds.record(owner, on: opened.raw)
        try Linux.answer(caller.call, descriptor: opened.raw, closeOnExec: flags & O_CLOEXEC != 0, at: caller.listener)
        return .given
    }

    private func temporaryFile(_ path: [UInt8], _ at: CInt, _ flags: CInt, _ mode: UInt32) throws(Errno) -> Answer {
        guard let directory = try? caller.file(path, at: at, follow: true), let owner = try? owner(in: directory.raw)
        else { return .proceed }
        let opened = try openMasked(PathBytes([0x2E]), flags & ~O_CLOEXEC, mode, in: directory.raw)
        try bounds.record(owner, on: opened.raw)
        try Linux.answer(caller.call, descriptor: opened.raw, closeOnExec: flags & O_CLOEXEC != 0, at: caller.listener)
        return .given
    }

    private func openMasked(_ name: PathBytes, _ flags: CInt, _ mode: UInt32, in directory: CInt) throws(Errno)
        -> OwnedFD
    {
        let mask = try caller.umask()
        let ours = setUmask(mask)
        defer { _ = setUmask(ours) }
        return try open(name, flags, mode: mode_t(mode & 0o7777), in: directory, resolve: [.beneath])
    }
}
