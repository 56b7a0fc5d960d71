package import Base
import Linux
package import Shell

/// The environment phase, in the child, once the root file system is mounted: runs the image's scripts in the order of
/// Docs/spec/runtime.md §5.2 and says which program starts with which environment.
package struct EnvironmentRun {
    let plan: EnvironmentPlan
    let action: Request.Action
    /// For `exec`, the program and its arguments; otherwise the arguments of the script.
    let arguments: [[UInt8]]
    let files: any RootFiles
    /// The current directory, which becomes PWD.
    let directory: [UInt8]

    static let scriptDirectory = "/.singularity.d/env"

    package init(
        _ plan: EnvironmentPlan, action: Request.Action, arguments: [[UInt8]], directory: [UInt8], files: any RootFiles
    ) {
        self.plan = plan
        self.action = action
        self.arguments = arguments
        self.directory = directory
        self.files = files
    }

    /// - Throws: when there is nothing to start: no such program, no runscript.
    package func run() throws(SkiffError) -> EnvironmentOutcome {
        if plan.isExact { return try exact() }
        let scripts = self.scripts()
        for script in scripts {
            if case .failure(let reason) = script.program { return try startShell(scripts, because: reason) }
        }
        var evaluator = ScriptEvaluator(files: files)
        let saved = prepare(&evaluator)
        do throws(ScriptStop) {
            try evaluate(scripts, &evaluator)
            try finish(&evaluator, saved)
        } catch {
            switch error {
            case .needsShell(let reason): return try startShell(scripts, because: reason)
            case .exited(let code): return .end(status: code, output: evaluator.texts)
            case .returned, .executed: return try startShell(scripts, because: NeedsShell("exec"))
            }
        }
        let resolver = ActionResolver(files: files, directory: directory)
        return try resolver.resolve(action, arguments, &evaluator)
    }

    private func exact() throws(SkiffError) -> EnvironmentOutcome {
        var evaluator = ScriptEvaluator(files: files)
        for variable in plan.variables { evaluator.variables.export(variable.name, variable.value) }
        return try ActionResolver(files: files, directory: directory).resolve(action, arguments, &evaluator)
    }

    // MARK: Scripts

    struct Script {
        var path: String
        /// Nil if it cannot be read; a shell would say so and go on.
        var program: Result<ShellCommand, NeedsShell>?
        var size = 0
    }

    /// Returns the scripts of the image in glob order. `99-runtimevars.sh` is always ours.
    func scripts() -> [Script] {
        guard let names = files.list(Array(Self.scriptDirectory.utf8)) else {
            return files.isRegular("/environment") ? [read("/environment")] : []
        }
        var result: [Script] = []
        for name in names {
            guard name.count > 3, name.first != UInt8(ascii: "."), name.suffix(3).elementsEqual(Array(".sh".utf8))
            else { continue }
            let script = read(Self.scriptDirectory + "/" + String(bytes: name))
            if script.program != nil || files.isRegular(script.path) { result.append(script) }
        }
        return result
    }

    private func read(_ path: String) -> Script {
        if lastComponent(path) == "99-runtimevars.sh" {
            return Script(path: path, program: parse(Array(ImageScripts.runtimeVariables.utf8)))
        }
        do throws(Errno) {
            let text = try files.read(path.bytes, limit: ScriptParser.sizeLimit)
            return Script(path: path, program: parse(text), size: text.count)
        } catch {
            // Too large to judge: only a shell can run it.
            return Script(
                path: path, program: error == .overflow ? .failure(NeedsShell("script larger than 1 MiB")) : nil)
        }
    }

    private func parse(_ text: [UInt8]) -> Result<ShellCommand, NeedsShell> {
        do throws(NeedsShell) { return .success(try ScriptParser.parse(text)) } catch { return .failure(error) }
    }

    // MARK: Order of Docs/spec/runtime.md §5.2

    /// Returns all incoming variables; they come back if no script defines them.
    func incoming() -> [EnvironmentPlan.Variable] {
        plan.variables.filter { $0.name != "PWD" } + [EnvironmentPlan.Variable("PWD", directory, origin: "core")]
    }

    private func prepare(_ evaluator: inout ScriptEvaluator) -> [EnvironmentPlan.Variable] {
        let saved = incoming()
        for variable in saved where KeptVariables.isKept(variable.name) {
            evaluator.variables.export(variable.name, variable.value)
            if KeptVariables.isProtected(variable.name) { evaluator.variables.protect(variable.name) }
        }
        if let app = plan.value(of: "SINGULARITY_APPNAME"), !app.isEmpty {
            evaluator.variables.protect("SINGULARITY_APPNAME")
        }
        evaluator.provideIdentity()
        return saved
    }

    private func evaluate(_ scripts: [Script], _ evaluator: inout ScriptEvaluator) throws(ScriptStop) {
        var isInjected = false
        var sawRuntimeVariables = false
        for script in scripts {
            let name = lastComponent(script.path)
            if name == "90-environment.sh", evaluator.variables["PATH"] == nil { fixPath(&evaluator) }
            if name == "99-runtimevars.sh" {
                sawRuntimeVariables = true
                if !isInjected { try inject(&evaluator) }
                isInjected = true
            }
            if case .success(let program) = script.program {
                try evaluator.count(script.size)
                try evaluator.run(program)
            } else {
                evaluator.complain("\(script.path): cannot be read\n".bytes)
            }
            switch name {
            case "10-docker2singularity.sh", "10-docker.sh", "environment": fixPath(&evaluator)
            case "99-base.sh" where !isInjected:
                try inject(&evaluator)
                isInjected = true
            default: break
            }
        }
        if !isInjected { try inject(&evaluator) }
        if !sawRuntimeVariables { try evaluator.run(Array(ImageScripts.runtimeVariables.utf8)) }
    }

    /// Appends the default directories that PATH lacks.
    private func fixPath(_ evaluator: inout ScriptEvaluator) {
        var parts = (evaluator.variables["PATH"] ?? []).split(
            separator: ASCII.colon, omittingEmptySubsequences: false)
        if evaluator.variables["PATH"]?.isEmpty ?? true { parts = [] }
        for part in Array(EnvironmentPlan.defaultPath.utf8).split(separator: ASCII.colon)
        where !parts.contains(part) {
            parts.append(part)
        }
        evaluator.variables.export("PATH", Array(parts.joined(separator: [ASCII.colon])))
    }

    /// Applies `--env` and related settings, then the default of LD_LIBRARY_PATH.
    private func inject(_ evaluator: inout ScriptEvaluator) throws(ScriptStop) {
        if evaluator.variables["PATH"] == nil {
            evaluator.variables.export("PATH", Array(EnvironmentPlan.defaultPath.utf8))
        }
        for variable in plan.overrides where variable.name != "UID" && variable.name != "GID" {
            evaluator.variables.export(variable.name, try evaluated(variable, &evaluator))
        }
    }

    private func evaluated(_ variable: EnvironmentPlan.Variable, _ evaluator: inout ScriptEvaluator)
        throws(ScriptStop) -> [UInt8]
    {
        guard plan.evaluatesOverrides else { return variable.value }
        let word: ShellWord
        do throws(NeedsShell) { word = try ScriptParser.parseQuoted(variable.value) } catch { throw .needsShell(error) }
        return try evaluator.expandValue(word)
    }

    private func finish(_ evaluator: inout ScriptEvaluator, _ saved: [EnvironmentPlan.Variable])
        throws(ScriptStop)
    {
        let libraries = LibraryPath(plan: plan, files: files)
        let given = evaluator.variables["LD_LIBRARY_PATH"]
        let completed = libraries.completed(given)
        if let path = libraries.adjusted(completed) ?? (completed == given ? nil : completed) {
            evaluator.variables.export("LD_LIBRARY_PATH", path)
        }
        for variable in saved {
            if let value = evaluator.variables[variable.name], !evaluator.isIdentity(variable.name) {
                if value.isEmpty { evaluator.variables.unset(variable.name.bytes) }
            } else {
                evaluator.variables.export(variable.name, variable.value)
            }
        }
        setPrompt(&evaluator)
        let file =
            evaluator.variables["APPTAINER_ENVIRONMENT"].flatMap { $0.isEmpty ? nil : $0 }
            ?? Array("/.singularity.d/env/91-environment.sh".utf8)
        evaluator.variables.export("APPTAINER_ENVIRONMENT", file)
        evaluator.variables.export("SINGULARITY_ENVIRONMENT", file)
    }

    /// An interactive bash takes over PS1 once, whatever the image's bashrc says.
    private func setPrompt(_ evaluator: inout ScriptEvaluator) {
        if evaluator.variables["PS1"]?.isEmpty ?? true {
            evaluator.variables.export("PS1", Array("Apptainer> ".utf8))
        }
        let prompt = Array("PS1=\"".utf8) + (evaluator.variables["PS1"] ?? []) + Array("\"".utf8)
        var command = prompt + Array("; unset PROMPT_COMMAND".utf8)
        if let existing = evaluator.variables["PROMPT_COMMAND"], !existing.isEmpty {
            command = existing + Array("; PROMPT_COMMAND=\"${PROMPT_COMMAND%%; PROMPT_COMMAND=*}\"; ".utf8) + prompt
        }
        evaluator.variables.export("PROMPT_COMMAND", command)
    }
}

/// The incoming variables that stay set while the scripts run.
enum KeptVariables {
    static func isProtected(_ name: String) -> Bool {
        name == "APPTAINER_NAME" || name == "APPTAINER_CONTAINER" || name == "APPTAINER_INSTANCE"
    }

    static func isKept(_ name: String) -> Bool {
        switch name {
        case "PWD", "HOME", "OPTIND", "UID", "GID", "SINGULARITY_APPNAME", "SINGULARITY_SHELL": true
        default: isProtected(name)
        }
    }
}

extension ScriptEvaluator {
    var texts: [ContainerText] { output.map { ContainerText(isError: $0.isError, bytes: $0.bytes) } }
}
