import Linux
import TestSupport

@testable import Shell

extension RealShell {
    /// The same from our evaluator; nil when it leaves the script to a shell.
    static func ours(_ script: String, watching names: [String], files: any RootFiles = HostFiles()) -> ShellAnswer? {
        var evaluator = ScriptEvaluator(files: files)
        do throws(ScriptStop) { try evaluator.run(Array(script.utf8)) } catch { return nil }
        var result = ShellAnswer(status: String(evaluator.status))
        for name in names {
            if let value = evaluator.variables[name] { result.variables[name] = String(decoding: value, as: UTF8.self) }
        }
        for entry in evaluator.variables.exported() {
            let parts = entry.split(separator: ASCII.equals, maxSplits: 1, omittingEmptySubsequences: false)
            result.environment[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
        }
        for text in evaluator.output { result.output += String(decoding: text.bytes, as: UTF8.self) }
        return result
    }
}
