package import CLinux
package import Linux

/// Who may have written the files that a privileged skiff is about to obey: plugins and configuration.
///
/// The rule is that of sudo and sshd: every directory from the root down, and the file, must belong to somebody who is
/// trusted, and neither group nor others may write them. Ordinary users may use what they like: it acts with their own
/// powers.
package struct Trust: Sendable {
    /// Whether the process has powers that the caller lacks.
    package let isPrivileged: Bool
    /// Whether they come from the program's file (setuid, capabilities), not from the caller being root.
    package let isSetuid: Bool
    /// The owners that are trusted, of files and of the directories that hold them.
    package let owners: [uid_t]
    /// Those of the directories above.
    private let ancestors: [uid_t]

    package init(isPrivileged: Bool, isSetuid: Bool = false) {
        (self.isPrivileged, self.isSetuid, owners, ancestors) = (isPrivileged, isSetuid, [0], [0])
    }

    package init(requiring owners: [uid_t]) {
        (isPrivileged, isSetuid, self.owners, ancestors) = (true, false, owners, [0])
    }

    /// For the parts of this installation, /etc, and a file that the caller names: anyone who can change the running
    /// program could do anything already, so its owner, and those of the directories above it, are trusted like root.
    /// This is why `sudo make run` works in one's own clone.
    package static var ofThisProcess: Trust { current(owners: programOwners) }

    /// For files that merely happen to exist, such as `~/.apptainer` of a HOME kept by sudo: only root is trusted.
    package static var ofUserFiles: Trust { current(owners: []) }

    /// Root, or a program with the setuid bit or file capabilities; getauxval(3) AT_SECURE.
    private static func current(owners: @autoclosure () -> [uid_t]) -> Trust {
        if getauxval(UInt(AT_SECURE)) != 0 { return Trust(isPrivileged: true, isSetuid: true) }
        guard effectiveUID() == 0 else { return Trust(isPrivileged: false) }
        return Trust(uidMap: UserIDMap.ofThisProcess ?? UserIDMap(parsing: []), programOwners: owners())
    }

    /// The owners of the running program and of every directory above it.
    private static var programOwners: [uid_t] {
        guard var path = try? readLink("/proc/self/exe") else { return [] }
        var owners: [uid_t] = []
        while let owner = try? status(path, follow: false).uid {
            if !owners.contains(owner) { owners.append(owner) }
            guard path != "/", let parent = parentPath(path) else { break }
            path = parent
        }
        return owners
    }

    /// Uid 0, which inside a user namespace is not root; user_namespaces(7).
    ///
    /// With a single id in the map it is the user who made the namespace, and nobody else. With more ids it has power
    /// over all of them.
    package init(uidMap: UserIDMap, programOwners: [uid_t]) {
        isPrivileged = uidMap.soleID.map { $0.outside == 0 } ?? true
        isSetuid = false
        let owners = [0] + programOwners.filter { $0 != 0 }
        self.owners = owners
        // Host directories above a user's own installation, as a namespace of ranges shows them. Whoever can change
        // them could put another program in place of ours.
        ancestors = uidMap.isInitial ? owners : owners + [Self.overflow]
    }

    /// The id shown for all that the namespace lacks: /proc/sys/kernel/overflowuid, unless somebody changed it.
    private static let overflow: uid_t = 65534

    /// Refuses an open file that somebody untrusted could have changed, or replaced with another.
    ///
    /// - Parameter path: for the message.
    package func check(open file: CInt, _ path: String) throws(SkiffError) {
        guard isPrivileged else { return }
        let found = try during("cannot look at \(path)") { () throws(Errno) in try Linux.status(of: file) }
        try check(found, path)
        let real = try during("cannot find out where \(path) lies") { () throws(Errno) in
            try readLink("/proc/self/fd/\(file)")
        }
        // Something like a pipe, passed by the caller, is in no directory.
        guard real.hasPrefix("/"), let directory = parentPath(real) else { return }
        try checkDirectories(directory)
    }

    /// Refuses an open directory in which somebody untrusted could replace what this process makes.
    package func check(holder directory: CInt, _ path: String) throws(SkiffError) {
        guard isPrivileged else { return }
        try checkDirectories(
            try during("cannot find out where \(path) lies") { () throws(Errno) in
                try readLink("/proc/self/fd/\(directory)")
            })
    }

    /// Checks directories that may hold a file: sticky ones too, where others cannot replace ours.
    private func checkDirectories(_ directory: String) throws(SkiffError) {
        var path = directory
        try check(try lookAt(path), path, isAncestor: true)
        while path != "/", let parent = parentPath(path) {
            path = parent
            try check(try lookAt(path), path, isAncestor: true)
        }
    }

    /// Refuses a file or directory that somebody else could have changed.
    package func check(_ status: FileStatus, _ path: String) throws(SkiffError) {
        try check(status, path, isAncestor: false)
    }

    /// Runs `check` for a directory and everything above it. The path must be absolute and free of symlinks
    /// (`realPath`).
    package func checkPath(_ directory: String) throws(SkiffError) {
        guard isPrivileged else { return }
        var path = directory
        try check(try lookAt(path), path)
        while path != "/", let parent = parentPath(path) {
            path = parent
            try check(try lookAt(path), path, isAncestor: true)
        }
    }

    package func trusts(_ owner: uid_t, isAncestor: Bool) -> Bool {
        owners.contains(owner) || (isAncestor && ancestors.contains(owner))
    }

    private func lookAt(_ path: String) throws(SkiffError) -> FileStatus {
        try during("cannot look at \(path)") { () throws(Errno) in try status(path, follow: false) }
    }

    /// In a sticky directory (/tmp) others can make new names, but not replace one of root's; stat(1), inode(7). So it may
    /// lie above the files that we trust, but not hold them.
    private func check(_ status: FileStatus, _ path: String, isAncestor: Bool) throws(SkiffError) {
        guard isPrivileged else { return }
        guard trusts(status.uid, isAncestor: isAncestor) else {
            throw SkiffError(
                "cannot trust \(path): it belongs to uid \(status.uid)",
                hint: "Root obeys only files of root: chown root \(path)")
        }
        let isSticky = isAncestor && status.mode & 0o1000 != 0
        guard status.mode & 0o022 == 0 || isSticky else {
            throw SkiffError(
                "cannot trust \(path): group or others may write it", hint: "Run chmod go-w \(path)")
        }
    }
}
