package import CLinux
package import Linux

/// Whose files and directories this process takes for its own work, and trusts later: caches, locks, and the places of
/// temporary files.
///
/// A user trusts what belongs to that user or to root; root what belongs to root or to the owners of the running
/// program (`Trust`). Nobody else may be able to write it, and no link of anybody else may lead to it.
package struct PrivateFiles: Sendable {
    private let user: uid_t
    private let owners: [uid_t]
    /// The owners of directories that may hold files of ours.
    private let holders: [uid_t]
    private let trust: Trust

    package init(user: uid_t, owners: [uid_t], holders: [uid_t]? = nil, trust: Trust = Trust(isPrivileged: false)) {
        (self.user, self.owners, self.trust) = (user, owners, trust)
        self.holders = holders ?? owners
    }

    package static var current: PrivateFiles {
        let (user, trust) = (effectiveUID(), Trust.ofThisProcess)
        if inInitialUserNamespace() {
            return PrivateFiles(user: user, owners: user == 0 ? trust.owners : [user, 0], trust: trust)
        }
        // In a user namespace all ids that it does not know look alike: root, who owns /tmp, and anybody else.
        let owners = (user == 0 ? trust.owners : [user, 0]).filter { $0 != Self.unknown }
        return PrivateFiles(user: user, owners: owners, holders: owners + [Self.unknown], trust: trust)
    }

    /// /proc/sys/kernel/overflowuid, unless somebody changed it.
    private static let unknown: uid_t = 65534

    // MARK: - Files

    /// Returns whether only trusted users can have written a file.
    package func isOwn(_ status: FileStatus) -> Bool { owners.contains(status.uid) && status.mode & 0o022 == 0 }

    /// Opens a file that exists and is not a link.
    ///
    /// - Throws: `EPERM` when somebody else can have written it, or it is no regular file.
    package func open(_ path: String, _ flags: CInt = O_RDONLY, at directory: CInt = AT_FDCWD) throws(Errno) -> OwnedFD
    {
        // A FIFO must not block us.
        let file = try Linux.open(path, flags | O_NOFOLLOW | O_NONBLOCK, at: directory)
        let found = try status(of: file.raw)
        guard found.isRegular, isOwn(found) else { throw .notPermitted }
        return file
    }

    /// Opens a file to continue, or creates it with mode 0600, replacing one that somebody else can have written.
    package func openOrMake(_ path: String) throws(Errno) -> OwnedFD {
        for _ in 0..<8 {
            do throws(Errno) {
                return try open(path, O_RDWR)
            } catch {
                if error != .noSuchFile { try? unlink(path) }
            }
            do throws(Errno) {
                return try Linux.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
            } catch {
                if error != .exists { throw error }
            }
        }
        throw .busy
    }

    /// Reads a file as opened by `open`.
    package func read(_ path: String, at directory: CInt = AT_FDCWD, limit: Int) throws(Errno) -> [UInt8] {
        let file = try open(path, at: directory)
        return try readToEnd(file.raw, limit: limit)
    }

    // MARK: - Directories

    /// Opens a directory that nobody else can use, creating it with mode 0700 where there is none.
    ///
    /// - Parameter cure: what to do when it is refused; a whole sentence without its end.
    /// - Throws: an error with `errno` when the kernel does not let us use it, without when we refuse to.
    package func openDirectory(_ path: String, cure: String) throws(SkiffError) -> OwnedFD {
        let opened = try during("cannot make \(path)", hint: cure) { () throws(Errno) in
            if (try? status(path, follow: false)) == nil { try makeDirectories(path, mode: 0o700) }
            return try status(path, follow: false)
        }
        try check(link: opened, path, cure)
        let directory = try during("cannot open \(path)", hint: cure) { () throws(Errno) in
            try Linux.open(path, O_RDONLY | O_DIRECTORY | (opened.isSymlink ? 0 : O_NOFOLLOW))
        }
        let found = try during("cannot look at \(path)") { () throws(Errno) in try status(of: directory.raw) }
        try check(owner: found, owners, path, cure)
        guard found.mode & 0o022 == 0 else {
            throw SkiffError("cannot use \(path): others may write it, and can have put anything there", hint: cure)
        }
        // Images may contain secrets (CVE-2019-19724).
        if found.permissions & 0o777 != 0o700, found.uid == user {
            try during("cannot close \(path) to others") { () throws(Errno) in try Linux.fchmod(directory.raw, 0o700) }
        }
        try refusing(path, cure) { () throws(SkiffError) in try trust.check(open: directory.raw, path) }
        return directory
    }

    /// Refuses a directory in which somebody else could replace what this process makes. A missing one will be made in
    /// its nearest existing parent.
    package func check(holder path: String, cure: String) throws(SkiffError) {
        var place = path
        while (try? status(place, follow: false)) == nil, let parent = parentPath(place), parent != place {
            place = parent
        }
        guard let entry = try? status(place, follow: false) else { return }
        try check(link: entry, place, cure)
        // What cannot be opened cannot be used either; the later attempt will report it.
        guard let directory = try? Linux.open(place, SKL_O_PATH | O_DIRECTORY),
            let found = try? status(of: directory.raw)
        else { return }
        try check(owner: found, holders, place, cure)
        // With the sticky bit nobody can remove or rename what belongs to others; inode(7). In a directory of their
        // own, users decide themselves whom its group lets in.
        let others: mode_t = found.uid == user ? 0o002 : 0o022
        guard found.mode & others == 0 || found.mode & 0o1000 != 0 else {
            throw SkiffError("cannot use \(place): others may replace what is made there", hint: cure)
        }
        try refusing(place, cure) { () throws(SkiffError) in try trust.check(holder: directory.raw, place) }
    }

    private func check(link entry: FileStatus, _ path: String, _ cure: String) throws(SkiffError) {
        guard entry.isSymlink else { return }
        guard holders.contains(entry.uid) else {
            throw SkiffError("cannot use \(path): it is a link that belongs to uid \(entry.uid)", hint: cure)
        }
    }

    private func check(owner found: FileStatus, _ owners: [uid_t], _ path: String, _ cure: String) throws(SkiffError) {
        guard owners.contains(found.uid) else {
            throw SkiffError("cannot use \(path): it belongs to uid \(found.uid)", hint: cure)
        }
    }

    private func refusing(_ path: String, _ cure: String, _ body: () throws(SkiffError) -> Void) throws(SkiffError) {
        do throws(SkiffError) {
            try body()
        } catch {
            throw SkiffError("cannot use \(path): \(error.message)", errno: error.errno, hint: cure)
        }
    }
}
