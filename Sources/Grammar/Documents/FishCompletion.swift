/// Completions for fish 3.
struct FishCompletion {
    let commands: [Command]
    let grammar: Grammar

    var script: String {
        let lines = commands.map(lines).joined()
        return """
            # fish completion \(grammar.source(ofCompletion: "fish"))

            # The flags of the command $argv that need a value, and its verbs.
            function __skiff_table
                switch "$argv[2]"
            \(commands.map(entry).joined())    end
            end

            # Succeeds when the cursor is after the command $argv[1], in its $argv[2]: flags, verb or argument.
            function __skiff_at
                set -l path ''
                set -l pending ''
                set -l ended ''
                set -l given ''
                set -l words (commandline -opc)
                for word in $words[2..-1]
                    if test -n "$pending"
                        set pending ''
                    else if test -z "$ended"; and test "$word" = --
                        set ended 1
                    else if test -z "$ended"; and string match -q -- '-?*' $word
                        contains -- $word (__skiff_table values $path); and set pending 1
                    else if test -z "$given"; and contains -- $word (__skiff_table verbs $path)
                        set path (string trim "$path $word")
                    else
                        set given 1
                        test (__skiff_table anywhere $path) = 1; or set ended 1
                    end
                end
                test "$path" = "$argv[1]"; or return 1
                switch $argv[2]
                    case flags
                        test -z "$ended"
                    case verb
                        test -z "$given"
                    case argument
                        true
                end
            end

            \(grammar.programNames.map { "complete -c \($0) -f\n" }.joined())
            \(lines)
            """
    }

    private func entry(_ command: Command) -> String {
        let values = command.shownFlags.filter(\.needsValue).flatMap(\.names)
        let anywhere = command.isInterspersed ? "1" : "0"
        func list(_ words: [String]) -> String {
            words.isEmpty ? "true" : "string split -- ' ' '\(words.joined(separator: " "))'"
        }
        return """
                case '\(command.path)'
                    switch $argv[1]
                        case values
                            \(list(values))
                        case verbs
                            \(list(command.verbs))
                        case anywhere
                            echo \(anywhere)
                    end

            """
    }

    private func lines(_ command: Command) -> String {
        var text = ""
        let start = command.path.isEmpty ? "" : command.path + " "
        for verb in command.verbs.compactMap({ verb in commands.first { $0.path == start + verb } }) {
            text += line(command, "verb", "-a \(verb.name) -d \(quoted(verb.summary))")
        }
        for flag in command.shownFlags { text += line(command, "flags", options(flag)) }
        switch command.completes {
        case .nothing: break
        case .files: text += line(command, "argument", "-F")
        case .directories: text += line(command, "argument", "-a '(__fish_complete_directories)'")
        case .commands:
            let verbs = commands.first { $0.path.isEmpty }?.verbs ?? []
            text += line(command, "argument", "-a '\(verbs.joined(separator: " "))'")
        case .plugins:
            text += line(
                command, "argument", "-a '(skiff plugin list --all 2>/dev/null | awk \"NR > 1 { print \\$2 }\")'")
        }
        return text
    }

    private func options(_ flag: Flag) -> String {
        var text = "-l \(flag.long)"
        if flag.short != 0 { text += " -s \(UnicodeScalar(flag.short))" }
        if flag.needsValue {
            text += flag.completes == .nothing ? " -x" : " -r -F"
            if !flag.choices.isEmpty { text += " -a '\(flag.choices)'" }
        }
        return text + " -d " + quoted(grammar.brief(flag))
    }

    private func line(_ command: Command, _ place: String, _ rest: String) -> String {
        grammar.programNames.map { "complete -c \($0) -n \"__skiff_at '\(command.path)' \(place)\" \(rest)\n" }.joined()
    }

    private func quoted(_ text: String) -> String { "'" + text.marking("'\\", with: "\\") + "'" }
}
