import Base
import Core
import Linux
import Packing
import Shell

/// `%post` cut at lines that read `#@ step`, so that each part can be kept by itself.
///
/// A part begins with the working directory and the exported variables that the one before it ended with; functions,
/// options and other variables do not pass. Lines keep their numbers.
package enum PostSteps {
    private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"]

    /// Returns the parts of a script, at least one.
    package static func split(_ script: Stage.Script) -> [Stage.Script] {
        let lines = script.body.split(separator: 0x0A, omittingEmptySubsequences: false)
        let cuts = StepMarkers.find(lines)
        guard !cuts.isEmpty, isShell(script.arguments) else { return [script] }
        var parts: [Stage.Script] = []
        var start = 0
        for end in cuts + [lines.count] {
            var part = script
            part.body = Array(lines[start..<end].joined(separator: [0x0A]))
            // The end of the line before a marker, also of an empty one; only the last may be missing.
            if end < lines.count || part.body.last != 0x0A { part.body.append(0x0A) }
            if start < script.lines.count {
                part.lines = Array(script.lines[start..<min(end, script.lines.count)])
                part.line = start == 0 ? script.line : script.lines[start]
            }
            parts.append(part)
            start = end
        }
        return parts
    }

    /// Other interpreters know no variables that a file of ours could bring back.
    static func isShell(_ arguments: String) -> Bool {
        let words = arguments.split(separator: " ").map(String.init)
        guard words.first == "-c" else { return true }
        return words.count > 1 && shells.contains(lastComponent(words[1]))
    }

    /// Names in the root directory of the image that exist while a step runs.
    static let (stateFile, directoryFile, variablesFile) = ("/.post.state", "/.post.directory", "/.post.variables")

    /// Returns a part as it is run.
    ///
    /// - Parameters:
    ///   - index: of the part; the first begins from nothing.
    ///   - lines: of the body before this part.
    ///   - isLast: whether nothing is written down, because no part follows.
    static func wrapped(_ part: Stage.Script, index: Int, after lines: Int, isLast: Bool) -> Stage.Script {
        var result = part
        if index > 0 {
            // The marker's own line makes room for this. Tracing is off only while our lines run.
            let before =
                "{ skiff_options=$-; set +x; } 2>/dev/null; . \(stateFile); "
                + "case $skiff_options in *x*) unset skiff_options; set -x;; *) unset skiff_options;; esac"
            let rest = part.body.drop { $0 != 0x0A }
            result.body = [UInt8](repeating: 0x0A, count: lines) + before.bytes + rest
        }
        if !isLast {
            let after =
                "{ skiff_status=$?; set +ex; pwd > \(directoryFile); export -p > \(variablesFile); "
                + "exit $skiff_status; } 2>/dev/null\n"
            result.body += after.bytes
        }
        return result
    }

    /// Returns what the next part reads before it begins, from what this part wrote down, or nil when it ended by `exit`.
    static func state(_ root: RootTree) -> [UInt8]? {
        guard let variables = root.read(variablesFile), var directory = root.read(directoryFile) else { return nil }
        if directory.last == 0x0A { directory.removeLast() }
        let quoted = ShellQuoting.single(String(bytes: directory))
        return variables + (variables.last == 0x0A ? [] : [0x0A]) + "cd \(quoted)\n".bytes
    }

    static func removeFiles(_ root: RootTree) throws(SkiffError) {
        for file in [stateFile, directoryFile, variablesFile] { try root.remove(file) }
    }
}
