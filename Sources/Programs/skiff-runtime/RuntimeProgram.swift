import Base
import Bundles
import CLinux
import Core
import Grammar
import Linux

/// The `skiff-runtime` program: an OCI runtime with the command line of `runc`.
struct RuntimeProgram {
    private let installation: Installation
    private let invocation: Invocation
    private let log: RuntimeLog

    /// Runs the program from the first instruction to the last.
    static func main() -> Never {
        Inheritance.take()
        let words = processArguments()
        let name = ProgramName(calledAs: ProgramName.runtime)
        do throws(SkiffError) {
            let installation = try SealedProgram.installation(words)
            let grammar = Grammar(program: name)
            switch try grammar.parse(Array(words.dropFirst()), environment: FlagEnvironment([])) {
            case .answer(let answer):
                try? writeFully(2, answer.standardError.printableLines)
                try? writeFully(1, answer.standardOutput.printableLines)
                leave(answer.status)
            case .command(let invocation):
                RuntimeProgram(installation: installation, invocation: invocation, log: RuntimeLog(invocation)).run()
            }
        } catch {
            report(error)
            leave(error.code.exitStatus)
        }
    }

    private func run() -> Never {
        if invocation.globalFlags[.debug] { Log.level = Log.Level.debug.rawValue }
        do throws(SkiffError) {
            leave(try perform())
        } catch {
            log.write(error)
            report(error)
            // runc ends with 1 for all failures, and engines expect no other code.
            leave(1)
        }
    }

    private func perform() throws(SkiffError) -> CInt {
        let runtime = BundleRuntime(
            try ContainerStore(invocation.globalFlags[.root]), installation,
            makesScopes: invocation.globalFlags[.systemdCgroup])
        let id = invocation.positionals.first ?? ""
        switch invocation.command {
        case "create", "run": return try make(id, runtime)
        case "exec": return try exec(id, runtime)
        case "start": try runtime.start(id)
        case "state": try print(runtime.state(id).text(indent: "  ") + "\n")
        case "kill":
            let word = invocation.positionals.count > 1 ? invocation.positionals[1] : "TERM"
            let signal = try SignalName.number(word)
            try runtime.kill(id, signal, all: invocation[.all])
        case "delete": try runtime.delete(id, force: invocation[.force])
        case "list": try print(Listing(runtime).text(invocation))
        case "ps": try print(Listing(runtime).processes(id, invocation))
        case "pause": try runtime.freeze(id, true)
        case "resume": try runtime.freeze(id, false)
        case "update": try ResourceUpdate(invocation).run(id, runtime)
        case "events": try ContainerEvents(invocation).run(id, runtime)
        case "spec": try BundleTemplate(invocation).write()
        case "features": try print(Features.json.text(indent: "  ") + "\n")
        default: throw SkiffError("cannot \(invocation.command): it is not a command", code: .usage)
        }
        return 0
    }

    private func print(_ text: String) throws(SkiffError) {
        try during("cannot write the answer") { () throws(Errno) in try writeFully(1, text) }
    }

    // MARK: - programs

    private func connections(isWaitedFor: Bool) throws(SkiffError) -> BundleRuntime.Connections {
        var connections = BundleRuntime.Connections()
        connections.consoleSocket = invocation[.consoleSocket]
        connections.pidFile = invocation[.pidFile]
        connections.keepsKeyring = invocation[.noNewKeyring]
        connections.isWaitedFor = isWaitedFor
        let count = invocation[.preserveFds] ?? 0
        guard (0...4096).contains(count) else { throw SkiffError("cannot pass \(count) descriptors on", code: .usage) }
        // Whatever else the caller left open leads to the host (CVE-2024-21626).
        for fd in Inheritance.descriptors where fd >= 3 + count {
            Inheritance.claim(fd)
            _ = close(fd)
        }
        for fd in 3..<3 + CInt(count) where !Inheritance.descriptors.contains(fd) {
            throw SkiffError("cannot pass descriptor \(fd) on: it is not open", hint: "--preserve-fds counts from 3")
        }
        connections.kept = Inheritance.descriptors
        return connections
    }

    private func make(_ id: String, _ runtime: BundleRuntime) throws(SkiffError) -> CInt {
        if invocation[.noPivot] {
            throw SkiffError(
                "cannot use --no-pivot: without pivot_root(2) a container can find the host's root",
                hint: "Where / is the kernel's initial file system, bind the root directory on itself first")
        }
        let waits = invocation.command == "run" && !invocation[.detach]
        let connections = try connections(isWaitedFor: waits)
        let bundle = invocation[.bundle] ?? "."
        let waiting = waits ? try Waiting() : nil
        let pid = try runtime.create(id, bundle: bundle, connections)
        if invocation.command == "create" { return 0 }
        do throws(SkiffError) {
            try runtime.start(id)
        } catch {
            if waits || !invocation[.detach] { _ = try? waitFor(pid) }
            try? runtime.remove(id)
            throw error
        }
        guard let waiting else { return 0 }
        let status = try waiting.wait(for: pid)
        if !invocation[.keep] { try runtime.remove(id) }
        return status.code
    }

    private func exec(_ id: String, _ runtime: BundleRuntime) throws(SkiffError) -> CInt {
        let waits = !invocation[.detach]
        let connections = try connections(isWaitedFor: waits)
        let waiting = waits ? try Waiting() : nil
        let pid = try runtime.exec(id, connections) { (process) throws(SkiffError) in
            try EnteringProcess(invocation).process(in: process)
        }
        guard let waiting else { return 0 }
        return try waiting.wait(for: pid).code
    }
}

/// Waits for a program and passes signals on to it.
private struct Waiting {
    /// All signals are blocked from here on, so that none is lost before there is a program; the program gets the mask that
    /// this command had.
    init() throws(SkiffError) {
        _ = try during("cannot block signals") { () throws(Errno) in try setSignalMask(.all) }
    }

    func wait(for pid: pid_t) throws(SkiffError) -> ExitStatus {
        try during("cannot wait for the container") { () throws(Errno) in
            while true {
                if let ended = try waitFor(pid, options: WNOHANG)?.status { return ended }
                let received = try waitForSignal(.all)
                if received.number == SIGCHLD || received.number == SIGURG || !received.isSent && isFault(received) {
                    continue
                }
                try? sendSignal(received.number, to: pid)
            }
        }
    }

    private func isFault(_ received: ReceivedSignal) -> Bool {
        [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPIPE].contains(received.number)
    }
}
