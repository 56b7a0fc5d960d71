import Base

/// The manifests, asked only for what is not ours.
final class PluginSource {
    private let load: (PluginQuery) -> PluginGrammar
    private var loaded: [(query: PluginQuery, answer: PluginGrammar)] = []
    var extra = PluginGrammar()

    init(load: @escaping (PluginQuery) -> PluginGrammar) { self.load = load }

    /// Returns what may answer the question, with other things among it.
    func grammar(for query: PluginQuery) -> PluginGrammar {
        let base: PluginGrammar
        if let known = loaded.first(where: { $0.query == query || $0.query == .everything }) {
            base = known.answer
        } else {
            base = load(query)
            loaded.append((query, base))
        }
        return PluginGrammar(
            flags: base.flags + extra.flags, commands: base.commands + extra.commands, unusable: base.unusable,
            refusal: base.refusal, directives: base.directives)
    }
}

extension Grammar {
    /// Returns the command of a path, ours or a plugin's.
    func find(_ path: String) -> Command? {
        if program.isRuntime { return own(path) }
        // Apptainer's other name.
        if path == "caps" || path.hasPrefix("caps ") { return find("capability" + path.dropFirst(4)) }
        if let command = Table.command(path) { return command }
        guard !Table.absentCommands.contains(path) else { return nil }
        return plugins.grammar(for: .command(path)).commands.first { $0.name == path }?.command
    }

    func parser(for command: Command) -> FlagParser {
        let path = command.path
        return FlagParser(
            flags: command.flags + [Table.help(command.name)], later: { self.pluginFlags(path, $0) },
            absence: { self.absence(of: $0, path) })
    }

    /// Returns the flags that plugins add to a command, as far as the question is about them, in the plugins' order.
    private func pluginFlags(_ path: String, _ query: PluginQuery) -> [Flag] {
        let flags = plugins.grammar(for: query).flags.filter { $0.commands.contains(path) }
        switch query {
        case .flag(let name):
            let letters = flags.filter { $0.name == name }.compactMap(\.short)
            return flags.filter { $0.name == name || $0.short.map(letters.contains) == true }.map(\.flag)
        case .letter(let letter): return flags.filter { $0.short?.value == UInt32(letter) }.map(\.flag)
        case .variable(let key): return flags.filter { $0.environment.contains(key) }.map(\.flag)
        default: return flags.map(\.flag)
        }
    }

    /// Returns the command with the flags and verbs of plugins and its `--help`, for texts that show everything.
    package func complete(_ command: Command) -> Command {
        var parser = self.parser(for: command)
        var result = command
        result.flags = parser.allFlags()
        if command.path.isEmpty {
            result.flags = command.flags
            let added = plugins.grammar(for: .everything).commands.map(\.name).filter { !$0.contains(" ") }
            result.verbs += added.filter { !command.verbs.contains($0) }
            result.verbs.sort()
        }
        if command.takesVerbs {
            let added = plugins.grammar(for: .everything).commands.map(\.name).filter {
                $0.hasPrefix(command.path + " ")
            }
            result.verbs += added.map { String($0.dropFirst(command.path.count + 1)) }.filter {
                !command.verbs.contains($0)
            }
            result.verbs.sort()
        }
        return result
    }

    /// Returns every visible command, ours and those of plugins, with all flags: for manual pages and completion.
    package func allCommands() -> [Command] {
        var paths = [""] + complete(root).verbs
        var commands: [Command] = []
        while !paths.isEmpty {
            let path = paths.removeFirst()
            guard let found = path.isEmpty ? root : find(path), !found.isHidden else { continue }
            let command = complete(found)
            commands.append(command)
            if !path.isEmpty { paths.insert(contentsOf: command.verbs.map { path + " " + $0 }, at: 0) }
        }
        return commands
    }

