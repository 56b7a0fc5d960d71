import CLinux
import Core
import Linux
import Synchronization

/// Files and directories that must not outlive the command: removed when it is done with them, and when SIGINT, SIGTERM
/// or SIGHUP ends it.
package enum Cleanup {
    private static let paths = Mutex<Set<String>>([])
    private static let isWatching = Mutex<Bool>(false)
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Begins to watch for signals. Call it before other threads begin: they inherit the mask.
    package static func watch() {
        let isFirst = isWatching.withLock { isWatching in
            defer { isWatching = true }
            return !isWatching
        }
        guard isFirst, let before = try? setSignalMask(SignalSet(signals)) else { return }
        do throws(Errno) {
            try startThread {
                guard let received = try? waitForSignal(SignalSet(signals)) else { return }
                removeAll()
                resetSignal(received.signal)
                _ = try? setSignalMask(.none)
                try? sendSignal(received.signal, to: processID())
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

    /// It has got its place and stays.
    static func forget(_ path: String) { paths.withLock { _ = $0.remove(path) } }

    package static func removeAll() {
        let all = paths.withLock { paths in
            defer { paths = [] }
            return paths
        }
        for path in all { try? removeTree(path) }
    }
}
