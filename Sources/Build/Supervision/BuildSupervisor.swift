import Base
import CLinux
import Linux

/// Does the work of a build in a process of its own and cleans up after it, however it ends: success, failure, or a signal.
///
/// Three processes: the one that the user sees watches a guard, and the guard watches the worker. Whichever is killed, by
/// SIGKILL too, another is there that ends what still runs, removes what was unfinished, and says so.
struct BuildSupervisor {
    let remains: BuildRemains

    /// The signals that end a build. What the caller ignores, as nohup(1) does, stays ignored.
    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].filter { !isIgnored($0) }

    /// - Returns: the exit status of the build.
    func run(_ work: () throws(SkiffError) -> Void) throws(SkiffError) -> Int32 {
        // The guard is told by SIGTERM what to do, whatever the caller ignores.
        let mask = try during("cannot block signals") { () throws(Errno) in
            try setSignalMask(SignalSet(Self.ending + [SIGTERM, SIGCHLD]))
        }
        let guardian = try start { () throws(SkiffError) in try watch(mask, work) }
        return wait(for: guardian, name: "guard", Self.ending) {
            // It ends the worker and cleans up; a second signal changes nothing.
            try? sendSignal(SIGTERM, to: guardian)
            _ = try? waitFor(guardian)
        }
    }

    /// The guard: starts the worker and waits for it.
    private func watch(_ mask: SignalSet, _ work: () throws(SkiffError) -> Void) throws(SkiffError) -> Int32 {
        let front = parentProcessID()
        try during("cannot prepare the build") { () throws(Errno) in
            try setParentDeathSignal(SIGTERM)
            // It may have been killed before that call, and nobody would tell us.
            if parentProcessID() != front { throw .noChild }
        }
        let worker = try start { () throws(SkiffError) in
            try during("cannot prepare the build") { () throws(Errno) in
                try setParentDeathSignal(SIGKILL)
                _ = try setSignalMask(mask)
            }
            try work()
            return 0
        }
        return wait(for: worker, name: "build", Self.ending + [SIGTERM]) {
            try? sendSignal(SIGKILL, to: worker)
            _ = try? waitFor(worker)
        }
    }

    /// Starts a child that ends with an exit status. Its orphans become our children, so that they can be ended.
    private func start(_ life: () throws(SkiffError) -> Int32) throws(SkiffError) -> pid_t {
        let child = try during("cannot start the build") { () throws(Errno) in
            try becomeSubreaper()
            return try cloneProcess()
        }
        guard child == 0 else { return child }
        do throws(SkiffError) {
            _exit(try life())
        } catch {
            report(FullDisk(temporary: remains.temporary, kept: remains.kept).explain(error))
            _exit(error.code.exitStatus)
        }
    }

    private func wait(for child: pid_t, name: String, _ ending: [CInt], interrupt: () -> Void) -> Int32 {
        while true {
            if let ended = try? waitFor(child, options: WNOHANG) {
                finish()
                guard case .signaled(let signal) = ended.status else { return ended.status.code }
                Log.fatal("While performing build: the \(name) was killed by signal \(signal)")
                return signal == SIGINT || signal == SIGTERM ? 1 : 255
            }
            guard let received = try? waitForSignal(SignalSet(ending + [SIGCHLD])), received.number != SIGCHLD else {
                continue
            }
            interrupt()
            finish()
            if name == "build" { Log.info("Build interrupted: its temporary files are removed") }
            return 1
        }
    }

    private func finish() {
        // Processes that a script has left, and scripts whose builder was killed.
        endDescendants()
        remains.remove()
    }
}