    /// Whether a flag of this name or letter is one of our own.
    package static func hasOwn(flag name: String, short: Unicode.Scalar?, of command: String) -> Bool {
        Table.command(command)?.flags.contains { flag in
            flag.long == name || flag.short != 0 && UInt32(flag.short) == short?.value
        } ?? false
    }

    /// Whether a command is one of our own.
    package static func hasOwn(command: String) -> Bool { Table.command(command) != nil }

    /// Returns why a flag that Apptainer or a known plugin has is not available; nil for one that none of them has.
    func absence(of name: FlagParser.FlagName, _ path: String) -> String? {
        for plugin in plugins.grammar(for: name.query).unusable {
            if let flag = plugin.flags.first(where: { $0.commands.contains(path) && $0.matches(name) }) {
                return "flag --\(flag.name) \(plugin.sentence)"
            }
        }
        return missingFlags(path).first { $0.matches(name) }.map { reason(for: $0) }
    }

    /// Returns the known flags that a command of ours does not have itself.
    func missingFlags(_ path: String) -> [KnownFlag] {
        if program.isRuntime { return [] }
        let own = Table.command(path)?.flags ?? []
        return KnownFlag.all(of: path).filter { flag in !own.contains { $0.long == flag.long } }
    }

    private func reason(for flag: KnownFlag) -> String {
        if flag.plugin.isEmpty {
            let why = AbsentFlags.reason(flag.long).map { ": " + $0 } ?? ""
            return "flag --\(flag.long) is not available in \(versionText)\(why)"
        }
        let found = plugins.grammar(for: .plugin(flag.plugin))
        if let plugin = found.unusable.first(where: { $0.id == flag.plugin }) {
            return "flag --\(flag.long) \(plugin.sentence)"
        }
        let why = found.refusal.map { "cannot be used: \($0)" } ?? "is not installed"
        return "flag --\(flag.long) needs the plugin \(flag.plugin), which \(why)"
    }

    /// Returns why a command of a plugin is not available; nil for one that no known plugin has.
    func absence(ofCommand word: String) -> String? {
        if let plugin = plugins.grammar(for: .command(word)).unusable.first(where: { $0.commands.contains(word) }) {
            return "command \"\(word)\" \(plugin.sentence)"
        }
        guard let plugin = Table.pluginCommands[word] else { return nil }
        return "command \"\(word)\" needs the plugin \(plugin), which is not installed"
    }

    /// Refuses a set variable whose flag is not available: it may ask for isolation or for a limit, and a container
    /// without it is not the one that was asked for. A variable that is false or empty asks for nothing.
    func refuseAbsentVariables(_ command: Command, _ keys: [String], _ environment: FlagEnvironment)
        throws(SkiffError)
    {
        let known = missingFlags(command.path)
        for key in keys {
            var ignored: [Invocation.Note] = []
            guard let reason = absence(ofKey: key, command.path, known),
                let variable = environment.lookup(key, notes: &ignored), !isBlank(variable.value),
                (try? parseBoolean(variable.value)) != false
            else { continue }
            throw SkiffError("cannot use the variable \(variable.name): \(reason)", hint: "Unset it to go on without")
        }
    }

    private func absence(ofKey key: String, _ path: String, _ known: [KnownFlag]) -> String? {
        for plugin in plugins.grammar(for: .variable(key)).unusable {
            for flag in plugin.flags where flag.commands.contains(path) && flag.environment.contains(key) {
                return "flag --\(flag.name) \(plugin.sentence)"
            }
        }
        return known.first { $0.isSet(by: key) }.map { reason(for: $0) }
    }

    var versionText: String { "skiff " + Version.number }
}

extension Grammar {
    /// Returns the answer to a command that only prints text; nil for any other.
    func immediateAnswer(_ command: Command) -> Answer? {
        switch command.path {
        case "version": Answer(program.version + "\n")
        case "completion bash": Answer(completion(for: .bash))
        case "completion fish": Answer(completion(for: .fish))
        case "completion zsh": Answer(completion(for: .zsh))
        default: nil
        }
    }
}
