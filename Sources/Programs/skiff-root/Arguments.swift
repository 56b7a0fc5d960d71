import Base
import Core
import Linux

/// The command line of `skiff-root`: only skiff starts it.
package enum RootProgram {
    /// `skiff-root` answers calls; the control socket is descriptor 3. `skiff-root run PROGRAM ARGUMENT...` becomes the program
    /// and hands its listener in over descriptor 3.
    package static func run(_ words: [String]) -> Int32 {
        do throws(SkiffError) {
            switch words.dropFirst().first {
            case nil: try serve()
            case "run": try becomeProgram(Array(words.dropFirst(2)))
            default: throw SkiffError("cannot start skiff-root: only skiff does", code: .usage)
            }
            return 0
        } catch {
            report(error)
            return error.code.exitStatus
        }
    }

    private static let control: CInt = 3

    /// Nobody hears what goes wrong here: the launch notices that its listener is not taken, and the container that its calls
    /// fail.
    private static func serve() throws(SkiffError) {
        detachFromCaller(keeping: [control])
        setProcessName("skiff-root")
        try during("cannot answer system calls") { () throws(Errno) in
            try setInherited(control, false)
            try Supervisor(control: control).run()
        }
    }

    private static func becomeProgram(_ words: [String]) throws(SkiffError) {
        guard let program = words.first else { throw SkiffError("cannot run: no program is named", code: .usage) }
        try during("cannot run \(program) as root") { () throws(Errno) in
            try setInherited(control, false)
            try supervise(SyscallFilter.supervised(), over: control, keeping: .listenOnEverything)
            try execute(program, CStringArray(words), CStringArray(environmentStrings()))
        }
    }
}
