import Base
import Linux
import Shell

/// A file of `--env-file`: a script whose assignments become variables of the container. Docs/spec/runtime.md §5.1,
/// point 5.
///
/// It is evaluated here and runs nothing. A line that is not understood ends the launch and is shown, except for a
/// variable whose value another program would have to produce: that one is left out with a warning, as in Apptainer.
struct EnvironmentFile {
    let path: String
    /// The file's positional parameters: the arguments of the action.
    let arguments: [[UInt8]]
    let host: [[UInt8]]
    /// The value of `$APPTAINER_IMAGE`.
    let image: String

    struct Content {
        var variables: [EnvironmentPlan.Variable] = []
        var messages: [PlanMessage] = []
    }

    /// Variables that belong to the runtime.
    private static let ignored: Set<String> = ["EUID", "GID", "HOME", "IFS", "OPTIND", "PWD", "UID"]

    func evaluate() throws(SkiffError) -> Content {
        var content = Content()
        var reader = StatementReader(try read())
        var evaluator = makeEvaluator()
        reading: while true {
            let command: ShellCommand?
            do throws(NeedsShell) {
                command = try reader.next()
            } catch {
                guard let names = reader.skipSubstitution() else { throw failure(reader.line, error) }
                content.messages.append(
                    .warning(
                        "Ignored \(names.joined(separator: ", ")) in line \(reader.line) of environment file \(path): "
                            + "no command is run for a value"))
                continue
            }
            guard let command else { break }
            do throws(ScriptStop) {
                try evaluator.perform(command)
            } catch {
                switch error {
                case .needsShell(let reason): throw failure(reader.line, reason)
                case .exited(let code) where code != 0:
                    throw SkiffError(
                        "cannot evaluate environment file \(path), line \(reader.line): exit status \(code)")
                case .exited, .returned, .executed: break reading
                }
            }
        }
        for text in evaluator.output { try? writeFully(text.isError ? 2 : 1, text.bytes) }
        for entry in EnvironmentEntry.split(evaluator.variables.exported()) {
            if Self.ignored.contains(entry.name) {
                content.messages.append(
                    .warning("Ignored environment file variable \(entry.name): the runtime decides its value"))
            } else {
                content.variables.append(
                    EnvironmentPlan.Variable(entry.name, entry.value, origin: "--env-file \(path)"))
            }
        }
        return content
    }

    /// Returns the text, without the carriage returns at the ends of lines.
    private func read() throws(SkiffError) -> [UInt8] {
        let text = try during("cannot read environment file \(path)") { () throws(Errno) in
            try readFile(path, limit: ScriptParser.sizeLimit)
        }
        if let place = text.firstIndex(of: 0) {
            throw failure(1 + text[..<place].count { $0 == ASCII.newline }, NeedsShell("a NUL byte"))
        }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for (index, byte) in text.enumerated() {
            let isEnd = index + 1 == text.count || text[index + 1] == ASCII.newline
            if byte != 0x0D || !isEnd { result.append(byte) }
        }
        return result
    }

    private func makeEvaluator() -> ScriptEvaluator {
        var evaluator = ScriptEvaluator(files: HostFiles())
        for entry in EnvironmentEntry.split(host) where ASCII.isName(entry.name.utf8) {
            evaluator.variables.set(entry.name.bytes, entry.value)
        }
        evaluator.variables.set(Array("APPTAINER_IMAGE".utf8), image.bytes)
        evaluator.provideIdentity()
        evaluator.positional = arguments
        evaluator.exportsAll = true
        evaluator.permitsSourcing = false
        return evaluator
    }

    private func failure(_ line: Int, _ reason: NeedsShell) -> SkiffError {
        SkiffError(
            "cannot evaluate environment file \(path), line \(line): \(reason.reason)",
            hint: "It holds NAME=VALUE lines, and runs no program; single quotes keep a value as it is")
    }
}
