package import Base
import CLinux
import ELF
import Linux
package import Shell

/// The result of the environment phase.
package enum EnvironmentOutcome: Sendable {
    /// A program is to be executed.
    case start(ProgramStart)
    /// Nothing is started: a script said `exit`, or there is nothing to do and that is no failure.
    case end(status: Int32, output: [ContainerText], messages: [PlanMessage] = [])
}

/// What a script of the image printed.
package struct ContainerText: Sendable, Equatable {
    package var isError: Bool
    package var bytes: [UInt8]
}

/// One way to start the program.
package struct ExecAttempt: Sendable, Equatable {
    package enum Program: Sendable, Equatable {
        case path([UInt8])
        /// The static shell of libexec, by descriptor.
        case staticShell
    }

    package var program: Program
    package var arguments: [[UInt8]]

    package init(_ program: Program, _ arguments: [[UInt8]]) {
        self.program = program
        self.arguments = arguments
    }
}

/// A program with its environment, ready for execve(2).
package struct ProgramStart: Sendable {
    /// `NAME=VALUE`.
    package var environment: [[UInt8]]
    package var attempt: ExecAttempt
    /// To be printed first, in order.
    package var output: [ContainerText] = []
    package var messages: [PlanMessage] = []
    /// Why a shell runs the scripts, if one does.
    package var shellReason: String?

    /// Puts words in front of the program, the first of them the program that is executed then.
    package mutating func wrap(in words: [[UInt8]]) throws(SkiffError) {
        guard let wrapper = words.first else { return }
        guard case .path(let path) = attempt.program else {
            throw SkiffError("cannot start \(String(bytes: wrapper)) in front of the program: the image has no shell")
        }
        attempt = ExecAttempt(.path(wrapper), words + [path] + attempt.arguments.dropFirst())
    }

    /// Prints the output and becomes the program. Returns only with the reason why it could not.
    /// - Parameter staticShell: descriptor of the static shell, if the installation has one.
    func execute(staticShell: Int32?, files: any RootFiles, registered: RegisteredInterpreters) -> SkiffError {
        let check = InterpreterCheck(files: files, registered: registered)
        for text in output { try? writeFully(text.isError ? 2 : 1, text.bytes) }
        for message in messages { message.level == .info ? Log.info(message.text) : Log.error(message.text) }
        let variables = CStringArray(bytes: environment)
        var current = attempt
        // The program, /bin/sh for a script without interpreter line, the static shell: there are no others.
        for _ in 0..<3 {
            if case .path(let path) = current.program, let obstacle = check.obstacle(to: path) { return obstacle }
            let failure = ProgramStart.tryExecute(current, variables, staticShell)
            guard
                let next = ExecFallback(files: files).next(
                    after: failure, of: current, hasStaticShell: staticShell != nil)
            else { return ExecFallback(files: files).explain(failure, current) }
            current = next
        }
        return ExecFallback(files: files).explain(.noExecFormat, current)
    }

    /// Asks the kernel to read the program now, up to `limit` bytes. Otherwise it comes one page fault at a time, each
    /// of them a request to the image server that has to be waited for.
    package func readAhead(_ files: ContainerFiles, limit: Int = 4 << 20) {
        guard case .path(let path) = attempt.program, let file = try? files.open(path),
            let found = try? status(of: file.raw)
        else { return }
        Linux.readAhead(file.raw, count: Int(min(found.size, Int64(limit))))
    }

    private static func tryExecute(_ attempt: ExecAttempt, _ variables: CStringArray, _ staticShell: Int32?) -> Errno {
        let arguments = CStringArray(bytes: attempt.arguments)
        do throws(Errno) {
            switch attempt.program {
            case .path(let path): try Linux.execute(path, arguments, variables)
            case .staticShell:
                guard let staticShell else { return .noSuchFile }
                // /proc/PID/exe leads to the file that is executed: the owner of the installation could write to it
                // from inside, as in CVE-2019-5736.
                let copy = try sealedCopy(of: staticShell, "sh")
                try Linux.execute(copy.raw, arguments, variables)
            }
        } catch {
            return error
        }
        return .noExecFormat
    }
}

/// What to try when the kernel refused a program, and what to say if nothing works. Docs/spec/runtime.md §6.
struct ExecFallback {
    let files: any RootFiles
    static var shell: [UInt8] { Array("/bin/sh".utf8) }

    func next(after failure: Errno, of attempt: ExecAttempt, hasStaticShell: Bool) -> ExecAttempt? {
        guard case .path(let path) = attempt.program else { return nil }
        let hasShell = files.permits(Self.shell, X_OK)
        switch failure {
        case .noExecFormat:
            guard path != Self.shell else { return nil }
            let arguments = [Self.shell, path] + attempt.arguments.dropFirst()
            if hasShell { return ExecAttempt(.path(Self.shell), arguments) }
            return hasStaticShell && !isELF(path) ? ExecAttempt(.staticShell, arguments) : nil
        case .noSuchFile:
            guard hasStaticShell, !hasShell, let interpreter = interpreter(of: path), interpreter.first == Self.shell
            else {
                return nil
            }
            return ExecAttempt(.staticShell, interpreter + [path] + attempt.arguments.dropFirst())
        default: return nil
        }
    }

    private func isELF(_ path: [UInt8]) -> Bool { ELFMachine.read(path, files) != nil }

    /// Returns the words of a `#!` line.
    func interpreter(of path: [UInt8]) -> [[UInt8]]? {
        (try? files.head(path, count: 256)).flatMap(ProgramInterpreter.ofScript)
    }

    func explain(_ failure: Errno, _ attempt: ExecAttempt) -> SkiffError {
        guard case .path(let path) = attempt.program else {
            return SkiffError("exec /bin/sh failed", errno: failure, hint: "Install a shell into the image.")
        }
        let name = String(bytes: path)
        if let machine = ELFMachine.read(path, files) ?? ELFMachine.read(Self.shell, files), machine != ELFMachine.own {
            return SkiffError("image targets '\(machine)', cannot run on '\(ELFMachine.own)'")
        }
        if failure == .noSuchFile {
            if let interpreter = interpreter(of: path)?.first {
                let text = String(bytes: interpreter)
                return SkiffError("exec \(name) failed: its interpreter \(text) is missing in the image")
            }
            return SkiffError("exec \(name) failed: a shared library is likely missing in the image")
        }
        return SkiffError("exec \(name) failed", errno: failure)
    }
}

/// The processor that an ELF file is made for, under the names that images use; elf(5).
package enum ELFMachine {
    package static var own: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #elseif arch(powerpc64le)
        "ppc64le"
        #elseif arch(s390x)
        "s390x"
        #else
        "riscv64"
        #endif
    }

    /// Returns nil if the file is not an ELF file.
    static func read(_ path: [UInt8], _ files: any RootFiles) -> String? {
        guard let head = try? files.head(path, count: ELFHeader.size) else { return nil }
        return name(head)
    }

    package static func name(_ head: [UInt8]) -> String? {
        guard let header = ELFHeader(head) else { return nil }
        let isLittle = !header.isBigEndian
        switch header.machine {
        case 3: return "386"
        case 8: return isLittle ? "mipsle" : "mips"
        case 21: return isLittle ? "ppc64le" : "ppc64"
        case 22: return "s390x"
        case 40: return "arm"
        case 62: return "amd64"
        case 183: return "arm64"
        case 243: return "riscv64"
        default: return "unknown architecture"
        }
    }
}
