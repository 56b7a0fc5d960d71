import Base
import CLinux
import Core
import Linux

/// Calls the phases of a plugin as a launch does, without making a container, and names what they do to the process. Runs
/// in a process that ends afterwards.
struct PhaseCheck {
    private let checker: Checker
    private let care: ProcessCare
    private let run: PluginRun

    /// Loads the plugin, with each of its flags used.
    init(_ checker: Checker) throws(SkiffError) {
        self.checker = checker
        care = try ProcessCare([checker.manifest.id], collects: true)
        ProcessCare.current = care
        var request = Request(action: .exec, image: "/")
        request.pluginFlags = checker.manifest.flags.map { flag in
            let value = flag.kind == .bool ? "true" : flag.defaultValue ?? (flag.kind == .int ? "1" : "x")
            return PluginFlagUse(flag.name, [value])
        }
        let facts = SessionFacts(request: request, installation: try Installation.current())
        run = try PluginRun(checker.manifest, directory: checker.directory, facts: facts)
    }

    /// A plugin may refuse what it is asked for, with a reason; the phases after that are not called.
    private func verdict(_ body: () throws(SkiffError) -> Void) -> CheckTest.Verdict {
        var refusal = ""
        do throws(SkiffError) {
            try body()
        } catch {
            if run.failedSilently { return (.failed, short(error.message)) }
            refusal = "it refuses: \(short(error.description))"
        }
        guard let deeds = care.deeds, !deeds.isEmpty else { return (.success, refusal) }
        return (.failed, deeds.map(short).joined(separator: "; "))
    }

    private func short(_ text: String) -> String {
        let prefixes = ["plugin \(checker.manifest.id): ", "\(checker.manifest.id): "]
        return prefixes.firstAnswer { text.hasPrefix($0) ? String(text.dropFirst($0.count)) : nil } ?? text
    }

    private func plan() throws(SkiffError) {
        var draft = PlanDraft()
        try run.configure()
        try run.prepare(&draft)
        try run.mounts(&draft)
        try run.environment(&draft)
    }

    func parent() -> CheckTest.Verdict {
        let verdict = verdict(plan)
        run.stopped(status: -1)
        return verdict
    }

    /// In namespaces of its own, so that what a plugin mounts there is gone afterwards.
    func child() throws(SkiffError) -> CheckTest.Verdict {
        if !checker.manifest.phases.contains(where: { $0 == .entered || $0 == .preExec }) {
            return (.skipped, "it has no phase in the child")
        }
        let (uid, gid) = (effectiveUID(), effectiveGID())
        do throws(Errno) {
            try enterNew(uid == 0 ? .mount : [.user, .mount])
            if uid != 0 {
                try writeOwnMaps(uid: IDMap(inside: uid, outside: uid), gid: IDMap(inside: gid, outside: gid))
            }
            try setPropagation(.private, of: "/")
        } catch {
            return (.skipped, "namespaces cannot be made here: \(error)")
        }
        return verdict { () throws(SkiffError) in
            try care.renew(ownsChildren: true)
            try plan()
            try run.entered()
            try run.preExec()
        }
    }

    /// With a process that does nothing as the program.
    func later() throws(SkiffError) -> CheckTest.Verdict {
        if !checker.manifest.phases.contains(where: { $0 == .started || $0 == .stopped }) {
            return (.skipped, "it has no phase after the start")
        }
        let parent = processID()
        let child = try during("cannot start a process") { () throws(Errno) in try forkProcess() }
        if child == 0 {
            try? setParentDeathSignal(SIGKILL)
            // Not if it has ended before.
            while parentProcessID() == parent { pause() }
            _exit(0)
        }
        care.hasHelpers = true
        defer {
            try? sendSignal(SIGKILL, to: child)
            _ = try? waitFor(child)
        }
        let handle = try during("cannot start a process") { () throws(Errno) in try openPidFD(child) }
        var milliseconds: Int64 = 0
        var verdict = verdict { () throws(SkiffError) in
            try plan()
            let before = monotonicMilliseconds()
            run.started(pid: child, pidfd: handle.raw)
            milliseconds = monotonicMilliseconds() - before
            run.stopped(status: 0)
        }
        if run.failedSilently { verdict = (.failed, "it gives no reason in started or stopped") }
        return milliseconds > 1000 ? (.failed, "started takes longer than a second") : verdict
    }
}
