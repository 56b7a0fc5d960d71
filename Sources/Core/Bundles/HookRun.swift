package import Base
import CLinux
import Linux

/// Runs one hook of a bundle: a program that reads the container's state, as JSON, from its standard input; the runtime
/// specification of OCI, "POSIX-platform Hooks".
package struct HookRun {
    private let hook: PlannedBundle.Hook

    package init(_ hook: PlannedBundle.Hook) { self.hook = hook }

    /// Waits until the hook has ended. It gets the standard error of this process, and no other descriptor.
    /// - Throws: where it cannot be started, does not succeed, or takes too long; it is killed then.
    package func run(state: [UInt8]) throws(SkiffError) {
        let (path, name) = (hook.path, hook.name)
        let pid = try during("cannot run \(name), \(path)") { () throws(Errno) in
            let input = try makeMemoryFile("state", state)
            try rewind(input.raw)
            let null = try open("/dev/null", O_RDWR)
            let words = hook.arguments.isEmpty ? [path] : hook.arguments
            return try spawn(
                path, words, environment: hook.environment, descriptors: [(0, input.raw), (1, null.raw)],
                newSession: true)
        }
        switch try end(of: pid) {
        case .exited(0): return
        case .exited(let code): throw SkiffError("cannot go on: \(name), \(path), ended with exit code \(code)")
        case .signaled(let signal), .stopped(let signal):
            throw SkiffError("cannot go on: \(name), \(path), ended by signal \(signal)")
        }
    }

    private func end(of pid: pid_t) throws(SkiffError) -> ExitStatus {
        do throws(Errno) {
            if let timeout = hook.timeout {
                let handle = try openPidFD(pid)
                let milliseconds = CInt(clamping: timeout.multipliedReportingOverflow(by: 1000).partialValue)
                guard try waitReadable(handle.raw, milliseconds: milliseconds) else {
                    try? sendSignal(SIGKILL, to: handle)
                    _ = try? waitFor(pid)
                    throw Errno(ETIMEDOUT)
                }
            }
            return try waitFor(pid)?.status ?? .exited(255)
        } catch {
            throw SkiffError("cannot wait for \(hook.name), \(hook.path)", errno: error)
        }
    }
}
