import Base
import CLinux
import Linux

/// Runs this program from a sealed copy in memory: a container that gets hold of /proc/PID/exe of a process of ours, such as
/// the one that waits to be started, finds nothing that it could overwrite (CVE-2019-5736).
enum SealedProgram {
    private static let name = "skiff-runtime"
    private static let variable = "SKIFF_RUNTIME_PROGRAM"

    /// Returns where this program is installed; first becomes the copy, unless it is it already.
    static func installation(_ words: [String]) throws(SkiffError) -> Installation {
        if isSealed, let program = environmentValue(variable) {
            removeEnvironmentValue(variable)
            return Installation(program: program)
        }
        try during("cannot make a copy of this program in memory") { () throws(Errno) in
            let program = try readLink("/proc/self/exe")
            let file = try open("/proc/self/exe", O_RDONLY)
            let copy = try sealedCopy(of: file.raw, name)
            let environment = environmentStrings().filter { !$0.hasPrefix(variable + "=") } + [variable + "=" + program]
            let arguments = CStringArray(words)
            try Inheritance.giveBack()
            try execute(copy.raw, arguments, CStringArray(environment))
        }
        throw SkiffError("cannot make a copy of this program in memory")
    }

    /// Whether this program is such a copy: nobody can make one that is not sealed pass for it.
    private static var isSealed: Bool {
        guard let own = try? open("/proc/self/exe", O_RDONLY), let seals = try? seals(of: own.raw) else { return false }
        let wanted = CInt(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
        return seals & wanted == wanted
    }
}
