package import Base

/// What a command line means.
package enum Outcome: Sendable {
    /// A command to carry out.
    case command(Invocation)
    /// Text to print, and the exit status: help, versions, completion scripts, usage errors.
    case answer(Answer)
}

/// Text that ends the program.
package struct Answer: Sendable, Equatable {
    package var standardOutput: String
    package var standardError: String
    package var status: Int32
    package init(_ standardOutput: String, standardError: String = "", status: Int32 = 0) {
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.status = status
    }
}

/// The command line of skiff: one table of commands and flags, extended by the manifests of plugins.
///
/// Only the table of the requested command is built, and manifests are read only when a flag, a variable or a command
/// word is not ours, or when help must show everything.
package struct Grammar {
    package let program: ProgramName
    let plugins: PluginSource

    /// - Parameter plugins: asks the manifests; called at most once for each question.
    package init(program: ProgramName, asking plugins: @escaping (PluginQuery) -> PluginGrammar) {
        self.program = program
        self.plugins = PluginSource(load: plugins)
    }

    /// - Parameter plugins: what all manifests add.
    package init(program: ProgramName, plugins: PluginGrammar = PluginGrammar()) {
        self.init(program: program) { _ in plugins }
    }

    var root: Command { program.isRuntime ? RuntimeTable.root : Table.root }

    /// Returns a command of our own.
    func own(_ path: String) -> Command? {
        program.isRuntime ? RuntimeTable.command(path) : Table.command(path)
    }

    /// Adds flags and commands to those of the manifests.
    package func extend(with flags: [PluginFlag], commands: [PluginCommand] = []) {
        plugins.extra.flags += flags
        plugins.extra.commands += commands
    }

    /// Reads arguments without argument 0.
    ///
    /// - Throws: when a variable has a value that its flag does not take, or stands for a flag that is not available.
    package func parse(_ arguments: [String], environment: FlagEnvironment) throws(SkiffError) -> Outcome {
        let root = self.root
        var parser = FlagParser(flags: root.flags, later: { _ in [] }, absence: { _ in nil })
        let words: [String]
        do throws(UsageProblem) {
            words = try parser.parse(arguments, interspersed: false)
        } catch {
            return .answer(usageError(error, root))
        }
        if parser.values[.version] { return .answer(Answer(program.versionLine + "\n")) }
        if parser.values[.help] { return .answer(Answer(help(complete(root)))) }
        guard let word = words.first, word != "", word != "-" else {
            return .answer(Answer(usage(complete(root)), status: 1))
        }
        if word == "help" { return .answer(helpAnswer(Array(words.dropFirst()))) }
        guard let command = find(word) else { return .answer(unknownCommand(word)) }
        var outcome = try parse(command, Array(words.dropFirst()), global: &parser, environment)
        if case .command(var invocation) = outcome {
            invocation.words = words
            outcome = .command(invocation)
        }
        return outcome
    }

    /// - Parameter group: the flags between a group and its verb (`remote --config F list`), which the verb has too.
    private func parse(
        _ command: Command, _ arguments: [String], global: inout FlagParser, group: FlagValues = FlagValues(),
        _ environment: FlagEnvironment
    ) throws(SkiffError) -> Outcome {
        if command.readsWords, arguments.first != "--help", arguments.first != "-h" {
            return try finish(command, arguments, &global, nil, environment)
        }
        var parser = self.parser(for: command)
        parser.values = group
        let positionals: [String]
        do throws(UsageProblem) {
            positionals = try parser.parse(arguments, interspersed: command.isInterspersed)
        } catch {
            return .answer(usageError(error, command))
        }
        if parser.values[.help] { return .answer(Answer(help(complete(command)))) }
        if let verb = positionals.first, command.verbs.contains(verb) || command.takesVerbs,
            let found = find(command.path + " " + verb)
        {
            return try parse(
                found, Array(positionals.dropFirst()), global: &global, group: parser.values, environment)
        }
        if !command.verbs.isEmpty { return .answer(wrongVerb(command, positionals)) }
        if let reason = command.arguments.problem(positionals.count) {
            return .answer(usageError(UsageProblem(reason: reason), command))
        }
        return try finish(command, positionals, &global, parser, environment)
    }

    /// Lets variables fill in what the command line left open, root first, then the command.
    private func finish(
        _ command: Command, _ positionals: [String], _ global: inout FlagParser, _ parser: FlagParser?,
        _ environment: FlagEnvironment
    ) throws(SkiffError) -> Outcome {
        var notes = global.notes + (parser?.notes ?? [])
        var globalValues = global.values
        try globalValues.fill(global.flags, from: environment, notes: &notes)
        var values = parser?.values ?? FlagValues()
        if var parser {
            let known = global.flags + parser.flags
            let others = environment.keys.filter { key in !known.contains { $0.isSet(by: key) } }
            let flags = others.isEmpty ? parser.flags : parser.flags(alsoOf: others)
            try values.fill(flags, from: environment, notes: &notes)
            if !others.isEmpty {
                try refuseAbsentVariables(
                    command, others.filter { key in !flags.contains { $0.isSet(by: key) } }, environment)
            }
        }
        if let answer = immediateAnswer(command) { return .answer(answer) }
        let options = GlobalOptions(globalValues, environment)
        var invocation = Invocation(command: command.path, positionals: positionals, flags: values, global: options)
        invocation.globalFlags = globalValues
        invocation.plugin = command.plugin
        invocation.notes = notes
        return .command(invocation)
    }
}
