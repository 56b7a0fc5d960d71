import CLinux
import Core
import Linux

/// Whether the steps of a build can have a PID namespace of their own.
enum StepProcesses {
    /// Returns why they cannot, or nil when they can. The kernel mounts a /proc for a user namespace only where none of the
    /// /proc that it has is covered by other mounts, as inside of most containers it is: `mount_too_revealing`.
    ///
    /// Called while this process has one thread.
    static func obstacle() -> Errno? {
        do throws(Errno) {
            let child = try cloneProcess([.pid, .mount])
            if child == 0 { _exit(Self.attempt()) }
            switch try waitFor(child)?.status {
            case .exited(0)?: return nil
            case .exited(let number)?: return Errno(number)
            default: return .noChild
            }
        } catch {
            return error
        }
    }

    private static func attempt() -> CInt {
        do throws(Errno) {
            try setPropagation(.slave, of: "/")
            try mountFilesystem("proc", source: "proc", at: "/proc", flags: UInt(MS_NOSUID | MS_NODEV), data: "")
            return 0
        } catch {
            return error.rawValue
        }
    }
}
