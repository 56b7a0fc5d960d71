import Base
import Core
import Linux

/// The command line of `skiff-root`: only skiff starts it.
package enum RootProgram {
    /// `skiff-root` answers calls; the control socket is descriptor 3. `skiff-root run KIND PROGRAM ARGUMENT...`
    /// becomes the program, under a filter of that kind, and hands over its listener through descriptor 3.
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

    /// Nobody is told of errors here: the launch notices that its listener is not taken, and the container that its
    /// calls fail.
    private static func serve() throws(SkiffError) {
        detachFromCaller(keeping: [control])
        setProcessName("skiff-root")
        try during("cannot answer system calls") { () throws(Errno) in
            try setInherited(control, false)
            try Supervisor(control: control).run()
        }
    }

    private static func becomeProgram(_ words: [String]) throws(SkiffError) {
        guard let filter = words.first.flatMap({ SyscallFilter.Kind(rawValue: $0) }), words.count > 1 else {
            throw SkiffError("cannot run: no program is named", code: .usage)
        }
        let (program, words) = (words[1], Array(words.dropFirst()))
        try during("cannot run \(program) as root") { () throws(Errno) in
            try setInherited(control, false)
            try supervise(filter == .devices ? .devices() : .supervised(), over: control, keeping: .listenOnEverything)
            try execute(program, CStringArray(words), CStringArray(environmentStrings()))
        }
    }
}
