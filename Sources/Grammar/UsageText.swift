package import Base

/// Texts about the command line itself. Layout, columns and the fixed sentences are Apptainer's, because people and
/// scripts know them; Docs/spec/cli.md §1.2, §1.5.
extension Grammar {
    /// `help exec`, `exec --help`.
    package func help(_ command: Command) -> String {
        var text = command.summary + "\n\nUsage:\n  " + line(program.text, command.usage) + "\n\nDescription:\n"
        text += indented(command.description)
        text += "\nOptions:\n" + optionLines(command)
        text += command.verbs.isEmpty ? "\n" : "\nAvailable Commands:\n" + verbLines(command, hidingHelp: false)
        if !command.examples.isEmpty { text += "\nExamples:\n" + indented(command.examples) }
        // The pages are installed only under skiff's own name.
        let page = ([program.pageName] + command.path.split(separator: " ").map(String.init)).joined(separator: "-")
        return text + "\n\nFor additional help or support, see the manual page \(page)(1)\n"
    }

    /// How a command is called, with its verbs.
    func usage(_ command: Command) -> String {
        let start = command.path.isEmpty ? "" : "[global options...]"
        var text =
            "Usage:\n  " + line(program.text, start, command.path.isEmpty ? rootUsage : wholeUsage(command)) + "\n"
        if !command.verbs.isEmpty { text += "\nAvailable Commands:\n" + verbLines(command, hidingHelp: true) }
        return text + "\n" + hint
    }

    private var rootUsage: String { "[global options...] <command>" }

    /// Returns the usage of every word on the way: `plugin [plugin options...] list [list options...]`.
    private func wholeUsage(_ command: Command) -> String {
        let own = command.needsVerb ? command.usage + " <command>" : command.usage
        guard let space = command.path.utf8.lastIndex(of: UInt8(ascii: " ")),
            let group = find(String(command.path[..<space]))
        else { return own }
        let whole = group.usage + own.dropFirst(group.path.utf8.count)
        // Help mentions that there are flags, an error about arguments does not.
        return whole.hasSuffix(" [flags]") ? String(whole.dropLast(8)) : whole
    }

    private var hint: String { "Run '\(program.text) --help' for more detailed usage information.\n" }

    /// The first line is Apptainer's; the usage and where to read more follow it on standard error, so that the reason
    /// stays visible, and no error is read as an answer (Docs/spec/cli.md §1.2).
    func usageError(_ problem: UsageProblem, _ command: Command) -> Answer {
        let name = command.path.isEmpty ? program.text : command.name
        let error = "Error for command \"\(name)\": \(problem.reason)\n"
        return Answer("", standardError: error + (problem.showsUsage ? shortUsage(command) : ""), status: 1)
    }

    /// Returns two lines: how a command is called, and where to read more.
    private func shortUsage(_ command: Command) -> String {
        let start = command.path.isEmpty ? "" : "[global options...]"
        let words = line(program.text, start, command.path.isEmpty ? rootUsage : wholeUsage(command))
        return
            "Usage: \(words)\nRun '\(line(program.text, command.path)) --help' for more detailed usage information.\n"
    }

    /// Returns how an error that a command threw with code `.usage` is printed: the reason, then how the command is
    /// called.
    ///
    /// - Parameter path: the command, as in `Invocation.command`.
    package func answer(to error: SkiffError, of path: String) -> Answer {
        usageError(UsageProblem(reason: error.description), find(path) ?? root)
    }

    /// Answers a group called without a verb, or with an unknown one.
    func wrongVerb(_ command: Command, _ words: [String]) -> Answer {
        if let verb = words.first, Table.absentCommands.contains(command.path + " " + verb) {
            let reason = "command \"\(verb)\" is not available in \(versionText)"
            return usageError(UsageProblem(reason: reason), command)
        }
        if !command.needsVerb { return Answer(help(complete(command))) }
        return usageError(UsageProblem(reason: "invalid command"), command)
    }

