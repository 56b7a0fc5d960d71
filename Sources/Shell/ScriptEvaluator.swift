import Linux

/// Evaluates scripts that `ScriptParser` understood. It changes nothing but its own value: what a script prints is kept
/// until the caller lets it out, so giving up in the middle (`NeedsShell`) leaves no trace.
package struct ScriptEvaluator {
    /// Text that a script wrote, in order.
    package struct Output: Sendable, Equatable {
        package var isError: Bool
        package var bytes: [UInt8]
    }

    package var variables = ShellVariables()
    package var positional: [[UInt8]] = []
    package var output: [Output] = []
    package var status: CInt = 0
    let files: any RootFiles
    package var isRunscript = false
    /// `set -a`: every variable that is set is exported.
    package var exportsAll = false
    /// Whether `.` and `source` read files.
    package var permitsSourcing = true

    /// What a hostile script may cost before it is handed to a shell, which its user can kill.
    private var steps = 0
    var produced = 0
    /// How deeply sourced files and `eval`s are nested. Each takes some of our stack.
    private var nesting = 0
    static let stepLimit = 100_000
    static let byteLimit = 8 << 20
    static let nestingLimit = 12
    static let variableLimit = 20_000

    package init(files: any RootFiles) { self.files = files }

    package mutating func run(_ script: [UInt8]) throws(ScriptStop) { try run(try parse(script)) }

    package mutating func run(_ program: ShellCommand) throws(ScriptStop) {
        do throws(ScriptStop) {
            try executeBody(program)
        } catch .returned(let code) {
            status = code
        }
    }

    /// Evaluates one command of a script; unlike with `run`, a `return` ends the script.
    package mutating func perform(_ command: ShellCommand) throws(ScriptStop) { try executeBody(command) }

    package func parse(_ script: [UInt8]) throws(ScriptStop) -> ShellCommand {
        do throws(NeedsShell) {
            return try ScriptParser.parse(script, isRunscript: isRunscript)
        } catch {
            throw .needsShell(error)
        }
    }

    package mutating func count(_ bytes: Int) throws(ScriptStop) {
        produced += bytes
        if produced > Self.byteLimit { throw .needsShell(NeedsShell("too much text")) }
    }

    mutating func execute(_ command: ShellCommand) throws(ScriptStop) {
        steps += 1
        if steps > Self.stepLimit { throw .needsShell(NeedsShell("too many steps")) }
        switch command {
        case .sequence(let commands): for command in commands { try execute(command) }
        case .assign(let assignments): try assign(assignments)
        case .builtin(let builtin, let arguments): try call(builtin, arguments)
        case .and(let left, let right):
            try execute(left)
            if status == 0 { try execute(right) }
        case .or(let left, let right):
            try execute(left)
            if status != 0 { try execute(right) }
        case .not(let inner):
            try execute(inner)
            status = status == 0 ? 1 : 0
        case .conditional(let branches, let otherwise): try choose(branches, otherwise)
        case .select(let subject, let choices): try select(subject, choices)
        case .each(let name, let words, let body): try loop(name, words, body)
        }
    }

    /// Runs a list that may be empty, which succeeds; until its first command `$?` keeps its value.
    mutating func executeBody(_ body: ShellCommand) throws(ScriptStop) {
        if body == .sequence([]) { status = 0 } else { try execute(body) }
    }

    private mutating func assign(_ assignments: [ShellAssignment]) throws(ScriptStop) {
        var result: CInt = 0
        for assignment in assignments {
            if try !store(assignment.name, expandValue(assignment.value)) { result = 1 }
        }
        status = result
    }

    /// Returns false, with a shell's message, if the variable may not change.
    mutating func store(_ name: [UInt8], _ value: [UInt8]) throws(ScriptStop) -> Bool {
        guard !variables.isReadOnly(name) else {
            complain(name + Array(": readonly variable\n".utf8))
            return false
        }
        try count(value.count)
        guard variables.count < ScriptEvaluator.variableLimit else {
            throw .needsShell(NeedsShell("too many variables"))
        }
        variables.set(name, value)
        if exportsAll { variables.export(name) }
        return true
    }

    package mutating func complain(_ text: [UInt8]) { output.append(Output(isError: true, bytes: text)) }

    private mutating func choose(_ branches: [ShellCommand.Branch], _ otherwise: ShellCommand?) throws(ScriptStop) {
        for branch in branches {
            try execute(branch.condition)
            if status == 0 { return try execute(branch.body) }
        }
        // In the `else` part `$?` still has the status of the condition.
        if let otherwise { try execute(otherwise) } else { status = 0 }
    }

    private mutating func select(_ subject: ShellWord, _ choices: [ShellCommand.Choice]) throws(ScriptStop) {
        let text = try expandValue(subject)
        for choice in choices {
            for pattern in choice.patterns {
                guard try matches(pattern, text[...]) else { continue }
                return try executeBody(choice.body)
            }
        }
        status = 0
    }

    private mutating func loop(_ name: [UInt8], _ words: [ShellWord]?, _ body: ShellCommand) throws(ScriptStop) {
        var values = positional
        if let words {
            values = []
            for word in words { values += try expandFields(word) }
        }
        if values.isEmpty { status = 0 }
        for value in values {
            guard try store(name, value) else {
                status = 1
                return
            }
            try execute(body)
        }
    }

    // MARK: Sourcing

    /// `.`: the file's commands run in this very environment.
    mutating func source(_ path: [UInt8]) throws(ScriptStop) {
        guard permitsSourcing else { throw .needsShell(NeedsShell("another file cannot be sourced")) }
        guard path.contains(ASCII.slash), path.first == ASCII.slash else {
            throw .needsShell(NeedsShell("source of a relative path"))
        }
        let script: [UInt8]
        do throws(Errno) {
            script = try files.read(path, limit: ScriptParser.sizeLimit)
        } catch {
            if error == .overflow { throw .needsShell(NeedsShell("script larger than 1 MiB")) }
            if error == .tooManySymlinks { throw .needsShell(NeedsShell("source of a link to a descriptor")) }
            complain(path + Array(": \(error.description.lowercased())\n".utf8))
            status = 1
            return
        }
        try count(script.count)
        try nest { (evaluator) throws(ScriptStop) in try evaluator.run(script) }
    }

    mutating func nest(_ body: (inout ScriptEvaluator) throws(ScriptStop) -> Void) throws(ScriptStop) {
        guard nesting < Self.nestingLimit else { throw .needsShell(NeedsShell("scripts nested too deeply")) }
        nesting += 1
        defer { nesting -= 1 }
        try body(&self)
    }
}

/// Why an evaluation ended before the end of its script.
package enum ScriptStop: Error {
    case needsShell(NeedsShell)
    /// `exit n`: ends the whole action.
    case exited(CInt)
    /// `return n`: ends one sourced file.
    case returned(CInt)
    /// `exec word…` in a runscript.
    case executed([[UInt8]])
}
