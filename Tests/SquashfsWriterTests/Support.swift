import Base
import CLinux
import Foundation
import Linux
import Squashfs
import SquashfsWriter
import Testing

/// A directory for one test; it goes with the value.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "squashfs-writer-\(UUID().uuidString)"
        try makeDirectories(path + "/tree")
    }

    // FileManager gives up at names that are not UTF-8.
    deinit { _ = try? command(["/bin/rm", "-rf", path]) }

    var tree: String { path + "/tree" }
    var image: String { path + "/image" }

    /// Writes the tree; answers the length that the writer tells.
    @discardableResult func write(
        _ options: SquashfsOptions = SquashfsOptions(), offset: Int64 = 0, changes: TreeChanges = TreeChanges(),
        adjust: (inout TreeEntry) throws(SkiffError) -> Bool = { (_) throws(SkiffError) in true }
    ) throws -> Int64 {
        let source = try open(tree, O_RDONLY | O_DIRECTORY)
        let output = try open(image, O_RDWR | O_CREAT, mode: 0o644)
        return try SquashfsWriter(output: output.raw, offset: offset, options: options)
            .write(tree: source.raw, changes: changes, adjust: adjust)
    }

    func reader(offset: UInt64 = 0) throws -> SquashfsReader {
        try SquashfsReader(FileSource(open(image, O_RDONLY), offset: offset, limit: 0))
    }
}

struct CommandResult {
    let status: CInt
    let output: String
}

/// Runs a program to its end, for at most two minutes, with both outputs in one text.
func command(_ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "120"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return CommandResult(status: process.terminationStatus, output: text)
}

/// A shell script that must succeed.
@discardableResult func shell(_ script: String, _ arguments: [String] = []) throws -> String {
    let result = try command(["/bin/sh", "-ec", script] + arguments)
    try #require(result.status == 0, "\(result.output)")
    return result.output
}

func isInstalled(_ program: String) -> Bool { isAccessible("/usr/bin/" + program, X_OK) }

/// Where SwiftPM puts what it builds: the directory of the test bundle that this process runs.
let products: String = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    let end = bundle.range(of: "/skiffPackageTests.xctest")?.lowerBound ?? bundle.startIndex
    return String(bundle[..<end])
}()
