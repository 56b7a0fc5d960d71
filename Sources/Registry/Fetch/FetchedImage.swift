package import Base
import Core
import Linux

/// An image file that was fetched, or found in the cache.
package struct FetchedImage: Sendable {
    package var path: String
    /// Whether it is in the cache, where it stays, and not in a directory that is removed with the command.
    package var isCached: Bool
    /// `sha256:…` of what was fetched, if the transport has a digest.
    package var digest: String?
    /// Whether nothing had to be fetched.
    package var wasCached = false

    package init(path: String, isCached: Bool, digest: String? = nil, wasCached: Bool = false) {
        (self.path, self.isCached, self.digest, self.wasCached) = (path, isCached, digest, wasCached)
    }
}

/// A private directory for what is not cached, made when needed and removed when the command ends.
package final class Scratch {
    private let parent: String
    private let name: String
    private let isKept: Bool
    private var made: String?

    /// - Parameter isKept: whether it stays when a signal ends the command.
    package init(in parent: String, _ name: String = "sbuild-tmp-cache-", isKept: Bool = false) {
        (self.parent, self.name, self.isKept) = (parent, name, isKept)
    }

    package func path() throws(SkiffError) -> String {
        if let made { return made }
        try TemporaryDirectory.check(parent)
        let path = "\(parent)/\(name)\(uniqueName())"
        try during("cannot make \(path)", hint: "Set APPTAINER_TMPDIR to a directory that you may write to") {
            () throws(Errno) in try makeDirectory(path, mode: 0o700)
        }
        if !isKept { Cleanup.add(path) }
        made = path
        return path
    }

    package func remove() {
        if let made { Cleanup.remove(made) }
        made = nil
    }

    /// Passes the directory to another owner.
    package func release() -> String? {
        if let made { Cleanup.forget(made) }
        defer { made = nil }
        return made
    }
}

/// Puts a copy of a file, or the file itself, at its target, whole or not at all.
///
/// - Parameter moves: whether the source may be moved.
package func publish(_ source: String, at target: String, moves: Bool) throws(SkiffError) {
    let mask = setUmask(0)
    _ = setUmask(mask)
    let mode = 0o777 & ~mask
    let folder = parentPath(target) ?? "."
    let part = "\(folder)/.\(lastComponent(target)).skiff-\(processID())"
    do throws(Errno) {
        if moves {
            try chmod(source, mode)
            do throws(Errno) {
                return try rename(source, to: target)
            } catch {
                guard error == .crossDevice else { throw error }
            }
        }
        Cleanup.add(part)
        defer { Cleanup.remove(part) }
        let input = try open(source, .read)
        let output = try AtomicFile(target, mode: mode, temporary: part)
        try copyContents(of: input.raw, to: output.raw)
        try output.publish(durable: true)
    } catch {
        throw SkiffError(
            "cannot write \(target)", errno: error,
            hint: error == .noSpace || error == .quotaExceeded ? "Make room, or name another directory" : nil)
    }
}

/// Returns the processor of a SIF; throws for any other file.
func architectureOfSIF(_ path: String) throws(SkiffError) -> SIFArchitecture {
    let file = try during("cannot read \(path)") { () throws(Errno) in try open(path, .read) }
    return try SIFImage(reading: file.raw).header.architecture
}
