import CLinux
import Core
import Linux
import Ownership

/// The user namespace in which an ordinary user is root for the time of a build: one, held from the first file to the last,
/// so that owners mean the same in all of it (decision 7). Docs/root-emulation.md has the ladder.
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
        let means = RootMeans.current(host)
        if host.uid == 0 && !means.isSoleRoot { return BuildIdentity(rung: nil, keeping: .nothing) }
        var rung = means.rung(
            ignoreRanges: options.ignoresSubuid, ignoreListeners: options.ignoresFakerootCommand)
        if host.uid != 0 { try Self.make(host.uid, host.gid, rung == .ranges ? means.ranges : nil) }
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

    /// A user and a mount namespace for this process.
    static func make(_ uid: UInt32, _ gid: UInt32, _ ranges: SubordinateIDs?) throws(SkiffError) {
        guard let ranges else {
            return try unshared { () throws(Errno) in
                try writeOwnMaps(uid: IDMap(inside: 0, outside: uid), gid: IDMap(inside: 0, outside: gid))
            }
        }
        // Only a process outside of the new namespace may start newuidmap: inside, its setuid bit is worth nothing.
        let builder = processID()
        let pipe = try during("cannot make a pipe") { () throws(Errno) in try makePipe() }
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        let mapper = try during("cannot start the mapping of ids") { () throws(Errno) in try cloneProcess() }
        if mapper == 0 { Self.map(builder, uid, gid, ranges, when: reading.raw) }
        try unshared { () throws(Errno) in
            try writeFully(writing.raw, [1])
            guard try waitFor(mapper)?.status == .exited(0) else { throw .notPermitted }
        }
    }

    private static func unshared(_ map: () throws(Errno) -> Void) throws(SkiffError) {
        do throws(Errno) {
            try enterNew([.user, .mount])
            try map()
        } catch {
            throw SkiffError(
                "cannot make the user namespace of an unprivileged build", errno: error,
                hint: NamespaceAdvice.hint(for: error))
        }
    }

    private static func map(
        _ builder: pid_t, _ uid: UInt32, _ gid: UInt32, _ ranges: SubordinateIDs, when ready: CInt
    ) -> Never {
        do throws(SkiffError) {
            try during("cannot follow the build") { () throws(Errno) in
                try setParentDeathSignal(SIGKILL)
                var byte: [UInt8] = [0]
                _ = try byte.withUnsafeMutableBufferPointer { buffer throws(Errno) in
                    try read(ready, into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            try ranges.map(builder, uid: uid, gid: gid)
            _exit(0)
        } catch {
            report(error)
            _exit(255)
        }
    }

    /// For who removes what a build left: files may belong to ids of a range, which the user himself does not have.
    static func enterToRemove() throws(SkiffError) {
        let host = try HostFacts.current()
        try make(host.uid, host.gid, RootMeans.current(host).ranges)
    }
}
