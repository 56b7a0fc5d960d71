import Base
import Linux

/// The advice for a build that fails on a full disk, which tools and scripts tell in words of their own, or not at all.
struct FullDisk {
    static let temporaryHint = "Set APPTAINER_TMPDIR to a directory with more room"

    private static let cacheHint =
        "Set APPTAINER_CACHEDIR to a directory with more room, or build with --disable-cache in the one that "
        + "APPTAINER_TMPDIR names"

    /// The directory for temporary files.
    let temporary: String
    /// The directory for results of steps; nil when none are kept.
    let kept: String?

    /// Returns the error, with what helps if a disk of the build is full.
    func explain(_ error: SkiffError) -> SkiffError {
        let places = [(temporary, Self.temporaryHint)] + (kept.map { [($0, Self.cacheHint)] } ?? [])
        for (path, advice) in places {
            guard let facts = try? filesystemFacts(of: path), facts.available < 1 << 20 else { continue }
            let hint = "The file system of \(path) is full. \(advice)"
            return SkiffError(
                error.message, errno: error.errno, hint: hint, details: error.details, code: error.code)
        }
        return error
    }
}
