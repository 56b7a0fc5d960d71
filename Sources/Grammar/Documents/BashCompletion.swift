/// A completion function for bash 4 that does not need the bash-completion package.
struct BashCompletion {
    let commands: [Command]
    let grammar: Grammar

    var script: String {
        """
        # bash completion \(grammar.source(ofCompletion: "bash"))

        # Sets flags, values (flags that need a value), verbs, kind and anywhere for the command $1.
        _skiff_command() {
            flags= values= verbs= kind= anywhere=
            case $1 in
        \(commands.map(entry).joined())    esac
        }

        # Sets words, choices and kind for the value of flag $2 of command $1.
        _skiff_value() {
            choices= kind=
            case "$1:$2" in
        \(valueEntries)    esac
        }

        \(engine)
        complete -F _skiff \(grammar.programNames.joined(separator: " "))

        """
    }

    private func entry(_ command: Command) -> String {
        let flags = command.shownFlags
        let kind =
            switch command.completes {
            case .nothing: ""
            case .files: " kind=files"
            case .directories: " kind=directories"
            case .commands: " kind=commands"
            case .plugins: " kind=plugins"
            }
        return """
                "\(command.path)")
                    flags="\(flags.flatMap(\.names).joined(separator: " "))"
                    values="\(flags.filter(\.needsValue).flatMap(\.names).joined(separator: " "))"
                    verbs="\(command.verbs.joined(separator: " "))"\(kind)\(command.isInterspersed ? " anywhere=1" : "") ;;

            """
    }

    private var valueEntries: String {
        var text = ""
        for command in commands {
            for flag in command.shownFlags {
                let setting: String
                if !flag.choices.isEmpty {
                    setting = "choices=\"\(flag.choices)\""
                } else if flag.completes != .nothing {
                    setting = "kind=\(flag.completes == .files ? "files" : "directories")"
                } else {
                    continue
                }
                let patterns = flag.names.map { "\"\(command.path):\($0)\"" }.joined(separator: "|")
                text += "        \(patterns)) \(setting) ;;\n"
            }
        }
        return text
    }

    /// Finds where the cursor is on the line by the rules of the parser: global flags, command, verb, flags, arguments.
    private var engine: String {
        #"""
        _skiff_reply() {
            case $1 in
                files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
                directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
                plugins)
                    local names
                    names=$("${COMP_WORDS[0]}" plugin list --all 2>/dev/null | while read -r _ name _; do echo "$name"; done)
                    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$2") ;;
                *) mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2") ;;
            esac
        }

        _skiff() {
            local -a words=()
            local i word path= pending= ended= given= letter flags values verbs kind anywhere choices
            # bash splits --flag=value at the sign.
            for ((i = 1; i <= COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if ((i > 1)) && [[ $word == = || ${COMP_WORDS[i - 1]} == = ]]; then
                    words[${#words[@]} - 1]+=$word
                else
                    words+=("$word")
                fi
            done
            local current=${words[${#words[@]} - 1]}
            unset "words[${#words[@]} - 1]"
            COMPREPLY=()
            _skiff_command ""
            for word in "${words[@]}"; do
                if [[ $pending ]]; then
                    pending=
                elif [[ ! $ended && $word == -- ]]; then
                    ended=1
                elif [[ ! $ended && $word == --?* ]]; then
                    [[ $word != *=* && " $values " == *" $word "* ]] && pending=$word
                elif [[ ! $ended && $word == -?* ]]; then
                    for ((i = 1; i < ${#word}; i++)); do
                        letter=-${word:i:1}
                        [[ " $values " == *" $letter "* ]] || continue
                        ((i == ${#word} - 1)) && pending=$letter
                        break
                    done
                elif [[ ! $given && " $verbs " == *" $word "* ]]; then
                    path=${path:+$path }$word
                    _skiff_command "$path"
                else
                    given=1
                    [[ $anywhere ]] || ended=1
                fi
            done
            if [[ $pending ]]; then
                _skiff_value "$path" "$pending"
                _skiff_reply "${choices:-$kind}" "$current"
            elif [[ ! $ended && $current == --*=* ]]; then
                _skiff_value "$path" "${current%%=*}"
                _skiff_reply "${choices:-$kind}" "${current#*=}"
            elif [[ ! $ended && $current == -* ]]; then
                _skiff_reply "$flags" "$current"
            elif [[ $verbs && ! $given ]]; then
                _skiff_reply "$verbs" "$current"
            elif [[ $kind == commands ]]; then
                _skiff_command ""
                _skiff_reply "$verbs" "$current"
            else
                _skiff_reply "$kind" "$current"
            fi
        }

        """#
    }
}
