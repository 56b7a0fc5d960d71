import CLinux
import Foundation

@testable import Linux

/// A directory with a tree in `tree` and the secrets of a host beside it, removed with the value.
final class HostileTree {
    let path: String
    var top: String { path + "/tree" }

    init() throws {
        path = NSTemporaryDirectory() + "skiff-tree-" + UUID().uuidString
        for directory in ["", "/tree", "/tree/a", "/tree/a/b", "/tree/etc", "/host"] {
            try makeDirectory(path + directory)
        }
        try write("host/secret", "secret")
        try write("tree/etc/passwd", "inside")
        try write("tree/a/b/file", "inside")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        try writeFile(path + "/" + name, Array(text.utf8), mode: 0o644)
    }

    func link(_ name: String, to target: String) throws { try makeSymlink(target, at: top + "/" + name) }

    func text(_ name: String) throws -> String { String(decoding: try readFile(path + "/" + name), as: UTF8.self) }

    func root(_ method: TreeLookup.Method) throws -> TreeRoot {
        TreeRoot(try open(HostPath(top), [.pathOnly, .directory]), method)
    }
}

func read(_ root: TreeRoot, _ path: TreePath, links: TreeLinks = .followed) throws -> String {
    let file = try root.openRegular(path, links: links)
    return String(decoding: try readToEnd(file.raw), as: UTF8.self)
}
