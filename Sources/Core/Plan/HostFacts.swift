package import Base
import CLinux
package import Linux

/// What the plan needs to know about the caller and the machine, read once. Plain values, so that a test can plan for
/// any host.
package struct HostFacts: Sendable {
    package var uid: UInt32
    package var gid: UInt32
    package var groups: [UInt32]
    /// The entry of the user database; nil for an id that it does not know.
    package var user: UserRecord?
    package var groupRecords: [GroupRecord]
    /// The current directory as the shell shows it: `$PWD` when that leads to the current directory.
    package var directory: String
    package var umask: UInt32
    /// `NAME=VALUE`, as bytes.
    package var environment: [[UInt8]]
    /// Whether the caller has CAP_SYS_ADMIN in the current user namespace.
    package var isAdministrator: Bool
    /// Whether this is the user namespace of the machine itself, where block devices can be mounted.
    package var isInitialUserNamespace: Bool
    package var hasFuse: Bool
    package var hasLoop: Bool
    /// The terminal of descriptor 0, 1 or 2, for /dev/console.
    package var terminal: String?

    // What `look(for:)` finds out, where the request asks for it.

    /// `--workdir`.
    package var workDirectory = Place.absent(.noSuchFile)
    /// The directory that becomes the home.
    package var homeSource = Place.absent(.noSuchFile)
    /// Whether somebody reads messages as they appear: descriptor 2 is a terminal.
    package var hasReader = false
    /// What the user has installed below the home directory that is mounted, for somebody who reads it.
    package var homeLibraries: [String] = []
    /// `directory` without symbolic links; nil when that is the same.
    package var resolvedDirectory: String?
    /// Mount points directly below `/`.
    package var topMounts: [String] = []
    /// The administrator's capability.json.
    package var capabilityFile = Place.absent(.noSuchFile)
    /// What that file grants root; nil until somebody has read it, which takes another program.
    package var grantedCapabilities: UInt64?
    /// Whether the kernel runs the module of the label that was asked for.
    package var hasLabels = false
    /// The entry of the user that `--security uid:` names; nil for an id that the host does not know.
    package var target: UserRecord?
    /// The processes with which this one may share a container.
    package var siblings: Siblings?
    /// Looks at the cgroups of this process; asked where something limits the container.
    package var cgroups: @Sendable () -> CgroupHost = { CgroupHost.lookAfterSweeping() }
    /// Whether the kernel can decrypt what `EncryptedVolume.isKernels`.
    package var hasCrypt = false
    /// Where temporary files go unless the request says where.
    package var temporaryDirectory = "/tmp"

    package init(
        uid: UInt32, gid: UInt32, groups: [UInt32], user: UserRecord?, groupRecords: [GroupRecord], directory: String,
        umask: UInt32, environment: [[UInt8]], isAdministrator: Bool, isInitialUserNamespace: Bool, hasFuse: Bool,
        hasLoop: Bool, terminal: String?
    ) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.user = user
        self.groupRecords = groupRecords
        self.directory = directory
        self.umask = umask
        self.environment = environment
        self.isAdministrator = isAdministrator
        self.isInitialUserNamespace = isInitialUserNamespace
        self.hasFuse = hasFuse
        self.hasLoop = hasLoop
        self.terminal = terminal
    }

    package static func current() throws(SkiffError) -> HostFacts {
        let environment = environmentBytes()
        let mask = setUmask(0o022)
        _ = setUmask(mask)
        let uid = effectiveUID()
        let gid = effectiveGID()
        let groups = supplementaryGroups()
        let all = [gid] + groups.filter { $0 != gid }
        let held = try during("cannot read the capabilities of this process") { () throws(Errno) in try capabilities() }
        return HostFacts(
            uid: uid, gid: gid, groups: groups, user: userRecord(uid: uid),
            groupRecords: all.compactMap { gid in groupName(gid: gid).map { GroupRecord(name: $0, gid: gid) } },
            directory: try workingDirectory(), umask: UInt32(mask), environment: environment,
            isAdministrator: held.effective & (1 << UInt64(Capability.sysAdmin)) != 0,
            isInitialUserNamespace: inInitialUserNamespace(), hasFuse: isAccessible("/dev/fuse", R_OK | W_OK),
            hasLoop: isAccessible("/dev/loop-control", R_OK | W_OK),
            terminal: (0...2).firstAnswer { terminalName($0) })
    }

    private static func workingDirectory() throws(SkiffError) -> String {
        if let logical = environmentValue("PWD"), logical.hasPrefix("/"), absolutePath(logical, in: "/") == logical,
            let there = try? status(logical), let here = try? status("."), there.device == here.device,
            there.inode == here.inode
        {
            return logical
        }
        do throws(Errno) {
            return try currentDirectory()
        } catch {
            guard error == .noSuchFile else { throw SkiffError("cannot find the current directory", errno: error) }
            Log.verbose("the current directory was removed: starting in /")
            return "/"
        }
    }

    /// Whether the kernel mounts an image file for this process.
    var canMountImages: Bool { isAdministrator && isInitialUserNamespace && hasLoop }

    /// The name to print for the caller.
    package var userName: String { user?.name ?? String(uid) }
    /// The home directory of the user database; `/` without an entry.
    package var homeDirectory: String {
        if let user, !user.home.isEmpty { return user.home }
        for entry in environment where entry.starts(with: "HOME=".utf8) {
            return String(bytes: entry.dropFirst(5))
        }
        return "/"
    }
}
