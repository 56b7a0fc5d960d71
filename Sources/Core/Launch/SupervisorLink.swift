package import Base
import CLinux
package import Linux

/// Our end of the conversation with `skiff-root`, which is started outside the container and joins its user namespace
/// when the child has made one. skiff-root ends by itself when this end is closed and no process is left that could ask
/// it.
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
                hint: "Reinstall skiff: the program belongs next to skiff-image in libexec/skiff")
        }
    }

    /// Keeps our end open, and so skiff-root alive, until this process ends.
    package consuming func held() throws(SkiffError) -> CInt {
        try during("cannot keep the way to skiff-root") { () throws(Errno) in
            try control.duplicate().release()
        }
    }

    /// Returns a socket over which one launch hands in its listener. No launch gets the control socket itself, so that
    /// nobody in a container can speak for us.
    package borrowing func handover() throws(SkiffError) -> OwnedFD { try Self.handover(over: control.raw) }

    /// - Parameter control: what `held` returned.
    package static func handover(over control: CInt) throws(SkiffError) -> OwnedFD {
        try during("cannot speak to skiff-root") { () throws(Errno) in
            let pair = try makeSocketPair()
            let ours = OwnedFD(adopting: pair.first)
            let theirs = OwnedFD(adopting: pair.second)
            try sendMessage([SupervisorMessage.handover.rawValue], descriptor: theirs.raw, over: control)
            // A number far from those that a program is started with.
            return try ours.duplicate()
        }
    }

    /// Shows skiff-root the user namespace that this process is in: it must be root of the same one, and must be in no
    /// other namespace of ours, which it would keep alive.
    /// - Parameter socket: either kind.
    package static func invite(over socket: CInt) throws(SkiffError) {
        try during("cannot show the container to skiff-root") { () throws(Errno) in
            let namespace = try open("/proc/self/ns/user", O_RDONLY)
            try sendMessage([SupervisorMessage.namespace.rawValue], descriptor: namespace.raw, over: socket)
        }
    }

    /// Like the image server's: waits for the end of skiff-root, unless processes of the container live on.
    package consuming func shutDown() {
        endHelper(
            pid, over: control.raw, question: SupervisorMessage.question.rawValue, busy: SupervisorMessage.busy.rawValue
        )
    }
}
