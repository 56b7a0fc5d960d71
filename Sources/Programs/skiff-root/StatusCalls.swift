import CLinux
import Core
import Linux
import Ownership

/// stat(2) and its family show the recorded owner. A program that asks for the owner and then gives a file the same
/// one, as `sed -i`, `cp -p` and the tools of /etc/shadow do, must see it. The kernel shows a file without a record.
struct StatusCalls {
    let caller: Caller

    /// - Returns: nil for a call of another kind. Any error here is left to the kernel to report.
    func answer() -> Answer? {
        do throws(Errno) {
            switch caller.entry.call {
            case .stat, .stat64: return try show(caller.file(caller.text(0), at: AT_FDCWD, follow: true), 1)
            case .lstat, .lstat64: return try show(caller.file(caller.text(0), at: AT_FDCWD, follow: false), 1)
            case .fstat, .fstat64: return try show(caller.descriptor(caller.int(0)), 1)
            case .fstatat, .fstatat64: return try show(file(flags: caller.int(3)), 2)
            case .statx: return try show(file(flags: caller.int(2)), 4)
            default: return nil
            }
        } catch {
            return .proceed
        }
    }

    private func file(flags: CInt) throws(Errno) -> OwnedFD {
        let mayBeEmpty = flags & AT_EMPTY_PATH != 0
        let path = mayBeEmpty && caller.argument(1) == 0 ? [] : try caller.text(1)
        if path.isEmpty {
            guard mayBeEmpty, caller.int(0) >= 0 else { throw .noSuchFile }
            return try caller.descriptor(caller.int(0))
        }
        return try caller.file(path, at: caller.int(0), follow: flags & AT_SYMLINK_NOFOLLOW == 0)
    }

    private func show(_ file: consuming OwnedFD, _ destination: Int) throws(Errno) -> Answer {
        guard let owner = try RecordedOwner.read(file.raw) else { return .proceed }
        var (type, major, minor) = (UInt32(0), UInt32(0), UInt32(0))
        switch owner.device {
        case .block(let first, let second)?: (type, major, minor) = (SKL_S_IFBLK, first, second)
        case .character(let first, let second)?: (type, major, minor) = (SKL_S_IFCHR, first, second)
        case nil: break
        }
        let bytes: [UInt8]?
        if caller.entry.call == .statx {
            bytes = shownExtendedStatus(
                of: file.raw, uid: owner.uid, gid: owner.gid, type: type, major: major, minor: minor,
                flags: caller.int(2), mask: caller.flags(3))
        } else {
            let isI386 = [.stat64, .lstat64, .fstat64, .fstatat64].contains(caller.entry.call)
            bytes = shownStatus(
                of: file.raw, uid: owner.uid, gid: owner.gid, type: type, major: major, minor: minor, isI386: isI386)
        }
        guard let bytes else { return .proceed }
        try caller.write(bytes, to: caller.argument(destination))
        return .done
    }
}
