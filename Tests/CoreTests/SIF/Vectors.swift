import CLinux
import Core
import Linux
import TestSupport

/// The images of Tests/Vectors/sif.
enum Vectors {
    static let directory = repository + "/Tests/Vectors/sif/"

    static func bytes(_ name: String) throws -> [UInt8] { try readFile(directory + name) }

    static func image(_ name: String) throws -> SIFImage {
        let file = try Linux.open(directory + name, O_RDONLY)
        return try SIFImage(reading: file.raw)
    }

    /// Eight bytes, little-endian.
    static func little(_ value: Int64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    static func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
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
