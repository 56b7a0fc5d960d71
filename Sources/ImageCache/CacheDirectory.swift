package import Base
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

    /// Where the user's cache lies, or will.
    package static var place: String {
        let parent = settingVariable("CACHEDIR") ?? ConfigurationDirectory.path
        return ((try? absolutePath(parent)) ?? parent) + "/cache"
    }
    package static var exists: Bool { (try? status(place)) != nil }

    private static let cure = "Set APPTAINER_CACHEDIR to a directory of yours, or use --disable-cache"

    /// Subdirectories for things other than images, and those of `blob`.
    private static let otherFolders = [
        "leases", "partial", "names", "build", "blob/partial", "blob/blobs", "blob/blobs/sha256",
    ]

    /// Returns the cache of this user.
    ///
    /// - Parameter disabled: the value of `--disable-cache` or its variable.
    /// - Returns: nil when the cache is disabled, or, with a warning, when its directory cannot be used.
    /// - Throws: when somebody else may have put something into it.
    package static func ofUser(disabled: Bool) throws(SkiffError) -> CacheDirectory? {
        if disabled { return nil }
        let quota = try settingVariable("CACHE_QUOTA").map(bytes)
        let parent = try absolutePath(settingVariable("CACHEDIR") ?? ConfigurationDirectory.path)
        do throws(SkiffError) {
            return try usable(in: parent, quota)
        } catch {
            // sudo may leave HOME as it was; then root uses a cache in its own home, not the user's.
            let isNamed = settingVariable("CACHEDIR") ?? settingVariable("CONFIGDIR") != nil
            guard !isNamed, effectiveUID() == 0, let home = userRecord(uid: 0)?.home,
                parent != home + "/.apptainer"
            else { throw error }
            Log.verbose("\(error.message). The cache in \(home)/.apptainer is used instead")
            return try usable(in: home + "/.apptainer", quota)
        }
    }

    private static func usable(in parent: String, _ quota: Int64?) throws(SkiffError) -> CacheDirectory? {
        let root = parent + "/cache"
        do throws(SkiffError) {
            let files = PrivateFiles.current
            try files.check(holder: parent, cure: cure)
            let opened = try files.openDirectory(root, cure: cure)
            guard isAccessible(root, [.read, .write, .execute]) else {
                throw SkiffError("cannot use \(root)", errno: .accessDenied)
            }
            for name in Kind.allCases.map(\.rawValue) + otherFolders
            where (try? status(name, at: opened.raw, follow: false)) != nil {
                _ = try files.openDirectory(root + "/" + name, cure: cure)
            }
            return CacheDirectory(root: root, quota: quota)
        } catch {
            guard let reason = error.errno else { throw error }
            Log.warning(
                "Cache disabled: cannot use \(root): \(reason). Set APPTAINER_CACHEDIR to a directory of yours")
            return nil
        }
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
        let files = PrivateFiles.current
        _ = try files.openDirectory(root, cure: "Use --disable-cache to do without")
        _ = try files.openDirectory(path, cure: "Use --disable-cache to do without")
        return path
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
