import CLinux
import Linux

/// The result of a script in a real shell.
package struct ShellAnswer: Equatable {
    package var status: String
    package var variables: [String: String]
    package var environment: [String: String]
    package var output: String

    package init(
        status: String, variables: [String: String] = [:], environment: [String: String] = [:], output: String = ""
    ) {
        (self.status, self.variables, self.environment, self.output) = (status, variables, environment, output)
    }
}

package enum RealShell {
    /// Runs `script` and returns its last status, the named variables (nil values left out), what is exported, and what
    /// it printed; nil when the script ended the shell.
    package static func run(_ shell: String, _ script: String, watching names: [String], environment: [String] = [])
        throws
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
            status: String(decoding: fields[0], as: UTF8.self), output: String(decoding: printed, as: UTF8.self))
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
}
