package import Base
import CLinux
import Linux

/// The cache of fetched and converted images (Docs/spec/sif-use.md §3).
package struct CacheDirectory: Sendable {
    /// The subdirectories. Their names, and the formats of their entries, are Apptainer's.
    package enum Kind: String, CaseIterable, Sendable {
        case library, shub, oras, net, ipfs, blob
        case ociImages = "oci-tmp"
    }

    /// `<parent>/cache`.
    package let root: String
    /// The most bytes that entries may take, from `APPTAINER_CACHE_QUOTA` (`20G`); nil for no limit.
    package let quota: Int64?

    /// Returns the cache of this user.
    ///
    /// - Parameter disabled: the value of `--disable-cache` or its variable.
    /// - Returns: nil when the cache is disabled, or, with a warning, when its directory cannot be used.
    package static func ofUser(disabled: Bool) throws(SkiffError) -> CacheDirectory? {
        if disabled { return nil }
        let quota = try settingVariable("CACHE_QUOTA").map(bytes)
        let parent = settingVariable("CACHEDIR") ?? ConfigurationDirectory.path
        let root = try absolutePath(parent) + "/cache"
        do throws(Errno) {
            try makePrivate(root)
            guard isAccessible(root, R_OK | W_OK | X_OK) else { throw .accessDenied }
        } catch {
            Log.warning("Cache disabled: cannot use \(root): \(error). Set APPTAINER_CACHEDIR to a directory of yours")
            return nil
        }
        return CacheDirectory(root: root, quota: quota)
    }

    package init(root: String, quota: Int64? = nil) {
        self.root = root
        self.quota = quota
    }

    package func path(_ kind: Kind) -> String { root + "/" + kind.rawValue }

    /// Returns the subdirectory, and makes it if it does not exist.
    package func make(_ kind: Kind) throws(SkiffError) -> String { try make(kind.rawValue) }

    /// Returns a subdirectory for files other than images: leases, parts of downloads.
    package func make(_ name: String) throws(SkiffError) -> String {
        let path = root + "/" + name
        try during("cannot make \(path) in the cache", hint: "Use --disable-cache to do without") { () throws(Errno) in
            try Self.makePrivate(path)
        }
        return path
    }

    /// Makes a directory with mode 0700, and sets that mode on an existing one: images may contain secrets
    /// (CVE-2019-19724).
    private static func makePrivate(_ path: String) throws(Errno) {
        if (try? status(path)) == nil { try makeDirectories(path, mode: 0o700) }
        let found = try status(path)
        guard found.isDirectory else { throw .notDirectory }
        // Users may share a cache on purpose; those who do not own it cannot change its mode.
        if found.permissions != 0o700, found.uid == effectiveUID() { try chmod(path, 0o700) }
    }

    /// Returns the bytes of `512`, `10M` or `20GiB`: digits and a unit, in powers of 1024.
    static func bytes(_ text: String) throws(SkiffError) -> Int64 {
        let trimmed = text.filter { !$0.isWhitespace }.uppercased()
        let digits = trimmed.prefix { $0.isASCII && $0.isNumber }
        let shifts: [String: Int64] = ["": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40]
        let unit = trimmed.dropFirst(digits.count).replacing("IB", with: "")
        guard let number = Int64(digits), let shift = shifts[String(unit)], number <= Int64.max >> shift else {
            throw SkiffError("cannot use cache quota \(text)", hint: "Give a number of bytes, or like 500M, 20G")
        }
        return number << shift
    }
}
