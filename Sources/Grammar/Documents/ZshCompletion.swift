/// A completion function for zsh, to be put on `$fpath` as `_skiff` or sourced.
struct ZshCompletion {
    let commands: [Command]
    let grammar: Grammar

    var script: String {
        let names = grammar.programNames.joined(separator: " ")
        return """
            #compdef \(names)
            # zsh completion \(grammar.source(ofCompletion: "zsh"))

            _skiff_plugins() {
                local -a names
                names=(${(f)"$(_call_program plugins $service plugin list --all 2>/dev/null | awk 'NR > 1 { print $2 }')"})
                compadd -a names
            }

            \(commands.map(function).joined(separator: "\n"))
            # Autoloaded, the file is the function's body; sourced, it must register it.
            if [[ ${funcstack[1]} == _skiff ]]; then
                _skiff_top "$@"
            else
                _skiff() { _skiff_top "$@" }
                compdef _skiff \(names)
            fi

            """
    }

    private func functionName(_ path: String) -> String {
        path.isEmpty
            ? "_skiff_top" : "_skiff_" + path.split(separator: " ").joined(separator: "_").marking("-", with: "")
    }

    private func function(_ command: Command) -> String {
        let specs = command.shownFlags.map(spec)
        var text = "\(functionName(command.path))() {\n"
        if !command.verbs.isEmpty { text += "    local curcontext=$curcontext state line\n" }
        text +=
            "    _arguments -s -S" + (command.isInterspersed ? "" : " -A '-*'") + (command.verbs.isEmpty ? "" : " -C")
        text += specs.map { " \\\n        " + $0 }.joined()
        if command.verbs.isEmpty {
            return text + " \\\n        '*:argument:\(action(command.completes))'\n}\n"
        }
        text += " \\\n        '1:command:->command' \\\n        '*::argument:->argument' && return\n"
        return text + dispatch(command) + "}\n"
    }

    private func dispatch(_ command: Command) -> String {
        let start = command.path.isEmpty ? "" : command.path + " "
        let verbs = command.verbs.compactMap { verb in commands.first { $0.path == start + verb } }
        let list = verbs.map { "            " + quoted($0.name + ":" + $0.summary) + "\n" }.joined()
        let cases = verbs.map { "            \($0.name)) \(functionName($0.path)) ;;\n" }.joined()
        return """
                case $state in
                command)
                    local -a verbs=(
            \(list)        )
                    _describe -t commands command verbs ;;
                argument)
                    curcontext=${curcontext%:*:*}:skiff-$words[1]:
                    case $words[1] in
            \(cases)        esac ;;
                esac

            """
    }

    private func spec(_ flag: Flag) -> String {
        let text = "[" + grammar.brief(flag).marking("[]:\\", with: "\\") + "]"
        let repeats = flag.kind == .slice || flag.kind == .array || flag.kind == .map
        let value = flag.kind == .bool ? "" : (flag.needsValue ? ":" : "::") + flag.kind.rawValue + ":" + values(flag)
        let star = repeats ? "*" : ""
        let long =
            flag.kind == .bool ? "--" + flag.long : flag.needsValue ? "--" + flag.long + "=" : "--" + flag.long + "=-"
        guard flag.short != 0 else { return quoted(star + long + text + value) }
        let short = "-" + String(UnicodeScalar(flag.short)) + (flag.kind == .bool ? "" : "+")
        let both = repeats ? "'*'" : quoted("(" + flag.names.joined(separator: " ") + ")")
        return both + "{\(short),\(long)}" + quoted(text + value)
    }

    private func values(_ flag: Flag) -> String {
        flag.choices.isEmpty ? action(flag.completes) : "(" + flag.choices + ")"
    }

    private func action(_ completion: Completion) -> String {
        switch completion {
        case .nothing: " "
        case .files: "_files"
        case .directories: "_files -/"
        case .commands: "(" + (commands.first { $0.path.isEmpty }?.verbs.joined(separator: " ") ?? "") + ")"
        case .plugins: "_skiff_plugins"
        }
    }

    private func quoted(_ text: String) -> String { "'" + text.marking("'", with: "'\\'") + "'" }
}
