import CLinux
import Core
import Linux

/// The images of Tests/Vectors/sif.
enum Vectors {
    static let directory: String = {
        let tests = parentPath(parentPath(parentPath(#filePath) ?? "") ?? "") ?? ""
        return tests + "/Vectors/sif/"
    }()

    static func bytes(_ name: String) throws -> [UInt8] { try readFile(directory + name) }

    static func image(_ name: String) throws -> SIFImage {
        let file = try Linux.open(directory + name, O_RDONLY)
        return try SIFImage(reading: file.raw)
    }

    /// Eight bytes, little-endian.
    static func little(_ value: Int64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    static func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// A directory of its own, gone with the value.
struct Scratch: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/skiff-sif-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Errno.current }
        path = String(cString: made)
    }

    deinit {
        guard let directory = try? Linux.open(path, O_RDONLY | O_DIRECTORY) else { return }
        for entry in (try? entries(of: directory.raw)) ?? [] {
            if entry.type == 4 {
                try? removeDirectory(entry.text, at: directory.raw)
            } else {
                try? unlink(entry.text, at: directory.raw)
            }
        }
        try? removeDirectory(path)
    }

    /// Makes a file of these bytes and answers its path.
    func file(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws -> String {
        try writeFile(path + "/" + name, bytes, mode: mode)
        return path + "/" + name
    }

    /// The same, opened for reading and writing.
    func open(_ name: String, _ bytes: [UInt8] = []) throws -> OwnedFD {
        try Linux.open(try file(name, bytes), O_RDWR)
    }
}

extension [UInt8] {
    /// A copy with other bytes at some places.
    func with(_ changes: [(Int, [UInt8])]) -> [UInt8] {
        var copy = self
        for (offset, bytes) in changes { copy.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        return copy
    }
}

/// What an operation throws, as text; nil when it does not.
func failure(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return String(describing: error)
    }
}
