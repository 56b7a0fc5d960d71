import Base
import Core
import Linux
import Ownership

/// The user namespace in which an ordinary user is root during a build. One is held from the first file to the last, so that
/// owners mean the same in all of it (Docs/decisions/008). Docs/root-emulation.md has the ways to be root.
struct RootNamespace {
    let options: BuildOptions
    /// Where the tree will lie: its file system must be able to hold records.
    let directory: String
    /// Whether an `OwnedSandbox` is made, or the build starts from one.
    let keepsOwners: Bool
    /// Whether nothing in the directory may reach a disk.
    let isInMemory: Bool
    let installation: Installation

    /// Called while this process has one thread: unshare(2) CLONE_NEWUSER refuses otherwise.
    func enter() throws(SkiffError) -> BuildIdentity {
        // Outside: what is executed in the namespace is open to all that runs there as root.
        let launcher = try StepLauncher.start(installation)
        var identity = try becomeRoot()
        identity.launcher = launcher
        if let obstacle = StepProcesses.obstacle() {
            Log.info("Scripts see all processes, because a /proc of their own cannot be mounted: \(obstacle)")
        } else {
            identity.hasStepProcesses = true
        }
        return identity
    }

    private func becomeRoot() throws(SkiffError) -> BuildIdentity {
        let host = try HostFacts.current()
        if host.uid == 0 && !host.isAdministrator { return try keepIDs() }
        if host.uid == 0 && host.isInitialUserNamespace {
            if isInMemory {
                try during("cannot leave the mount namespace") { () throws(Errno) in try LayerMount.isolate() }
                try mountMemory()
            }
            return .root
        }
        if options.ignoresUserNamespaces {
            throw SkiffError(
                "cannot build as root: --ignore-userns leaves no way to it",
                hint: "skiff needs a user namespace to build as an ordinary user")
        }
        let capability = RootCapability.current(host, options.programs)
        if host.uid == 0 && !capability.isSoleRoot {
            try mountMemory()
            return BuildIdentity(rootMode: nil, keeping: .nothing)
        }
        if host.uid != 0 && !options.settings.allowUserNamespace {
            throw SkiffError(
                "cannot make the user namespace of an unprivileged build: the configuration does not allow it "
                    + "(allow user ns = no)")
        }
        var rootMode = capability.mode(
            ignoreRanges: options.ignoresSubuid, ignoreListeners: options.ignoresFakerootCommand,
            keepsOwners: keepsOwners)
        // Also for the emulation: kept results of other builds belong to them.
        let ranges = options.ignoresSubuid ? nil : capability.ranges
        let mayAsk = rootMode == .supervised || (rootMode == .ranges && capability.hasListeners)
        // Outside as well, and before anything runs inside.
        var supervisor = mayAsk ? try SupervisorLink.start(installation).held() : nil
        if host.uid != 0 {
            try MappedNamespace.enter(host.uid, host.gid, ranges)
            if let supervisor { try SupervisorLink.invite(over: supervisor) }
        }
        try mountMemory()
        var notice = capability.notice(rootMode, ignoredRanges: options.ignoresSubuid)
        let keepsRecords = try canRecord()
        if rootMode == .supervised && !keepsRecords && ranges != nil {
            rootMode = .ranges
            notice = capability.notice(rootMode, ignoredRanges: false)
        } else if rootMode == .supervised && !keepsRecords {
            rootMode = .faked
            notice =
                "Root by pretence, because the file system of \(directory) keeps no attributes (APPTAINER_TMPDIR names "
                + "another): all files belong to root"
        }
        Log.info(notice)
        if let unneeded = supervisor, !keepsRecords {
            _ = OwnedFD(adopting: unneeded)
            supervisor = nil
        }
        var identity = BuildIdentity(rootMode: rootMode)
        identity.ranges = rootMode == .ranges ? ranges : nil
        identity.isInside = host.uid != 0
        identity.supervisor = supervisor
        if supervisor != nil { identity.keeping = rootMode == .ranges ? .devices : .owners }
        return identity
    }

    /// Root without CAP_SYS_ADMIN: a namespace gives it, and owners stay true. Devices are beyond it, so that they are emulated.
    private func keepIDs() throws(SkiffError) -> BuildIdentity {
        var supervisor = hasSystemCallListeners() ? try SupervisorLink.start(installation).held() : nil
        try MappedNamespace.enterKeepingIDs()
        if let supervisor { try SupervisorLink.invite(over: supervisor) }
        try mountMemory()
        Log.info("Root without CAP_SYS_ADMIN: the build has a user namespace with the same ids")
        if let unneeded = supervisor, try !canRecord() {
            _ = OwnedFD(adopting: unneeded)
            supervisor = nil
        }
        var identity = BuildIdentity(rootMode: .ranges)
        identity.isInside = true
        identity.supervisor = supervisor
        identity.keeping = supervisor == nil ? .nothing : .devices
        return identity
    }

    /// Puts a file system in memory over the directory, which only this mount namespace has.
    private func mountMemory() throws(SkiffError) {
        guard isInMemory else { return }
        try during("cannot keep what is built in memory", hint: "Build from an image that is not encrypted") {
            () throws(Errno) in
            try mountFilesystem(
                "tmpfs", source: "skiff", at: directory, data: "mode=0700,size=80%")
        }
    }

    private func canRecord() throws(SkiffError) -> Bool {
        let opened = try during("cannot open \(directory)") { () throws(Errno) in
            try open(directory, [.read, .directory])
        }
        return RecordedOwner.isPossible(in: opened.raw)
    }
}
