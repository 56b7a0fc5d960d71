import Base
import CLinux
import Linux
import Shell

/// From the action to the program: Docs/spec/runtime.md §6.
struct ActionResolver {
    let files: any RootFiles
    /// The directory to which programs' relative paths refer.
    let directory: [UInt8]

    static var runscript: String { "/.singularity.d/runscript" }

    /// What an action runs once its environment is complete.
    enum Target {
        /// A word of the user's, looked up in PATH.
        case command([[UInt8]])
        /// A file that is known to be there, with its arguments.
        case file(String, [[UInt8]])
        case nothing(PlanMessage)
    }

    func resolve(_ action: Request.Action, _ arguments: [[UInt8]], _ evaluator: inout ScriptEvaluator)
        throws(SkiffError) -> EnvironmentOutcome
    {
        let variables = evaluator.variables
        var messages: [PlanMessage] = []
        let app = variables["SINGULARITY_APPNAME"].map { String(bytes: $0) }
        switch try target(action, arguments, app: app, shell: variables["SINGULARITY_SHELL"], &messages) {
        case .nothing(let message):
            return .end(status: 0, output: evaluator.texts, messages: [message])
        case .command(let words):
            let path = try find(words.first ?? [], path: variables["PATH"] ?? [])
            return .start(start([path] + words.dropFirst(), evaluator, messages))
        case .file(let file, let arguments):
            if action == .shell, file != String(bytes: variables["SINGULARITY_SHELL"] ?? []) {
                evaluator.variables.export("SHELL", file.bytes)
            }
            if file == Self.runscript, let outcome = try runOCI(arguments, evaluator) { return outcome }
            return .start(start([file.bytes] + arguments, evaluator, messages))
        }
    }

    private func start(
        _ words: [[UInt8]], _ evaluator: ScriptEvaluator, _ messages: [PlanMessage]
    ) -> ProgramStart {
        ProgramStart(
            environment: evaluator.variables.exported(), attempt: ExecAttempt(.path(words[0]), words),
            output: evaluator.texts, messages: messages)
    }

    /// - Parameters:
    ///   - app: name of the chosen application; nil or empty for none.
    ///   - shell: the shell that the user or the image wants.
    func target(
        _ action: Request.Action, _ arguments: [[UInt8]], app: String?, shell: [UInt8]?,
        _ messages: inout [PlanMessage]
    ) throws(SkiffError) -> Target {
        let app = app.flatMap { $0.isEmpty ? nil : $0 }
        switch action {
        case .exec: return .command(arguments)
        case .shell:
            if let shell, !shell.isEmpty, files.permits(shell, X_OK) {
                return .file(String(bytes: shell), arguments)
            }
            if files.isExecutable("/bin/bash") { return .file("/bin/bash", [Array("--norc".utf8)] + arguments) }
            if files.isExecutable("/bin/sh") { return .file("/bin/sh", arguments) }
            throw SkiffError("/bin/sh does not exist in container", code: .command)
        case .run:
            if let app { return try appFile("runscript", app, arguments, "no runscript for contained app: \(app)") }
            for file in [Self.runscript, "/apptainer"] where files.isExecutable(file) { return .file(file, arguments) }
            guard files.isExecutable("/bin/sh") else {
                throw SkiffError(
                    "No runscript and no /bin/sh executable found in container, aborting", code: .command)
            }
            messages.append(.init(level: .info, text: "No runscript found in container, executing /bin/sh"))
            return .file("/bin/sh", arguments)
        case .test:
            if let app { return try appFile("test", app, arguments, "No tests for contained app: \(app)") }
            if files.isExecutable("/.singularity.d/test") { return .file("/.singularity.d/test", arguments) }
            return .nothing(.init(level: .info, text: "No test script found in container, exiting"))
        case .start:
            if let app { return try appFile("startscript", app, arguments, "No startscript for contained app: \(app)") }
            if files.isExecutable("/.singularity.d/startscript") {
                return .file("/.singularity.d/startscript", arguments)
            }
            return .nothing(.init(level: .info, text: "No instance start script found in container"))
        }
    }

    private func appFile(_ file: String, _ app: String, _ arguments: [[UInt8]], _ complaint: String) throws(SkiffError)
        -> Target
    {
        let path = "/scif/apps/\(app)/scif/\(file)"
        guard files.isExecutable(path) else { throw SkiffError(complaint, code: .command) }
        return .file(path, arguments)
    }

    // MARK: PATH

    /// Returns the program that a word means, as an absolute path; errors have the texts that users of Apptainer know.
    func find(_ word: [UInt8], path: [UInt8]) throws(SkiffError) -> [UInt8] {
        if word.contains(ASCII.slash) {
            let full = absolute(word)
            if let problem = problem(of: full) { throw problem }
            return full
        }
        if !word.isEmpty {
            for folder in path.split(separator: ASCII.colon, omittingEmptySubsequences: false) {
                let full = absolute(folder.isEmpty ? word : Array(folder) + [ASCII.slash] + word)
                if problem(of: full) == nil { return full }
            }
        }
        throw SkiffError("\"\(String(bytes: word))\": executable file not found in $PATH")
    }

    private func problem(of path: [UInt8]) -> SkiffError? {
        let found: FileStatus
        do throws(Errno) { found = try files.status(path) } catch {
            return SkiffError("stat \(String(bytes: path))", errno: error)
        }
        // Apptainer gives only the reason; ours ends with it.
        let start = "exec \(String(bytes: path)) failed"
        if found.isDirectory { return SkiffError("\(start): is a directory") }
        return found.permissions & 0o111 == 0 ? SkiffError("\(start): permission denied") : nil
    }

    /// Returns the path joined to the current directory, without `.`, `..` and doubled slashes.
    private func absolute(_ path: [UInt8]) -> [UInt8] {
        TreePath(path.first == ASCII.slash ? path : directory + [ASCII.slash] + path).cleaned.bytes
    }

    // MARK: OCI runscripts

    /// Evaluates runscripts made from ENTRYPOINT and CMD, recognised by this very line, so that an image without
    /// /bin/sh runs (Docs/spec/deffile.md §9). Returns nil for any other script, or one that a shell must run.
    private func runOCI(_ arguments: [[UInt8]], _ evaluator: ScriptEvaluator) throws(SkiffError)
        -> EnvironmentOutcome?
    {
        guard let script = try? files.read(Array(Self.runscript.utf8), limit: ScriptParser.sizeLimit),
            ActionResolver.isOCI(script)
        else { return nil }
        var inner = ScriptEvaluator(files: files)
        inner.variables = evaluator.variables
        inner.positional = arguments
        inner.isRunscript = true
        do throws(ScriptStop) {
            try inner.run(script)
        } catch .executed(let words) {
            let path = try find(words.first ?? [], path: inner.variables["PATH"] ?? [])
            return .start(
                ProgramStart(
                    environment: inner.variables.exported(),
                    attempt: ExecAttempt(.path(path), [path] + words.dropFirst()),
                    output: evaluator.texts + inner.texts))
        } catch .exited(let code) where code != 0 {
            return .end(status: code, output: evaluator.texts + inner.texts)
        } catch {
            return nil
        }
        return nil
    }

    static func isOCI(_ script: [UInt8]) -> Bool {
        let line = Array("eval \"set ${SINGULARITY_OCI_RUN}\"".utf8)
        return script.split(separator: ASCII.newline).contains { $0.elementsEqual(line) }
    }
}
