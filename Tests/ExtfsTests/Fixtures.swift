import CLinux
import Foundation
import Linux

/// A directory that goes with the value, and images in it.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "extfs-tests-\(UUID().uuidString)"
        for name in ["", "/tree", "/copy"] { try makeDirectory(path + name, mode: 0o755) }
    }

    deinit { _ = try? run("/bin/rm", ["-rf", path]) }

    var tree: String { path + "/tree" }
    var copy: String { path + "/copy" }
    var image: String { path + "/image" }

    /// An image of `tree`, changed by commands of debugfs(8).
    func makeImage(type: String = "ext3", megabytes: Int = 8, _ commands: [String] = []) throws {
        try run("/usr/bin/truncate", ["-s", "\(megabytes)M", image])
        // Directories without an index, so that their entries may be patched.
        try run("/sbin/mke2fs", ["-q", "-F", "-t", type, "-b", "1024", "-O", "^dir_index", "-d", tree, image])
        guard !commands.isEmpty else { return }
        let script = commands.joined(separator: "\n") + "\n"
        try writeFile(path + "/script", Array(script.utf8), mode: 0o644)
        try run("/sbin/debugfs", ["-w", "-f", path + "/script", image])
    }

    /// Overwrites every place where the image has these bytes: names that no kernel would make.
    func replace(_ old: String, with new: String) throws {
        var bytes = Data(try readFile(image))
        let (from, to) = (Data(old.utf8), Data(new.utf8))
        precondition(from.count == to.count)
        var count = 0
        while let place = bytes.range(of: from) {
            bytes.replaceSubrange(place, with: to)
            count += 1
        }
        precondition(count > 0)
        try writeFile(image, Array(bytes), mode: 0o644)
    }
}

struct CommandFailed: Error { let text: String }

@discardableResult
func run(_ path: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if process.terminationStatus != 0 { throw CommandFailed(text: text) }
    return text
}
