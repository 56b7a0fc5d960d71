import CLinux
import Linux
import Testing

/// How a program ended, and what it wrote.
package struct CommandResult: CustomStringConvertible, Sendable {
    package let status: CInt
    package let output: String
    package let errors: String

    /// Standard output, then standard error.
    package var text: String { output + errors }
    package var description: String { "status \(status)\nstdout: \(output)\nstderr: \(errors)" }
}

/// Runs a program to its end, or kills it when its time is over.
///
/// Output goes to files, not pipes: a process that outlives the program and keeps a descriptor cannot hang the test. The
/// program blocks no signals, as it would after Foundation's `Process` in a thread of libdispatch.
/// - Parameters:
///   - words: the absolute path of the program, and its arguments.
///   - environment: variables that are added to those of this process.
///   - directory: where the program starts.
///   - seconds: how long it may run.
package func command(
    _ words: [String], environment: [String: String] = [:], directory: String? = nil, seconds: Int = 120
) throws -> CommandResult {
    let scratch = try Scratch()
    let output = try scratch.openFile("out")
    let errors = try scratch.openFile("err")
    let input = try open("/dev/null", O_RDONLY)
    let limit = ["/usr/bin/timeout", "-k", "1", String(seconds)]
    let place = directory.map { ["/usr/bin/env", "-C", $0] } ?? []
    let added = environment.map { "\($0.key)=\($0.value)" }
    let kept = environmentStrings().filter { environment[String($0.prefix { $0 != "=" })] == nil }
    let pid = try spawn(
        limit[0], limit + place + words, environment: kept + added,
        descriptors: [(0, input.raw), (1, output.raw), (2, errors.raw)])
    let ended = try waitFor(pid)
    return CommandResult(
        status: ended?.status.code ?? -1, output: try scratch.text("out"), errors: try scratch.text("err"))
}

/// Runs a program that must succeed; returns what it wrote.
@discardableResult package func succeed(_ words: [String], directory: String? = nil) throws -> String {
    let result = try command(words, directory: directory)
    try #require(result.status == 0, "\(words.joined(separator: " ")): \(result)")
    return result.text
}

/// Runs a shell script that must succeed, with `arguments` as `$0`, `$1` …; returns what it wrote.
@discardableResult package func shell(_ script: String, _ arguments: [String] = []) throws -> String {
    try succeed(["/bin/sh", "-ec", script] + arguments)
}
