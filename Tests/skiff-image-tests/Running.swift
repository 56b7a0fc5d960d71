import Foundation
import Linux
import Testing

struct CommandResult {
    let status: CInt
    let output: String
    let errors: String
}

/// Runs a program to its end, for at most two minutes.
func command(_ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "120"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let folder = try TemporaryFolder()
    let files = try ["out", "err"].map { name in
        try writeFile(folder.path + "/" + name, [], mode: 0o600)
        return try #require(FileHandle(forWritingAtPath: folder.path + "/" + name))
    }
    process.standardOutput = files[0]
    process.standardError = files[1]
    try process.run()
    process.waitUntilExit()
    let texts = try ["out", "err"].map { String(decoding: try readFile(folder.path + "/" + $0), as: UTF8.self) }
    return CommandResult(status: process.terminationStatus, output: texts[0], errors: texts[1])
}

/// A directory that goes with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "skiff-image-\(UUID().uuidString)"
        try makeDirectories(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// `skiff-image`, where SwiftPM puts what it builds: the directory of the test bundle that this process runs.
let imageTool: String = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    let end = bundle.range(of: "/skiffPackageTests.xctest")?.lowerBound ?? bundle.startIndex
    return bundle[..<end] + "/skiff-image"
}()
