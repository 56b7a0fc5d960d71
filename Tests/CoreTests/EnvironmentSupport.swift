import CLinux
import Linux
import TestSupport

@testable import Core
@testable import Shell

/// A directory that stands for the root of a container; gone with the value.
final class FakeRoot {
    private let scratch: Scratch
    var path: String { scratch.path }
    let files: ContainerFiles

    init() throws {
        scratch = try Scratch()
        files = ContainerFiles(root: try TreeRoot(HostPath(scratch.path)), directory: [ASCII.slash])
    }

    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        if let folder = parentPath(path + name) { try makeDirectories(folder) }
        try writeFile(path + name, Array(text.utf8), mode: mode)
    }

    func directory(_ name: String) throws { try makeDirectories(path + name) }
}

/// What a real shell makes of a script.
struct ShellAnswer: Equatable {
    var status: String
    var variables: [String: String]
    var environment: [String: String]
    var output: String
}

enum RealShell {
    /// Runs `script` and answers its last status, the named variables (nil values left out), what is exported, and what it
    /// printed. Nil when the script ended the shell.
    static func run(_ shell: String, _ script: String, watching names: [String], environment: [String] = []) throws
        -> ShellAnswer?
    {
        var tail = "\n__status=$?\nprintf '%s\\0' \"$__status\" >&3\n"
        for name in names { tail += "printf '%s\\0' \"\(name)=${\(name)-<unset>}\" >&3\n" }
        tail += "exec /usr/bin/env -0 >&3\n"
        let answer = try makePipe()
        let text = try makePipe()
        let answers = OwnedFD(adopting: answer.first)
        let texts = OwnedFD(adopting: text.first)
        let pid = try spawn(
            shell, [shell, "-c", script + tail], environment: environment,
            descriptors: [(1, text.second), (2, text.second), (3, answer.second)])
        try OwnedFD(adopting: answer.second).close()
        try OwnedFD(adopting: text.second).close()
        let printed = try readToEnd(texts.raw)
        let bytes = try readToEnd(answers.raw)
        _ = try waitFor(pid)
        let fields = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        guard fields.count >= names.count + 1 else { return nil }
        var result = ShellAnswer(
            status: String(decoding: fields[0], as: UTF8.self), variables: [:], environment: [:],
            output: String(decoding: printed, as: UTF8.self))
        for (index, field) in fields.dropFirst().enumerated() {
            let entry = String(decoding: field, as: UTF8.self)
            guard let equals = entry.firstIndex(of: "=") else { continue }
            let (name, value) = (String(entry[..<equals]), String(entry[entry.index(after: equals)...]))
            if index < names.count {
                if value != "<unset>" { result.variables[name] = value }
            } else {
                result.environment[name] = value
            }
        }
        return result
    }

    /// The same from our evaluator; nil when it leaves the script to a shell.
    static func ours(_ script: String, watching names: [String], files: any RootFiles = HostFiles()) -> ShellAnswer? {
        var evaluator = ScriptEvaluator(files: files)
        do throws(ScriptStop) { try evaluator.run(Array(script.utf8)) } catch { return nil }
        var result = ShellAnswer(status: String(evaluator.status), variables: [:], environment: [:], output: "")
        for name in names {
            if let value = evaluator.variables[name] { result.variables[name] = String(decoding: value, as: UTF8.self) }
        }
        for entry in EnvironmentEntry.split(evaluator.variables.exported()) {
            result.environment[entry.name] = String(decoding: entry.value, as: UTF8.self)
        }
        for text in evaluator.output { result.output += String(decoding: text.bytes, as: UTF8.self) }
        return result
    }
}
