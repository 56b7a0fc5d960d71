import Foundation
import Linux

/// A directory that goes with the value.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "skiff-inspect-\(UUID().uuidString)"
        try makeDirectories(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct CommandResult {
    let status: CInt
    let output: String
    let errors: String
}

/// Runs a program to its end, for at most three minutes.
func command(_ arguments: [String]) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "180"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["SKIFF_PROGRAM": "apptainer"]) { $1 }
    let scratch = try Scratch()
    let files = try ["out", "err"].map { name in
        try writeFile(scratch.path + "/" + name, [], mode: 0o600)
        return try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.path + "/" + name))
    }
    (process.standardOutput, process.standardError) = (files[0], files[1])
    try process.run()
    process.waitUntilExit()
    let texts = try ["out", "err"].map { String(decoding: try readFile(scratch.path + "/" + $0), as: UTF8.self) }
    return CommandResult(status: process.terminationStatus, output: texts[0], errors: texts[1])
}

/// `skiff-image`, where SwiftPM puts what it builds: the directory of the test bundle that this process runs.
let imageTool: String = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    let end = bundle.range(of: "/skiffPackageTests.xctest")?.lowerBound ?? bundle.startIndex
    return bundle[..<end] + "/skiff-image"
}()

/// Outputs of Apptainer 1.4.5 with what they were made from.
let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../Vectors/inspect"

/// A recorded run: the words, and what was printed with the exit status behind it.
struct RecordedRun: Sendable, CustomStringConvertible {
    let words: [String]
    let output: String
    var description: String { words.joined(separator: " ") }

    /// Blocks of a line `=== words`, output, a line `[exit N]`.
    static func all(in file: String) throws -> [RecordedRun] {
        let text = try String(contentsOfFile: vectors + "/" + file, encoding: .utf8)
        var runs: [RecordedRun] = []
        var words: [String]?
        var output = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("=== inspect") || line.hasPrefix("=== run-help") {
                words = line.dropFirst(4).split(separator: " ").map(String.init)
                output = ""
            } else if line.hasPrefix("[exit "), let found = words {
                runs.append(RecordedRun(words: found, output: output + line))
                words = nil
            } else {
                output += line + "\n"
            }
        }
        return runs
    }
}
