package import Base
import CLinux
package import Linux

/// Our end of the talk with `skiff-root`. It is started outside of the container and joins its user namespace when the child
/// has made one. It ends by itself when this end is closed and no process is left that could ask it.
package struct SupervisorLink: ~Copyable {
    private let pid: pid_t
    package let control: OwnedFD

    private static let controlNumber: CInt = 3

    package static func start(_ installation: Installation) throws(SkiffError) -> SupervisorLink {
        let program = installation.rootSupervisor
        do throws(Errno) {
            let pair = try makeSocketPair()
            let ours = OwnedFD(adopting: pair.first)
            let theirs = OwnedFD(adopting: pair.second)
            // A terminal's signals are for the container, which needs its answers until the end: a session of its own.
            let pid = try spawn(
                program, ["skiff-root"], environment: [], descriptors: [(controlNumber, theirs.raw)], newSession: true)
            return SupervisorLink(pid: pid, control: ours)
        } catch {
            throw SkiffError(
                "cannot start \(program)", errno: error,
                hint: "Reinstall skiff: the program belongs beside skiff-image in libexec/skiff")
        }
    }

    /// Keeps our end open until this process ends, and skiff-root with it.
    package consuming func held() throws(SkiffError) -> CInt {
        try during("cannot keep the way to skiff-root") { () throws(Errno) in
            try control.duplicate().release()
        }
    }

    /// As the image server's: waits for its end, unless processes of the container live on.
    package consuming func shutDown() {
        do throws(Errno) {
            try sendMessage([SupervisorMessage.question.rawValue], over: control.raw)
            let answer = try receiveMessage(over: control.raw)
            if answer.bytes.first == SupervisorMessage.busy.rawValue { return }
            _ = try waitFor(pid)
        } catch {
            _ = try? waitFor(pid, options: WNOHANG)
        }
    }
}
