import CLinux
import Core
import Linux

/// Does the work of a build in a process of its own and cleans up after it, however it ends: success, failure, a signal to
/// either, or kill -9 of the worker. Nothing of an unfinished build stays.
struct BuildSupervisor {
    /// Removed at the end unless `keeps`.
    let temporary: String
    /// Removed always: after success it has been renamed away.
    let part: String
    let keeps: Bool

    /// - Returns: the exit status of the build.
    func run(_ work: () throws(SkiffError) -> Void) throws(SkiffError) -> Int32 {
        let mask = try during("cannot block signals") { () throws(Errno) in
            // Scripts whose parent is gone come to us, so that they can be ended.
            try becomeSubreaper()
            return try setSignalMask(SignalSet([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD]))
        }
        let worker = try during("cannot start the build") { () throws(Errno) in try cloneProcess() }
        if worker == 0 { Self.work(mask, work) }
        let status = wait(for: worker)
        if keeps {
            Log.info("Build temporary files are kept in \(temporary)")
        } else {
            cleanUp(temporary)
        }
        cleanUp(part)
        return status
    }

    private static func work(_ mask: SignalSet, _ work: () throws(SkiffError) -> Void) -> Never {
        do throws(SkiffError) {
            try during("cannot prepare the build") { () throws(Errno) in
                try setParentDeathSignal(SIGKILL)
                _ = try setSignalMask(mask)
            }
            try work()
            _exit(0)
        } catch {
            report(error)
            _exit(error.code.exitStatus)
        }
    }

    private func wait(for worker: pid_t) -> Int32 {
        while true {
            if let ended = try? waitFor(worker, options: WNOHANG) {
                endDescendants()
                if case .signaled(let signal) = ended.status {
                    Log.fatal("While performing build: the build was killed by signal \(signal)")
                    return signal == SIGINT || signal == SIGTERM ? 1 : 255
                }
                return ended.status.code
            }
            let signals = SignalSet([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD])
            guard let received = try? waitForSignal(signals), received.signal != SIGCHLD else { continue }
            try? sendSignal(SIGKILL, to: worker)
            _ = try? waitFor(worker)
            endDescendants()
            Log.info("Build interrupted: its temporary files are removed")
            return 1
        }
    }

    /// What a script left behind, and scripts whose builder was killed.
    private func endDescendants() {
        let pid = processID()
        while let text = try? readFile("/proc/\(pid)/task/\(pid)/children", limit: 1 << 16) {
            let children = text.split(separator: 0x20).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
            if children.isEmpty { return }
            for child in children {
                try? sendSignal(SIGKILL, to: child)
                _ = try? waitFor(child)
            }
        }
    }

    private func cleanUp(_ path: String) {
        do throws(Errno) {
            try removeTree(path)
        } catch {
            Log.warning("cannot remove \(path): \(error)")
        }
    }
}
