import Foundation
import Linux
import TestSupport

/// Runs skiff-image as its caller does when the user typed `apptainer`.
func runImageTool(_ words: [String]) throws -> CommandResult {
    try command([imageTool] + words, environment: ["SKIFF_PROGRAM": "apptainer"])
}

/// Outputs of Apptainer 1.4.5 with what they were made from.
let vectors = repository + "/Tests/Vectors/inspect"

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
