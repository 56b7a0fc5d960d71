import CLinux
import Foundation
import Linux
import TestSupport

/// A directory with a tree, and images in it.
extension Scratch {
    static func withTree() throws -> Scratch {
        let scratch = try Scratch()
        for name in ["tree", "copy"] { try scratch.directory(name) }
        return scratch
    }

    var tree: String { path + "/tree" }
    var copy: String { path + "/copy" }
    var image: String { path + "/image" }

    /// An image of `tree`, changed by commands of debugfs(8).
    func makeImage(type: String = "ext3", megabytes: Int = 8, _ commands: [String] = []) throws {
        try succeed(["/usr/bin/truncate", "-s", "\(megabytes)M", image])
        // Directories without an index, so that their entries may be patched.
        try succeed(["/sbin/mke2fs", "-q", "-F", "-t", type, "-b", "1024", "-O", "^dir_index", "-d", tree, image])
        guard !commands.isEmpty else { return }
        let script = commands.joined(separator: "\n") + "\n"
        try writeFile(path + "/script", Array(script.utf8), mode: 0o644)
        try succeed(["/sbin/debugfs", "-w", "-f", path + "/script", image])
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
