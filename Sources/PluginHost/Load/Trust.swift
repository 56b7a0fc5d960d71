package import Base
import CLinux
package import Linux

/// Who may have written the files that a privileged skiff is about to believe.
///
/// The rule is that of sudo and sshd: every directory from the root down, and the file, belong to root, and neither group
/// nor others may write them. An ordinary user may load what they like: it runs with their own powers.
package struct Trust: Sendable {
    /// Whether the process has powers that the caller has not.
    package let isPrivileged: Bool
    /// Whether they come from the program's file (setuid, capabilities) and not from the caller being root.
    let isSetuid: Bool
    /// The owners that are trusted, of files and of the directories that hold them.
    let owners: [uid_t]
    /// Those of the directories above.
    private let ancestors: [uid_t]

    package init(isPrivileged: Bool, isSetuid: Bool = false) {
        (self.isPrivileged, self.isSetuid, owners, ancestors) = (isPrivileged, isSetuid, [0], [0])
    }

    init(requiring owners: [uid_t]) { (isPrivileged, isSetuid, self.owners, ancestors) = (true, false, owners, [0]) }

    /// Root, or a program with the setuid bit or file capabilities; getauxval(3) AT_SECURE.
    package static var ofThisProcess: Trust {
        if getauxval(UInt(AT_SECURE)) != 0 { return Trust(isPrivileged: true, isSetuid: true) }
        guard effectiveUID() == 0 else { return Trust(isPrivileged: false) }
        let map = (try? readFile("/proc/self/uid_map", limit: 1 << 16)) ?? []
        return Trust(uidMap: map, programOwner: (try? status("/proc/self/exe"))?.uid ?? 0)
    }

    /// Uid 0, which inside of a user namespace is not root; user_namespaces(7).
    ///
    /// With a single id in the map it is the user who made the namespace, and nobody else. With more ids it has power over
    /// all of them, but root's files belong to an id that is not in the map: then the owner of the running program is as
    /// good, because whoever that is could have changed the program itself.
    init(uidMap: [UInt8], programOwner: uid_t) {
        let lines = uidMap.split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line, as: UTF8.self).split(separator: " ").compactMap { UInt32($0) }
        }
        let isInitial = lines == [[0, 0, .max]]
        let isSingle = lines.count == 1 && lines[0].count == 3 && lines[0][2] == 1 && lines[0][1] != 0
        isPrivileged = !isSingle
        isSetuid = false
        owners = isInitial ? [0] : [0, programOwner]
        // Directories of the host above an installation of a user's own, as a namespace of ranges shows them. Who could change
        // them could put another program in place of ours.
        ancestors = isInitial ? [0] : [0, programOwner, Self.overflow]
    }

    /// As whom ids that the namespace lacks appear: /proc/sys/kernel/overflowuid, unless somebody changed it.
    private static let overflow: uid_t = 65534

    /// Refuses a file or directory that somebody else than root could have changed.
    package func check(_ status: FileStatus, _ path: String) throws(SkiffError) {
        try check(status, path, isAncestor: false)
    }

    /// `check` for a directory and everything above it. The path must be absolute and free of symlinks (`realPath`).
    package func checkPath(_ directory: String) throws(SkiffError) {
        guard isPrivileged else { return }
        var path = directory
        try check(try lookAt(path), path)
        while path != "/", let parent = parentPath(path) {
            path = parent
            try check(try lookAt(path), path, isAncestor: true)
        }
    }

    func trusts(_ owner: uid_t, isAncestor: Bool) -> Bool {
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
                hint: "As root, plugins are loaded only from files that belong to root")
        }
        let isSticky = isAncestor && status.mode & 0o1000 != 0
        guard status.mode & 0o022 == 0 || isSticky else {
            throw SkiffError(
                "cannot trust \(path): group or others may write it", hint: "Run chmod go-w \(path)")
        }
    }
}
