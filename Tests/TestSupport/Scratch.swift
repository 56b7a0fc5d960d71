import CLinux
import Foundation
import Linux

/// A temporary directory that is removed with the value.
package final class Scratch {
    package let path: String

    package init() throws {
        var template = Array((NSTemporaryDirectory() + "skiff-scratch.XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else { throw Errno.current }
        path = String(cString: made)
    }

    deinit { try? removeTree(path) }

    /// Makes a file with these bytes; returns its path.
    @discardableResult
    package func file(_ name: String, _ bytes: [UInt8] = [], mode: mode_t = 0o644) throws -> String {
        try writeFile(path + "/" + name, bytes, mode: mode)
        return path + "/" + name
    }

    /// Makes a file with this text; returns its path.
    @discardableResult
    package func file(_ name: String, text: String, mode: mode_t = 0o644) throws -> String {
        try file(name, Array(text.utf8), mode: mode)
    }

    /// Makes a directory and those above it; returns its path.
    @discardableResult package func directory(_ name: String) throws -> String {
        try makeDirectories(path + "/" + name)
        return path + "/" + name
    }

    /// Makes a file with these bytes and opens it for reading and writing.
    package func openFile(_ name: String, _ bytes: [UInt8] = []) throws -> OwnedFD {
        try open(try file(name, bytes), O_RDWR)
    }

    package func bytes(_ name: String) throws -> [UInt8] { try readFile(path + "/" + name) }
    package func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }
}
