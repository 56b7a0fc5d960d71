import Base
import CLinux
import Core
import Linux
import Ownership

/// The user namespace in which an ordinary user is root for the time of a build: one, held from the first file to the last,
/// so that owners mean the same in all of it (Docs/decisions/008). Docs/root-emulation.md has the ladder.
struct RootNamespace {
    let options: BuildOptions
    /// Where the tree will grow: its file system must keep records.
    let directory: String
    let installation: Installation

    /// Called while this process has one thread: unshare(2) CLONE_NEWUSER refuses otherwise.
    func enter() throws(SkiffError) -> BuildIdentity {
        if effectiveUID() == 0 && inInitialUserNamespace() { return .root }
        if options.ignoresUserNamespaces {
            throw SkiffError(
                "cannot build as root: --ignore-userns leaves no way to it",
                hint: "skiff needs a user namespace to build as an ordinary user")
        }
        let host = try HostFacts.current()
        let means = RootMeans.current(host, options.programs)
        if host.uid == 0 && !means.isSoleRoot { return BuildIdentity(rung: nil, keeping: .nothing) }
        if host.uid != 0 && !options.settings.allowUserNamespace {
            throw SkiffError(
                "cannot make the user namespace of an unprivileged build: the configuration does not allow it "
                    + "(allow user ns = no)")
        }
        var rung = means.rung(
            ignoreRanges: options.ignoresSubuid, ignoreListeners: options.ignoresFakerootCommand)
        let ranges = rung == .ranges ? means.ranges : nil
        if host.uid != 0 { try MappedNamespace.enter(host.uid, host.gid, ranges) }
        var notice = means.notice(rung, ignoredRanges: options.ignoresSubuid)
        let keepsRecords = try canRecord()
        if rung == .supervised && !keepsRecords {
            rung = .forgetful
            notice =
                "Root by pretence, because the file system of \(directory) keeps no attributes (APPTAINER_TMPDIR names "
                + "another): all files belong to root"
        }
        Log.info(notice)
        var identity = BuildIdentity(rung: rung)
        identity.ranges = ranges
        guard rung == .supervised || (rung == .ranges && keepsRecords && means.hasListeners) else { return identity }
        identity.keeping = rung == .ranges ? .devices : .owners
        identity.supervisor = try SupervisorLink.start(installation).held()
        return identity
    }

    private func canRecord() throws(SkiffError) -> Bool {
        let opened = try during("cannot open \(directory)") { () throws(Errno) in
            try open(directory, O_RDONLY | O_DIRECTORY)
        }
        return RecordedOwner.isPossible(in: opened.raw)
    }
}
