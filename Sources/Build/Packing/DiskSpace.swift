import Core
import Linux

/// Whether a file system has room for what comes, asked before it is written.
enum DiskSpace {
    static let temporaryHint = "Set APPTAINER_TMPDIR to a directory with more room"

    /// - Parameters:
    ///   - bytes: that are about to be written below `path`.
    ///   - purpose: `extracting x.sif`.
    static func check(_ bytes: Int64, in path: String, for purpose: String, hint: String) throws(SkiffError) {
        guard let facts = try? filesystemFacts(of: path), facts.available < bytes else { return }
        throw SkiffError(
            "While performing build: \(purpose) needs \(byteText(bytes)), and \(path) has \(byteText(facts.available)) left",
            hint: hint)
    }

    /// Tools and scripts tell in words of their own, or not at all, why they failed: adds it when the disk is full.
    static func explained(_ error: SkiffError, temporary path: String) -> SkiffError {
        guard error.hint?.contains("TMPDIR") != true, let facts = try? filesystemFacts(of: path),
            facts.available < 1 << 20
        else { return error }
        let hint = "The file system of \(path) is full. \(temporaryHint)"
        return SkiffError(error.message, errno: error.errno, hint: hint, code: error.code)
    }
}
