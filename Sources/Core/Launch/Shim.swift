import Base
import CLinux
import Linux

/// PID 1 of a container with its own PID namespace: starts the program, reaps whatever is left to it, passes signals on,
/// and ends with the program's status. When it ends the kernel kills the rest of the namespace; pid_namespaces(7).
enum Shim {
    /// Called in PID 1, before the environment is made. Comes back only in the new process, which becomes the program.
    /// - Parameter release: closes what only the program's process may keep.
    static func run(release: () -> Void) throws(SkiffError) {
        let program = try during("cannot start the program's process") { () throws(Errno) in try cloneProcess() }
        if program == 0 { return }
        release()
        setProcessName("appinit")
        while true {
            reap(until: program)
            guard let received = try? waitForSignal(.all) else { continue }
            if received.signal == SIGCHLD { continue }
            // Of the terminal's signals the program has its own copy: it is in the same process group.
            if received.fromUser { try? sendSignal(received.signal, to: program) }
        }
    }

    private static func reap(until program: pid_t) {
        while let ended = try? waitFor(-1, options: WNOHANG) {
            if ended.pid == program { _exit(ended.status.code) }
        }
    }
}
