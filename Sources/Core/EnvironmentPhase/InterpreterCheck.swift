import Base
import Linux
import Shell

/// Checks whether a program of the image, or what the kernel takes for its interpreter, leads out of the image.
///
/// `/proc/self/exe` as `#!` line, as PT_INTERP, or at the end of links is skiff itself until execve(2) has succeeded.
/// skiff would then run with the libraries of the image, which has its file open and, where it belongs to the user, may
/// write to it (CVE-2019-5736). Only magic links of /proc lead there, and files of the container are looked up without
/// them.
struct InterpreterCheck {
    let files: any RootFiles
    let registered: RegisteredInterpreters

    /// How often the kernel goes from script to script: the program after the last one is loaded; exec_binprm().
    private static let mostScripts = 5

    /// Returns why the program must not be executed; nil if nothing speaks against it. Missing files are left to the
    /// kernel.
    func obstacle(to program: [UInt8]) -> SkiffError? {
        if leadsOut(program) { return SkiffError("exec \(String(bytes: program)) failed: it leads out of the image") }
        // Which of them the kernel takes is the host's affair: none of an honest image leads out.
        for interpreter in registered.paths where leadsOut(interpreter) {
            return SkiffError(
                "exec \(String(bytes: program)) failed: \(String(bytes: interpreter)), which this host runs programs of "
                    + "some kinds with, leads out of the image")
        }
        var current = program
        for _ in 0...Self.mostScripts {
            do throws(Errno) {
                let script = ProgramInterpreter.ofScript(try files.head(current, count: 256))?.first
                for interpreter in script.map({ [$0] }) ?? elfInterpreters(of: current) where leadsOut(interpreter) {
                    return SkiffError(
                        "exec \(String(bytes: program)) failed: its interpreter \(String(bytes: interpreter)) leads out of the image"
                    )
                }
                guard let script else { return nil }
                current = script
            } catch {
                return error == .accessDenied && isOwnProgramOurs ? unreadable(program) : nil
            }
        }
        return nil
    }

    private func elfInterpreters(of program: [UInt8]) -> [[UInt8]] {
        ProgramInterpreter.ofELF { offset, count in try? files.bytes(program, at: offset, count: count) }
    }

    /// The kernel reads what the caller may only execute. Where skiff belongs to somebody else, nothing is lost by it.
    private var isOwnProgramOurs: Bool {
        guard let own = try? status("/proc/self/exe") else { return true }
        return own.uid == effectiveUID()
    }

    private func unreadable(_ program: [UInt8]) -> SkiffError {
        SkiffError(
            "exec \(String(bytes: program)) failed: it may be executed but not read, so nobody knows its interpreter",
            hint: "Make it readable in the image, or use a skiff that root has installed.")
    }

    private func leadsOut(_ path: [UInt8]) -> Bool {
        do throws(Errno) {
            _ = try files.status(path)
            return false
        } catch {
            // openat2(2) RESOLVE_NO_MAGICLINKS; also for circular links, which the kernel refuses in the same way.
            return error == .tooManySymlinks
        }
    }
}
