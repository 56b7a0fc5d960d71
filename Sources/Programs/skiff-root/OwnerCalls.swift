import CLinux
import Core
import Linux
import Ownership

/// chown(2) and its family: the owner that they set is kept on the file.
struct OwnerCalls {
    let caller: Caller
    let credentials: Credentials
    let bounds: Bounds

    /// - Returns: nil for a call of another kind.
    func answer() throws(Errno) -> Answer? {
        switch caller.entry.call {
        case .chown: try changeOwner(try caller.file(caller.text(0), at: AT_FDCWD, follow: true), 1)
        case .lchown: try changeOwner(try caller.file(caller.text(0), at: AT_FDCWD, follow: false), 1)
        case .fchown: try changeOwner(try caller.openedFile(caller.int(0)), 1)
        case .fchownat: try changeOwner(try fileOfFchownat(), 2)
        default: nil
        }
    }

    private func fileOfFchownat() throws(Errno) -> OwnedFD {
        let flags = caller.int(4)
        if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 { throw .invalidArgument }
        let path = try caller.text(1)
        if path.isEmpty && flags & AT_EMPTY_PATH != 0 {
            if caller.int(0) == AT_FDCWD { return try caller.file([0x2E], at: AT_FDCWD, follow: true) }
            return try caller.descriptor(caller.int(0))
        }
        return try caller.file(path, at: caller.int(0), follow: flags & AT_SYMLINK_NOFOLLOW == 0)
    }

    private func changeOwner(_ file: consuming OwnedFD, _ first: Int) throws(Errno) -> Answer {
        let (uid, gid) = (caller.id(first), caller.id(first + 1))
        guard bounds.keeps(file.raw) else { return .done }
        var owner = try RecordedOwner.read(file.raw) ?? .root
        try check(owner, uid, gid)
        if uid != Credentials.unchanged { owner.uid = uid }
        if gid != Credentials.unchanged { owner.gid = gid }
        // The kernel's part: a read-only file system, an immutable file, setuid bits and capabilities that are cleared.
        try keepOwner(file.raw)
        try bounds.record(owner, on: file.raw)
        return .done
    }

    /// Checks as chown(2) does: an unprivileged user gives no file away, and sets only groups of their own.
    private func check(_ owner: RecordedOwner, _ uid: UInt32, _ gid: UInt32) throws(Errno) {
        if credentials.has(Credentials.Capability.chown) { return }
        let isOwner = credentials.user.file == owner.uid
        if uid != Credentials.unchanged { guard isOwner && uid == owner.uid else { throw .notPermitted } }
        if gid != Credentials.unchanged {
            guard isOwner && (gid == owner.gid || credentials.isIn(gid)) else { throw .notPermitted }
        }
    }
}
