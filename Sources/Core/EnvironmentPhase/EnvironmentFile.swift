import Base
import CLinux
import Linux
import Shell

/// A file of `--env-file`: a script whose assignments become variables of the container. Docs/spec/runtime.md §5.1,
/// point 5.
struct EnvironmentFile {
    let path: String
    /// Its positional parameters: the arguments of the action.
    let arguments: [String]
    let host: [[UInt8]]
    /// What `$APPTAINER_IMAGE` says.
    let image: String

    /// Belong to the evaluating shell.
    private static let ignored: Set<String> = ["EUID", "GID", "HOME", "IFS", "OPTIND", "PWD", "UID"]

    func evaluate() throws(SkiffError) -> [EnvironmentPlan.Variable] {
        let script = try during("cannot read environment file \(path)") { () throws(Errno) in
            try readFile(path, limit: ScriptParser.sizeLimit)
        }
        var evaluator = ScriptEvaluator(files: CurrentRoot())
        var before: [String: [UInt8]] = [:]
        for entry in EnvironmentEntry.split(host) where ShellByte.isName(entry.name.utf8) {
            before[entry.name] = entry.value
        }
        before["APPTAINER_IMAGE"] = Array(image.utf8)
        for (name, value) in before { evaluator.variables.set(Array(name.utf8), value) }
        evaluator.positional = arguments.map { Array($0.utf8) }
        evaluator.exportsAll = true
        do throws(ScriptStop) {
            try evaluator.run(script)
        } catch .needsShell(let reason) {
            Log.debug("\(path) needs a shell: \(reason.reason)")
            return variables(in: try runShell(), since: before)
        } catch .exited(let code) where code != 0 {
            throw SkiffError("cannot evaluate environment file \(path): exit status \(code)")
        } catch {
            // `exit 0` and `exec` end the script before anything could be taken from it.
            return []
        }
        for text in evaluator.output { try? writeFully(text.isError ? 2 : 1, text.bytes) }
        return variables(in: evaluator.variables.exported(), since: [:])
    }

    /// Variables that are not as before.
    private func variables(in entries: [[UInt8]], since before: [String: [UInt8]]) -> [EnvironmentPlan.Variable] {
        EnvironmentEntry.split(entries).compactMap { entry in
            let (name, value) = (entry.name, entry.value)
            guard !EnvironmentFile.ignored.contains(name), before[name] != value, ShellByte.isName(name.utf8) else {
                return nil
            }
            if !before.isEmpty, ["_", "SHLVL", "OLDPWD"].contains(name) { return nil }
            return EnvironmentPlan.Variable(name, value, origin: "--env-file \(path)")
        }
    }

    /// The host's shell sources the file and writes its environment to descriptor 3, NUL behind each variable.
    private func runShell() throws(SkiffError) -> [[UInt8]] {
        try during("cannot evaluate environment file \(path)") { () throws(Errno) in
            let driver = "set -a\n. \"$0\"\ncommand -p env -0 >&3\n"
            let file = path.contains("/") ? path : "./" + path
            let environment = EnvironmentEntry.split(host).map {
                "\($0.name)=" + String(decoding: $0.value, as: UTF8.self)
            }
            let answer = try output(
                of: "/bin/sh", ["sh", "-c", driver, file] + arguments,
                environment: environment + ["APPTAINER_IMAGE=\(image)"], from: 3, limit: 16 << 20)
            guard answer.status == .exited(0) else { throw .invalidArgument }
            return answer.bytes.split(separator: 0).map { Array($0) }
        }
    }
}
