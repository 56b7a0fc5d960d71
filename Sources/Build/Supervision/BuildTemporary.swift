import Base
import Core
import Linux

/// The private directory of one build.
package enum BuildTemporary {
    private static let hint = "Set APPTAINER_TMPDIR to a directory that you may write to"

    /// Returns the path that it will have, after removing what killed builds have left there. It is made only when the guard
    /// runs that removes it.
    ///
    /// - Parameters:
    ///   - parent: absolute.
    ///   - isKept: whether it stays after the build, and is not to be swept.
    static func choose(in parent: String, isKept: Bool) throws(SkiffError) -> String {
        let facts = try during("cannot look at the temporary directory \(parent)", hint: hint) { () throws(Errno) in
            try filesystemFacts(of: parent)
        }
        try checkPrograms(facts, parent)
        try TemporaryDirectory.check(parent)
        // Not before: where others could give our directories such names, they would choose what is swept.
        for path in leftovers(in: parent, removing: true) {
            Log.verbose("Removed \(path), left by a build that was killed")
        }
        if facts.isNoDev {
            Log.warning("\(parent) is mounted with nodev: device files that the build makes will not work in %post")
        }
        return "\(parent)/\(isKept ? "build-kept-" : prefix)\(uniqueName())"
    }

    private static let prefix = "build-temp-"

    /// Makes it with mode 0700: nobody else may see or change what is being built (CVE-2020-25039, CVE-2020-25040).
    ///
    /// - Returns: the directory, locked for as long as it is held open. Some network file systems know no locks.
    static func make(_ path: String) throws(SkiffError) -> OwnedFD {
        try during("cannot make \(path)", hint: hint) { () throws(Errno) in
            try makeDirectory(path, mode: 0o700)
            let directory = try open(HostPath(path), [.read, .directory])
            try? lock(directory.raw)
            return directory
        }
    }

    /// The age in seconds from which one that is not locked was left: younger ones may not be locked yet.
    private static let ageOfLeftOnes: Int64 = 60

    /// Returns what builds of the same user have left all of whose processes were killed, and removes it when asked to.
    /// Called while this process has one thread.
    package static func leftovers(in parent: String, removing: Bool) -> [String] {
        guard let listing = try? open(HostPath(parent), [.read, .directory]), let found = try? entries(of: listing.raw)
        else { return [] }
        var left: [String] = []
        for entry in found where entry.text.hasPrefix(prefix) {
            guard let name = try? EntryName(entry.name),
                let old = try? open(name, [.read, .directory, .noFollow], at: listing.raw),
                let state = try? status(of: old.raw), state.uid == effectiveUID(),
                state.modified + ageOfLeftOnes < currentTime(), (try? tryLock(old.raw)) == true
            else { continue }
            left.append("\(parent)/\(entry.text)")
            if removing { try? MappedNamespace.remove("\(parent)/\(entry.text)") }
        }
        return left
    }

    /// Checks the directory in which a sandbox is made: programs must be able to start there, too.
    static func check(sandboxParent path: String) throws(SkiffError) {
        guard let facts = try? filesystemFacts(of: path) else { return }
        try checkPrograms(facts, path)
    }

    private static func checkPrograms(_ facts: FilesystemFacts, _ path: String) throws(SkiffError) {
        guard facts.isNoExec else { return }
        throw SkiffError(
            "'noexec' mount option set on \(path), temporary root filesystem won't be usable at this location",
            hint: "Set APPTAINER_TMPDIR to a directory on a file system that may hold programs")
    }
}
