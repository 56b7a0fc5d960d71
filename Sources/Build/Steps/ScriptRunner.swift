import Base
import CLinux
import Core
import Linux
import Packing

/// Runs the scripts of a definition: `%pre` and `%setup` on the host, `%post` and `%test` in the image, which `skiff` launches from a
/// request on a descriptor (Docs/decisions/008).
struct ScriptRunner {
    /// On the host.
    let rootPath: String
    let definition: Definition
    let options: BuildOptions
    let installation: Installation
    /// For files that are not part of the image; private.
    let temporary: String

    private static let environmentScript = "/.singularity.d/env/91-environment.sh"
    private static let labelFile = "/.build.labels"

    /// `%pre` or `%setup`.
    func onHost(_ section: SectionName, _ script: Stage.Script) throws(SkiffError) {
        let name = section.rawValue
        Log.info("Running \(name) scriptlet")
        let file = temporary + "/" + name
        try during("cannot write \(file)") { () throws(Errno) in try writeFile(file, script.body, mode: 0o700) }
        let names = ["APPTAINER", "SINGULARITY"]
        let added = names.flatMap {
            ["\($0)_ROOTFS=\(rootPath)", "\($0)_ENVIRONMENT=\(Self.environmentScript)"]
        }
        let kept = environmentWithoutKeys().filter { line in
            !added.contains { line.hasPrefix($0.prefix { $0 != "=" } + "=") }
        }
        let shell = HostProgram(path: "/bin/sh", identity: options.identity, installation: installation)
        let status = try shell.run(["sh"] + shellWords(script, file), environment: kept + added)
        guard status == .exited(0) else {
            throw failure("failed to run %\(name) script", status, section, script.line)
        }
    }

    func post(_ script: Stage.Script, _ root: RootTree) throws(SkiffError) {
        Log.info("Running post scriptlet")
        guard root.exists("/bin/sh") else {
            throw SkiffError(
                "While performing build: cannot run %post (\(definition.place(script.line))): the image has no /bin/sh",
                hint: "Copy a shell with %files or %setup, or leave %post out")
        }
        try root.write("/.post.script", script.body, mode: 0o755)
        var request = imageRequest(.exec, root)
        request.arguments = (["/bin/sh"] + shellWords(script, "/.post.script")).map(\.bytes)
        request.writable = true
        request.cleanEnvironment = true
        request.pluginFlags = options.pluginFlags.filter { $0.name != "writable-tmpfs" }
        for prefix in ["APPTAINER", "SINGULARITY"] {
            request.environment.append((prefix + "_ENVIRONMENT", Self.environmentScript))
            request.environment.append((prefix + "_LABELS", Self.labelFile))
        }
        let status = try launch(request)
        try root.remove("/.post.script")
        guard status == .exited(0) else {
            throw failure("while running engine: while running %post section", status, .post, script.line)
        }
    }

    func test(_ script: Stage.Script, _ root: RootTree) throws(SkiffError) {
        Log.info("Running testscript")
        var request = imageRequest(.test, root)
        request.pluginFlags = options.pluginFlags
        let status = try launch(request)
        guard status == .exited(0) else {
            throw failure("failed to execute %test script", status, .test, script.line)
        }
    }

    private func failure(_ what: String, _ status: ExitStatus, _ section: SectionName, _ line: Int) -> SkiffError {
        SkiffError(
            "While performing build: \(what): \(status.text)",
            hint: line == 0 ? nil : "%\(section.rawValue) begins at \(definition.place(line))")
    }

    /// Returns `-ex`, the arguments of the section and the script. With `-c PROGRAM` the shell starts PROGRAM with the script.
    private func shellWords(_ script: Stage.Script, _ file: String) -> [String] {
        let words = script.arguments.split(separator: " ").map(String.init)
        if words.first == "-c" { return ["-ex", "-c", (words.dropFirst() + [file]).joined(separator: " ")] }
        return ["-ex"] + words + [file]
    }

    func imageRequest(_ action: Request.Action, _ root: RootTree) -> Request {
        var request = Request(action: action, image: root.path)
        request.buildConfiguration = true
        request.configurationFile = options.configurationFile
        request.userMapping = .inherited
        request.newPID = options.identity.hasStepProcesses
        request.inheritedRoot = options.identity.rootMode.map {
            InheritedRoot(mode: $0, supervisor: options.identity.supervisor.map { _ in Self.supervisorNumber })
        }
        request.directory = "/"
        // The user's own binds win over the host's files.
        let taken = Set(options.binds.map(\.destination))
        request.binds = hostFiles(root).filter { !taken.contains($0.destination) } + options.binds
        return request
    }

    /// Returns binds of copies of the host's name service files, which lie over the image's while a script runs.
    private func hostFiles(_ root: RootTree) -> [Request.Bind] {
        ["/etc/resolv.conf", "/etc/hosts"].compactMap { path in
            guard let bytes = try? readFile(path) else { return nil }
            guard root.exists(path) else {
                Log.warning("\(path) does not exist in the image: the host's is not shown to the script")
                return nil
            }
            let copy = temporary + "/" + lastComponent(path)
            guard (try? writeFile(copy, bytes + [0x0A], mode: 0o644)) != nil else { return nil }
            return Request.Bind(source: copy, destination: path)
        }
    }

    func launch(_ request: Request) throws(SkiffError) -> ExitStatus {
        guard let launcher = options.identity.launcher else {
            throw SkiffError("cannot run a step: the build has no launcher for it")
        }
        let file = try during("cannot hand a script to skiff") { () throws(Errno) in
            try makeMemoryFile("skiff-request", request.encoded())
        }
        let socket: OwnedFD? =
            if let control = options.identity.supervisor {
                try SupervisorLink.handover(over: control)
            } else {
                nil
            }
        return try StepLauncher.run(file, over: launcher, supervisor: socket, isInside: options.identity.isInside)
    }

    static let supervisorNumber: CInt = 4

    private func run(
        _ program: String, _ arguments: [String], environment: [String]
    ) throws(SkiffError) -> ExitStatus {
        try during("cannot start \(program)") { () throws(Errno) in
            let pid = try spawn(program, [lastComponent(program)] + arguments, environment: environment)
            guard let ended = try waitFor(pid) else { throw .noChild }
            return ended.status
        }
    }
}

extension ExitStatus {
    /// As Apptainer says it.
    var text: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signaled(let signal), .stopped(let signal): "signal: \(signal)"
        }
    }
}
