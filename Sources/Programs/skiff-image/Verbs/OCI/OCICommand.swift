import Base
import CLinux
import Core
import Grammar
import Linux

/// `oci`: containers of bundles (Docs/spec/cli.md §16). runc or crun makes them; skiff holds their streams.
struct OCICommand {
    let invocation: Invocation
    let settings: Settings

    init(_ invocation: Invocation, _ settings: Settings) throws(SkiffError) {
        (self.invocation, self.settings) = (invocation, settings)
        guard effectiveUID() == 0 else {
            throw SkiffError("\"\(invocation.command)\" command requires root privileges")
        }
    }

    private var word: String { invocation.positionals.first ?? "" }

    /// - Returns: the exit status.
    func run() throws(SkiffError) -> Int32 {
        switch invocation.command {
        case "oci mount":
            try OCIBundle(invocation.positionals.last ?? "").mount(word, settings)
            return 0
        case "oci umount":
            try OCIBundle(word).unmount(try? OCIRuntime(settings))
            return 0
        default: break
        }
        let container = try OCIContainer(word)
        let runtime = try OCIRuntime(settings)
        switch invocation.command {
        case "oci create":
            try create(container, runtime)
            return 0
        case "oci run": return try run(container, runtime)
        case "oci attach": return try attach(container)
        case "oci delete":
            try runtime.run("delete", container)
            container.remove()
            return 0
        case "oci kill": return try kill(container, runtime)
        case "oci update":
            guard let file = invocation[.fromFile] else {
                throw SkiffError("required flag(s) \"from-file\" not set", code: .usage)
            }
            try runtime.run(
                ["update", "--resources", file, container.id], "cannot update container \(container.id)")
            return 0
        case "oci exec":
            guard runtime.knows(container.id) else {
                OCIRuntime.removeEmptied()
                throw SkiffError("cannot exec in container \(container.id): container does not exist")
            }
            let isTerminal = terminalName(0) != nil
            try runtime.become(
                ["exec"] + (isTerminal ? ["--tty"] : []) + [container.id] + invocation.positionals.dropFirst())
        case let command:
            try runtime.run(String(command.dropFirst("oci ".count)), container)
            return 0
        }
    }

    private func create(_ container: OCIContainer, _ runtime: OCIRuntime) throws(SkiffError) {
        guard let path = invocation[.bundle] else {
            throw SkiffError("required flag(s) \"bundle\" not set", code: .usage)
        }
        let bundle = try OCIBundle(path)
        let hasTerminal = try bundle.hasTerminal()
        let log = try openLog()
        let pidFile = try invocation[.pidFile].map { path throws(SkiffError) in try absolutePath(path) }
        try container.make(runtime)
        do throws(SkiffError) {
            try startKeeper(of: container, runtime, bundle.path, hasTerminal, log)
        } catch {
            container.remove()
            throw error
        }
        if let pidFile, let pid = container.pid {
            do throws(Errno) {
                try writeFile(pidFile, Array("\(pid)".utf8), mode: 0o644)
            } catch {
                try? remove(container, runtime)
                throw SkiffError("cannot write \(pidFile)", errno: error)
            }
        }
    }

    private func openLog() throws(SkiffError) -> OCILog? {
        let name = invocation[.logFormat] ?? "kubernetes"
        guard let format = OCILog.Format(rawValue: name) else {
            throw SkiffError("cannot log as \(name): the formats are basic, kubernetes and json")
        }
        guard let path = invocation[.logPath] else { return nil }
        let file = try during("cannot open log \(path)") { () throws(Errno) in
            try open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, mode: 0o640)
        }
        return OCILog(file, format)
    }

    private func startKeeper(
        of container: OCIContainer, _ runtime: OCIRuntime, _ bundle: String, _ hasTerminal: Bool, _ log: OCILog?
    ) throws(SkiffError) {
        let (pid, report) = try during("cannot start the keeper of a container") {
            () throws(Errno) -> (pid_t, OwnedFDBox) in
            let pipe = try makePipe()
            let pid = try forkProcess()
            if pid == 0 {
                OCIKeeper.keep(
                    container, runtime, bundle: bundle, hasTerminal: hasTerminal, log: log, report: pipe.second)
            }
            _ = CLinux.close(pipe.second)
            return (pid, OwnedFDBox(OwnedFD(adopting: pipe.first)))
        }
        let said = (try? readToEnd(report.raw, limit: 1 << 16)) ?? []
        guard said == Array("+".utf8) else {
            _ = try? waitFor(pid)
            throw SkiffError(
                said.isEmpty ? "cannot create container \(container.id): its keeper has ended" : String(bytes: said))
        }
    }

    private func run(_ container: OCIContainer, _ runtime: OCIRuntime) throws(SkiffError) -> Int32 {
        try create(container, runtime)
        let code: Int32
        do throws(SkiffError) {
            code = try attach(container) { () throws(SkiffError) in
                try runtime.run("start", container)
            }
        } catch {
            try? remove(container, runtime)
            throw error
        }
        try remove(container, runtime)
        return code
    }

    private func attach(_ container: OCIContainer, start: () throws(SkiffError) -> Void = {}) throws(SkiffError)
        -> Int32
    {
        if let client = OCIClient(container), let code = try client.attach(start: start) { return code }
        // It may have ended a moment ago.
        guard let code = container.exitCode else {
            throw SkiffError(
                "cannot attach to container \(container.id): it does not run",
                hint: "Only what 'oci create' and 'oci run' have made can be attached to")
        }
        return code
    }

    private func remove(_ container: OCIContainer, _ runtime: OCIRuntime) throws(SkiffError) {
        try runtime.run(["delete", "--force", container.id], "cannot delete container \(container.id)")
        container.remove()
    }

    private func kill(_ container: OCIContainer, _ runtime: OCIRuntime) throws(SkiffError) -> Int32 {
        var signal = invocation.positionals.count > 1 ? invocation.positionals[1] : invocation[.signal] ?? "SIGTERM"
        if invocation[.force] { signal = "SIGKILL" }
        try runtime.run("kill", container, signal)
        guard let seconds = invocation[.timeout].flatMap({ UInt32(exactly: $0) }), seconds > 0, let pid = container.pid,
            let process = try? openPidFD(pid)
        else { return 0 }
        let end = monotonicMilliseconds() + Int64(seconds) * 1000
        while monotonicMilliseconds() < end {
            let left = CInt(clamping: end - monotonicMilliseconds())
            if (try? waitReadable(process.raw, milliseconds: max(left, 0))) == true { return 0 }
        }
        try runtime.run("kill", container, "SIGKILL")
        return 0
    }
}
