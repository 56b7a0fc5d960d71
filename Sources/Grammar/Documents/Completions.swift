/// Completion scripts, from the same table that parses the command line. They serve `skiff` and its links.
extension Grammar {
    package enum Shell: String, Sendable, CaseIterable {
        case bash, fish, zsh
    }

    package func completion(for shell: Shell) -> String {
        let commands = allCommands()
        let script =
            switch shell {
            case .bash: BashCompletion(commands: commands, grammar: self).script
            case .fish: FishCompletion(commands: commands, grammar: self).script
            case .zsh: ZshCompletion(commands: commands, grammar: self).script
            }
        return named(completion: script)
    }

    var programNames: [String] { program.isRuntime ? [program.text] : ["skiff", "apptainer", "singularity"] }

    /// Returns a script with names of its own for its functions, which two programs must not share.
    func named(completion script: String) -> String {
        guard program.isRuntime else { return script }
        var result = ""
        var rest = script
        while let place = rest.range(of: "_skiff") {
            result += rest[..<place.upperBound] + "_runtime"
            rest = String(rest[place.upperBound...])
        }
        return result + rest
    }

    /// Where a script comes from.
    func source(ofCompletion shell: String) -> String {
        program.isRuntime ? "for \(program.text)" : "for skiff, written by 'skiff completion \(shell)'"
    }

    /// Returns the first sentence of a flag's text on one line.
    func brief(_ flag: Flag) -> String {
        let line = named(flag.help.split(separator: "\n").joined(separator: " ")[...])
        for mark in [": ", " (", ". ", "; "] {
            if let cut = line.range(of: mark) { return String(line[..<cut.lowerBound]) }
        }
        return line
    }
}

extension String {
    /// Returns the first place of `part`; the standard library's own search needs a regular expression engine.
    fileprivate func range(of part: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }

    /// Returns `text` with every one of `characters` preceded by `mark`.
    func marking(_ characters: String, with mark: String) -> String {
        var result = ""
        for character in self {
            result += characters.contains(character) ? mark + String(character) : String(character)
        }
        return result
    }
}

extension Command {
    var shownFlags: [Flag] { flags.filter { !$0.isHidden }.sorted { $0.long < $1.long } }
}

extension Flag {
    /// `-B --bind`.
    var names: [String] { (short == 0 ? [] : ["-" + String(UnicodeScalar(short))]) + ["--" + long] }
    var needsValue: Bool { impliedText.isEmpty }
}