    func unknownCommand(_ word: String) -> Answer {
        if !program.isRuntime, let reason = absence(ofCommand: word) {
            return Answer("", standardError: "Error: \(reason)\n", status: 1)
        }
        if !program.isRuntime, Table.absentCommands.contains(word) {
            let reason = Table.needs[word].map { ": " + $0 } ?? ""
            let error = "Error: command \"\(word)\" is not available in \(versionText)\(reason)\n"
            return Answer("", standardError: error + shortUsage(root), status: 1)
        }
        let whole = complete(root)
        var error = "Error: unknown command \"\(word)\" for \"\(program.text)\"\n"
        let similar = whole.verbs.filter { isSimilar(word, $0) }
        if !similar.isEmpty { error += "\nDid you mean this?\n" + similar.map { "\t\($0)\n" }.joined() + "\n" }
        return Answer("", standardError: error + shortUsage(whole), status: 1)
    }

    /// Answers `help a b`: words that name no command are ignored, unless the first word already names none.
    func helpAnswer(_ words: [String]) -> Answer {
        if words.first == "-h" || words.first == "--help", let command = find("help") {
            return Answer(help(complete(command)))
        }
        if words == ["deffile"] { return Answer(definitionHelp) }
        var found = root
        for word in words {
            guard let next = find(found.path.isEmpty ? word : found.path + " " + word) else { break }
            found = next
        }
        if found.path.isEmpty, !words.isEmpty {
            let topic = words.map { "`\($0)`" }.joined(separator: " ")
            return Answer("Unknown help topic [\(topic)]\n" + usage(complete(found)))
        }
        return Answer(help(complete(found)))
    }

    /// Returns one entry for each flag: names, kind, and its text in a column wrapped at 80.
    func optionLines(_ command: Command) -> String {
        let flags = command.flags.filter { !$0.isHidden }.sorted { $0.long < $1.long }
        let heads = flags.map(\.head)
        let column = (heads.map(\.utf8.count).max() ?? 0) + 3
        var text = ""
        for (flag, head) in zip(flags, heads) {
            let padding = String(repeating: " ", count: column - head.utf8.count)
            text +=
                head + padding + wrapped(named(flag.help[...]) + flag.shownDefault, indent: column, width: 80) + "\n"
        }
        return text
    }

    private func verbLines(_ command: Command, hidingHelp: Bool) -> String {
        let found = command.verbs.compactMap { find(command.path.isEmpty ? $0 : command.path + " " + $0) }
        let shown = found.filter { !$0.isHidden && !(hidingHelp && $0.path == "help") }
        let width = max(11, shown.map(\.name.utf8.count).max() ?? 0)
        return shown.map { verb in
            "  " + verb.name + String(repeating: " ", count: width + 1 - verb.name.utf8.count) + verb.summary + "\n"
        }.joined()
    }

    private func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.isEmpty ? "\n" : "  " + named(line) + "\n"
        }.joined()
    }

    /// Returns a line with the program's name in place of `@`.
    func named(_ line: Substring) -> String {
        line.split(separator: "@", omittingEmptySubsequences: false).joined(separator: program.text)
    }

    private func line(_ words: String...) -> String { words.filter { !$0.isEmpty }.joined(separator: " ") }
}

extension Flag {
    /// `  -B, --bind stringArray`.
    var head: String {
        var text = short == 0 ? "      --" + long : "  -" + String(UnicodeScalar(short)) + ", --" + long
        if !kind.rawValue.isEmpty { text += " " + kind.rawValue }
        if kind != .bool, !impliedText.isEmpty { text += "[=\"\(impliedText)\"]" }
        return text
    }

    /// ` (default "amd64")`, or nothing for an empty value. Maps always show their default, as in Apptainer.
    var shownDefault: String {
        switch kind {
        case .map: " (default [\(defaultText)])"
        case _ where defaultText.isEmpty: ""
        case .string: " (default \(quoted(defaultText)))"
        case .slice, .array: " (default [\(defaultText)])"
        case .bool: defaultText == "false" ? "" : " (default \(defaultText))"
        case .int, .int32, .uint32: defaultText == "0" ? "" : " (default \(defaultText))"
        }
    }
}

/// Returns whether `typed` may be a slip for `name`: at most two edits away, or its beginning.
func isSimilar(_ typed: String, _ name: String) -> Bool {
    let (left, right) = (Array(typed.lowercased().utf8), Array(name.utf8))
    if right.starts(with: left) { return true }
    guard left.count <= 64 else { return false }
    var row = Array(0...right.count)
    for (i, byte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in right.indices {
            let cost = byte == right[j] ? diagonal : min(diagonal, row[j], row[j + 1]) + 1
            diagonal = row[j + 1]
            row[j + 1] = cost
        }
    }
    return row[right.count] <= 2
}
