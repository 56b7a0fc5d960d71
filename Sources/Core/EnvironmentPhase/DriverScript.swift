import Base
import CLinux
import Linux
import Shell

/// The same phase run by a shell, for images whose scripts are more than `ScriptParser` understands: the text given to
/// the shell, and its environment. All values travel in the environment under names of our own, so that none of their
/// bytes has to be quoted and none is limited by the length of an argument.
extension EnvironmentRun {
    func startShell(_ scripts: [Script], because reason: NeedsShell) throws(SkiffError) -> EnvironmentOutcome {
        let saved = incoming()
        var environment: [[UInt8]] = []
        for variable in saved where KeptVariables.isKept(variable.name) {
            environment.append(Array("\(variable.name)=".utf8) + variable.value)
        }
        for (index, variable) in saved.enumerated() {
            environment.append(Array("__skiff_s\(index)=".utf8) + variable.value)
        }
        for (index, variable) in plan.overrides.enumerated() {
            let value = plan.evaluatesOverrides ? ShellQuoting.closable(variable.value) : variable.value
            environment.append(Array("__skiff_o\(index)=".utf8) + value)
        }
        var messages: [PlanMessage] = []
        let shells = ["/bin/bash", "/bin/sh"].filter { files.isExecutable($0) }
        let resolver = ActionResolver(files: files, directory: directory)
        let app = plan.value(of: "SINGULARITY_APPNAME").map { String(bytes: $0) }
        let target = try resolver.target(action, arguments, app: app, shell: nil, &messages)
        let ending = try ending(target, hasShell: shells.contains("/bin/sh"))
        let text = DriverText(plan: plan, saved: saved, libraries: LibraryPath(plan: plan, files: files)).whole(
            ending.text)
        let words = [Array("-c".utf8), text.bytes] + [ending.name] + ending.arguments
        let program = shells.first.map { Array($0.utf8) }
        let attempt = ExecAttempt(program.map { .path($0) } ?? .staticShell, [program ?? Array("/bin/sh".utf8)] + words)
        return .start(
            ProgramStart(environment: environment, attempt: attempt, messages: messages, shellReason: reason.reason))
    }

    private func ending(_ target: ActionResolver.Target, hasShell: Bool) throws(SkiffError)
        -> (text: String, name: [UInt8], arguments: [[UInt8]])
    {
        let name = Array("skiff".utf8)
        switch target {
        case .command(let words): return (DriverText.findAndExec, name, words)
        case .nothing(let message):
            return ("echo \(ShellQuoting.single("INFO:    \(message.text.printable)")) >&2\n", name, [])
        case .file(let file, let arguments):
            let path = file.bytes
            if action == .shell { return (DriverText.interactive(file), name, [path] + arguments) }
            if !hasShell, ExecFallback(files: files).interpreter(of: path)?.first == ExecFallback.shell {
                return (". \(ShellQuoting.single(file))\n", path, arguments)
            }
            return ("exec \"$@\"\n", name, [path] + arguments)
        }
    }
}

extension ShellQuoting {
    /// Returns a value that is put between double quotes and evaluated there: bare double quotes are hidden, and a
    /// backslash at the end must not hide the closing one.
    static func closable(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var isHidden = false
        for byte in bytes {
            if byte == ASCII.doubleQuote, !isHidden { result.append(ASCII.backslash) }
            result.append(byte)
            isHidden = byte == ASCII.backslash && !isHidden
        }
        if isHidden { result.append(ASCII.backslash) }
        return result
    }
}

/// The parts of the driver, in POSIX shell.
struct DriverText {
    let plan: EnvironmentPlan
    let saved: [EnvironmentPlan.Variable]
    let libraries: LibraryPath

    func whole(_ ending: String) -> String {
        head + functions + Self.scripts + libraryPath + restore + Self.prompt + ending
    }

    /// Shells bring variables of their own, which would count as defined by the image.
    private var head: String {
        var text =
            "unset PATH PS1 PS2 PS4 SHLVL OLDPWD TERM SHELL HOSTNAME HOSTTYPE MACHTYPE OSTYPE ENV BASH_ENV 2>/dev/null\n"
        for (name, value) in IdentityVariables.current where !saved.contains(where: { $0.name == name }) {
            text += "[ -n \"${\(name)+x}\" ] || \(name)=\(value)\n"
        }
        return text
    }

    private var functions: String {
        """
        __skiff_path() {
            for __skiff_d in \(EnvironmentPlan.defaultPath.split(separator: ":").joined(separator: " ")); do
                case ":${PATH-}:" in
                *":$__skiff_d:"*) ;;
                *) PATH="${PATH:+$PATH:}$__skiff_d" ;;
                esac
            done
            export PATH
            unset __skiff_d
        }
        __skiff_overrides() {
            [ -z "${__skiff_injected-}" ] || return 0
            __skiff_injected=1
            [ -n "${PATH+x}" ] || export PATH=\(ShellQuoting.single(EnvironmentPlan.defaultPath))
        \(overrides)}
        __skiff_runtime() {
            __skiff_overrides
        \(ImageScripts.runtimeVariables)}

        """
    }

    private var overrides: String {
        var text = ""
        for (index, variable) in plan.overrides.enumerated() where variable.name != "UID" && variable.name != "GID" {
            if plan.evaluatesOverrides {
                text += "eval \"export \(variable.name)=\\\"${__skiff_o\(index)}\\\"\"\n"
            } else {
                text += "export \(variable.name)=\"${__skiff_o\(index)}\"\n"
            }
            text += "unset __skiff_o\(index)\n"
        }
        return text
    }

