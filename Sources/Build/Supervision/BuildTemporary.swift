import Base
import Core
import Linux

/// The private directory of one build.
enum BuildTemporary {
    private static let hint = "Set APPTAINER_TMPDIR to a directory that you may write to"

    /// The path that it will have. Nothing is there before the guard runs who removes it.
    ///
    /// - Parameter parent: absolute.
    static func choose(in parent: String) throws(SkiffError) -> String {
        let facts = try during("cannot look at the temporary directory \(parent)", hint: hint) { () throws(Errno) in
            try filesystemFacts(of: parent)
        }
        try checkPrograms(facts, parent)
        try TemporaryDirectory.check(parent)
        if facts.isNoDev {
            Log.warning("\(parent) is mounted with nodev: device files that the build makes will not work in %post")
        }
        return "\(parent)/build-temp-\(uniqueName())"
    }

    /// 0700: nobody else may see or change what is being built (CVE-2020-25039, CVE-2020-25040).
    static func make(_ path: String) throws(SkiffError) {
        try during("cannot make \(path)", hint: hint) { () throws(Errno) in try makeDirectory(path, mode: 0o700) }
    }

    /// A sandbox grows beside its target: programs must start there, too.
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
