import Base
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

    private static let cacheHint =
        "Set APPTAINER_CACHEDIR to a directory with more room, or build with --disable-cache in the one that "
        + "APPTAINER_TMPDIR names"

    /// Tools and scripts tell in words of their own, or not at all, why they failed: adds it when a disk is full.
    ///
    /// - Parameters:
    ///   - temporary: where what is thrown away lies.
    ///   - kept: where results of steps grow; nil when none are kept.
    static func explained(_ error: SkiffError, temporary: String, kept: String?) -> SkiffError {
        if error.hint?.contains("TMPDIR") == true { return error }
        let places = [(temporary, temporaryHint)] + (kept.map { [($0, cacheHint)] } ?? [])
        for (path, advice) in places {
            guard let facts = try? filesystemFacts(of: path), facts.available < 1 << 20 else { continue }
            let hint = "The file system of \(path) is full. \(advice)"
            return SkiffError(error.message, errno: error.errno, hint: hint, code: error.code)
        }
        return error
    }
}
