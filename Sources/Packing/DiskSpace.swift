package import Base
import Linux

/// Checks whether a file system has room for data before it is written.
package enum DiskSpace {
    /// Throws when a file system lacks room.
    ///
    /// - Parameters:
    ///   - bytes: the number of bytes about to be written below `path`.
    ///   - purpose: `extracting x.sif`.
    package static func check(_ bytes: Int64, in path: String, for purpose: String, hint: String) throws(SkiffError) {
        guard let facts = try? filesystemFacts(of: path), facts.available < bytes else { return }
        throw SkiffError(
            "While performing build: \(purpose) needs \(byteText(bytes)), and \(path) has \(byteText(facts.available)) left",
            hint: hint)
    }
}
