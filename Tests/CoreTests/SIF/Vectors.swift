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

    /// Returns the eight bytes of a number, little-endian.
    static func little(_ value: Int64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    static func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

extension [UInt8] {
    /// Returns a copy with other bytes at some places.
    func with(_ changes: [(Int, [UInt8])]) -> [UInt8] {
        var copy = self
        for (offset, bytes) in changes { copy.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        return copy
    }
}

/// Returns the error of an operation as text, or nil when it throws none.
func failure(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return String(describing: error)
    }
}
