import CLinux
import Core
import Linux

/// Runs the scripts of a definition: `%setup` on the host, `%post` and `%test` in the image, which `skiff` launches from a
/// request on a descriptor (decision 7).
struct ScriptRunner {
    let root: RootTree
    let installation: Installation
    /// For files that are not part of the image; private.
    let temporary: String

    private static let environmentScript = "/.singularity.d/env/91-environment.sh"
    private static let labelFile = "/.build.labels"

    func setup(_ script: Definition.Script) throws(SkiffError) {
        Log.info("Running setup scriptlet")
        let file = temporary + "/setup"
        try during("cannot write \(file)") { () throws(Errno) in try writeFile(file, script.body, mode: 0o700) }
        let names = ["APPTAINER", "SINGULARITY"]
        let added = names.flatMap {
            ["\($0)_ROOTFS=\(root.path)", "\($0)_ENVIRONMENT=\(root.path)\(Self.environmentScript)"]
        }
        let kept = environmentStrings().filter { line in
            !added.contains { line.hasPrefix($0.prefix { $0 != "=" } + "=") }
        }
        let status = try run("/bin/sh", Array(shellWords(script, file).dropFirst()), environment: kept + added)
        guard status == .exited(0) else {
            throw SkiffError("While performing build: failed to execute %setup script: \(status.text)")
        }
    }

    func post(_ script: Definition.Script) throws(SkiffError) {
        Log.info("Running post scriptlet")
        guard root.exists("/bin/sh") else {
            throw SkiffError(
                "While performing build: cannot run %post: the image has no /bin/sh",
                hint: "Copy a shell with %files or %setup, or leave %post out")
        }
        try root.write("/.post.script", script.body, mode: 0o755)
        var request = imageRequest(.exec)
        request.arguments = ["/bin/sh"] + shellWords(script, "/.post.script")
        request.writable = true
        request.cleanEnvironment = true
        for prefix in ["APPTAINER", "SINGULARITY"] {
            request.environment.append((prefix + "_ENVIRONMENT", Self.environmentScript))
            request.environment.append((prefix + "_LABELS", Self.labelFile))
        }
        let status = try launch(request)
        try root.remove("/.post.script")
        guard status == .exited(0) else {
            throw SkiffError(
                "While performing build: while running engine: while running %post section: \(status.text)",
                hint: "The section begins in line \(script.line) of the definition")
        }
    }

    func test() throws(SkiffError) {
        Log.info("Running testscript")
        let status = try launch(imageRequest(.test))
        guard status == .exited(0) else {
            throw SkiffError("While performing build: failed to execute %test script: \(status.text)")
        }
    }

    /// `-ex`, the arguments of the section, the script: `-c PROGRAM` makes the shell start PROGRAM with it.
    private func shellWords(_ script: Definition.Script, _ file: String) -> [String] {
        let words = script.arguments.split(separator: " ").map(String.init)
        if words.first == "-c" { return ["-ex", "-c", (words.dropFirst() + [file]).joined(separator: " ")] }
        return ["-ex"] + words + [file]
    }

    private func imageRequest(_ action: Request.Action) -> Request {
        var request = Request(action: action, image: root.path)
        request.buildConfiguration = true
        request.userMapping = .inherited
        request.directory = "/"
        request.binds = hostFiles()
        return request
    }

    /// Copies of the host's name service files, bound over the image's for the time of the script.
    private func hostFiles() -> [Request.Bind] {
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

    private func launch(_ request: Request) throws(SkiffError) -> ExitStatus {
        let file = try during("cannot hand a script to skiff") { () throws(Errno) in
            try makeMemoryFile("skiff-request", request.encoded())
        }
        return try run(
            installation.launcher, ["__launch", "3"], environment: environmentStrings(), descriptors: [(3, file.raw)])
    }

    private func run(
        _ program: String, _ arguments: [String], environment: [String], descriptors: [(child: CInt, parent: CInt)] = []
    ) throws(SkiffError) -> ExitStatus {
        try during("cannot start \(program)") { () throws(Errno) in
            let pid = try spawn(
                program, [lastComponent(program)] + arguments, environment: environment, descriptors: descriptors)
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