    private static var scripts: String {
        """
        if [ -d /.singularity.d/env ]; then
            for __skiff_f in /.singularity.d/env/*.sh; do
                [ -f "$__skiff_f" ] || continue
                case "$__skiff_f" in
                */90-environment.sh) [ -n "${PATH+x}" ] || __skiff_path; . "$__skiff_f" ;;
                */10-docker2singularity.sh | */10-docker.sh) . "$__skiff_f"; __skiff_path ;;
                */99-base.sh) . "$__skiff_f"; __skiff_overrides ;;
                */99-runtimevars.sh) __skiff_runtime; __skiff_done=1 ;;
                *) . "$__skiff_f" ;;
                esac
            done
        elif [ -f /environment ]; then
            . /environment
            __skiff_path
        fi
        __skiff_overrides
        [ -n "${__skiff_done-}" ] || __skiff_runtime
        unset __skiff_f __skiff_done __skiff_injected

        """
    }

    /// What `LibraryPath` does, with everything that depends on files decided already.
    private var libraryPath: String {
        let lent = Array(EnvironmentPlan.libraryDirectory.utf8)
        var text = ""
        if libraries.completed(nil) != nil {
            text += "export LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:-\(EnvironmentPlan.libraryDirectory)}\"\n"
        }
        if let path = libraries.adjusted(lent) {
            text += "if [ \"${LD_LIBRARY_PATH-}\" = \(EnvironmentPlan.libraryDirectory) ]; then\n"
            text += "export LD_LIBRARY_PATH=\(quoted(path))\n"
            if let (before, after) = around { text += "else\n" + joined(before, after) }
            text += "fi\n"
        }
        return text
    }

    private var around: ([UInt8], [UInt8])? {
        guard let path = libraries.adjusted(nil) else { return nil }
        // Everything that was added to an empty value: all but the prefix comes after it.
        let prefix = plan.libraryPrefix
        return (prefix, Array(path.dropFirst(prefix.isEmpty ? 0 : min(path.count, prefix.count + 1))))
    }

    private func joined(_ before: [UInt8], _ after: [UInt8]) -> String {
        var text = ""
        if !before.isEmpty {
            text += "LD_LIBRARY_PATH=\(quoted(before))${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\n"
        }
        if !after.isEmpty {
            text += "LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}\"\(quoted(after))\n"
        }
        return text + "export LD_LIBRARY_PATH\n"
    }

    private func quoted(_ bytes: [UInt8]) -> String { String(bytes: ShellQuoting.single(bytes)) }

    /// Incoming variables return unless defined; those that the image emptied are removed.
    private var restore: String {
        var text = ""
        for (index, variable) in saved.enumerated() {
            let name = variable.name
            let store = "__skiff_s\(index)"
            if KeptVariables.isProtected(name) {
                text += "export \(name)=\"$\(store)\"\n"
            } else if name != "_", name != "OPTIND" {
                text += "if [ -z \"${\(name)+x}\" ]; then export \(name)=\"$\(store)\"; "
                text += "elif [ -z \"$\(name)\" ]; then unset \(name); fi\n"
            }
            text += "unset \(store)\n"
        }
        return text
    }

    private static var prompt: String {
        """
        [ -n "${PS1:-}" ] || PS1="Apptainer> "
        if [ -z "${PROMPT_COMMAND:-}" ]; then
            PROMPT_COMMAND="PS1=\\"${PS1}\\"; unset PROMPT_COMMAND"
        else
            PROMPT_COMMAND="${PROMPT_COMMAND}; PROMPT_COMMAND=\\"\\${PROMPT_COMMAND%%; PROMPT_COMMAND=*}\\"; PS1=\\"${PS1}\\""
        fi
        APPTAINER_ENVIRONMENT="${APPTAINER_ENVIRONMENT:-/.singularity.d/env/91-environment.sh}"
        SINGULARITY_ENVIRONMENT="$APPTAINER_ENVIRONMENT"
        export PS1 PROMPT_COMMAND APPTAINER_ENVIRONMENT SINGULARITY_ENVIRONMENT

        """
    }

    /// `exec`: the same search and the same words as `ActionResolver.find`.
    static var findAndExec: String {
        """
        __skiff_fail() {
            printf 'FATAL:   %s\\n' "$1" >&2
            exit 255
        }
        __skiff_p=
        case "${1-}" in
        */*) __skiff_p="$1" ;;
        '') ;;
        *)
            set -f
            IFS=:
            for __skiff_d in $PATH; do
                if [ -f "${__skiff_d:-.}/$1" ] && [ -x "${__skiff_d:-.}/$1" ]; then
                    __skiff_p="${__skiff_d:-.}/$1"
                    break
                fi
            done
            unset IFS __skiff_d
            set +f
            ;;
        esac
        [ -n "$__skiff_p" ] || __skiff_fail "\\"${1-}\\": executable file not found in \\$PATH"
        [ -e "$__skiff_p" ] || __skiff_fail "stat $__skiff_p: no such file or directory"
        [ ! -d "$__skiff_p" ] || __skiff_fail "exec $__skiff_p failed: is a directory"
        [ -x "$__skiff_p" ] || __skiff_fail "exec $__skiff_p failed: permission denied"
        shift
        set -- "$__skiff_p" "$@"
        unset __skiff_p
        exec "$@"

        """
    }

    /// The first argument is `fallback`; with bash, the second is our option to read no startup file.
    static func interactive(_ fallback: String) -> String {
        """
        if [ -n "${SINGULARITY_SHELL:-}" ] && [ -x "$SINGULARITY_SHELL" ]; then
            shift \(fallback == "/bin/bash" ? 2 : 1)
            exec "$SINGULARITY_SHELL" "$@"
        fi
        export SHELL=\(ShellQuoting.single(fallback))
        exec "$@"

        """
    }
}
