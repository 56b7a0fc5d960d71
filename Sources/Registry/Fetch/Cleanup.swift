import CLinux
import Linux
import Synchronization

/// Files and directories that must not outlive the command: removed when it is done with them, and when SIGINT, SIGTERM
/// or SIGHUP ends it.
package enum Cleanup {
    private static let paths = Mutex<Set<String>>([])
    /// The processes that write to the paths.
    private static let processes = Mutex<Set<pid_t>>([])
    private static let isWatching = Mutex<Bool>(false)
    private static let isEnding = Mutex<Bool>(false)
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Starts watching for signals. Call it before starting threads, which inherit the mask.
    package static func watch() {
        let isFirst = isWatching.withLock { isWatching in
            defer { isWatching = true }
            return !isWatching
        }
        // What the caller ignores, as nohup(1) does, stays ignored.
        let watched = SignalSet(signals.filter { !isIgnored($0) })
        guard isFirst, let before = try? setSignalMask(watched) else { return }
        do throws(Errno) {
            try startThread {
                guard let received = try? waitForSignal(watched) else { return }
                isEnding.withLock { $0 = true }
                removeAll()
                resetSignal(received.number)
                _ = try? setSignalMask(.none)
                try? sendSignal(received.number, to: processID())
            }
        } catch {
            _ = try? setSignalMask(before)
        }
    }

    static func add(_ path: String) { paths.withLock { _ = $0.insert(path) } }

    static func remove(_ path: String) {
        try? removeTree(path)
        forget(path)
    }

    /// Stops tracking a path, which is in its final place.
    static func forget(_ path: String) { paths.withLock { _ = $0.remove(path) } }

    /// Tracks a process that must be killed, with all that it started, before its files are removed.
    static func add(process: pid_t) { processes.withLock { _ = $0.insert(process) } }

    static func forget(process: pid_t) { processes.withLock { _ = $0.remove(process) } }

    /// Waits for ever when a signal is ending the command, so that the end of a process is not reported. A signal of
    /// the terminal reaches both processes at once, so this waits a moment for it.
    static func waitForEnd() {
        pause(milliseconds: 200)
        while isEnding.withLock({ $0 }) { pause(milliseconds: 1000) }
    }

    private static func endProcesses() {
        for process in processes.withLock({ $0 }) {
            // Its starter waits for it too, so it is only polled here.
            guard let handle = try? openPidFD(process) else { continue }
            endFamily(of: process)
            _ = try? waitReadable(handle.raw, milliseconds: 1000)
        }
    }

    package static func removeAll() {
        endProcesses()
        let all = paths.withLock { paths in
            defer { paths = [] }
            return paths
        }
        for path in all { try? removeTree(path) }
    }
}
