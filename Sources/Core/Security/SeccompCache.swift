import Base
import CLinux
import Linux

/// Compiled profiles of system calls. An entry holds all that it was made from: it is found by a checksum, and used only
/// where every byte is the same.
package struct SeccompCache {
    /// What a filter depends on.
    package struct Key: Equatable {
        /// The text of the profile.
        package let profile: [UInt8]
        /// Bits of those that the program has; profiles have rules for some.
        package let capabilities: UInt64
        package let kernel: String

        package init(profile: [UInt8], capabilities: UInt64, kernel: String) {
            (self.profile, self.capabilities, self.kernel) = (profile, capabilities, kernel)
        }

        /// FNV-1a.
        fileprivate var checksum: String {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in profile + kernel.bytes + Array(String(capabilities).utf8) {
                hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3
            }
            return String(hash, radix: 16)
        }
    }

    private static let version = "skiff-seccomp/1 \(Version.number)"
    private static let most = 64
    private let directory: String

    package init(directory: String) { self.directory = directory }

    /// The place in the cache of this user; nil where the cache is switched off.
    package static func ofUser(disabled: Bool) -> SeccompCache? {
        if disabled { return nil }
        let parent = settingVariable("CACHEDIR") ?? ConfigurationDirectory.path
        return (try? absolutePath(parent)).map { SeccompCache(directory: $0 + "/cache/seccomp") }
    }

    private func path(_ key: Key) -> String { directory + "/" + key.checksum }

    /// Returns the filter; nil for one that is not here, or that somebody else may have written.
    package func filter(_ key: Key) -> [UInt8]? {
        let files = PrivateFiles.current
        guard (try? status(directory, follow: false))?.isDirectory == true,
            let opened = try? files.openDirectory(directory, cure: ""),
            let bytes = try? files.read(key.checksum, at: opened.raw, limit: 4 << 20),
            let reader = FieldReader(bytes, version: Self.version),
            let profile = reader.fields.first(where: { $0.key == "profile" })?.bytes,
            let capabilities = reader.value("capabilities").flatMap({ UInt64($0) }),
            let kernel = reader.value("kernel"), let digits = reader.value("filter")
        else { return nil }
        guard Key(profile: profile, capabilities: capabilities, kernel: kernel) == key else { return nil }
        return ProgramAttributes.bytes(digits.bytes)
    }

    /// Keeps a filter; where that is not possible it is made anew the next time.
    package func keep(_ filter: [UInt8], for key: Key) {
        // No JSON has a NUL.
        if key.profile.contains(0) { return }
        var writer = FieldWriter(version: Self.version)
        writer.put("profile", key.profile)
        writer.put("capabilities", String(key.capabilities))
        writer.put("kernel", key.kernel)
        writer.put("filter", ProgramAttributes.digits(filter))
        do throws(SkiffError) {
            let files = PrivateFiles.current
            let cure = "Use --disable-cache to do without"
            try files.check(holder: parentPath(directory) ?? "/", cure: cure)
            let opened = try files.openDirectory(directory, cure: cure)
            try during("cannot keep the filter in \(directory)") { () throws(Errno) in
                let names = try entries(of: opened.raw)
                if names.count >= Self.most { for name in names { try unlink(directory + "/" + name.text) } }
                try AtomicFile.replace(path(key), writer.bytes, mode: 0o600, durable: false)
            }
        } catch {
            Log.verbose("\(error)")
        }
    }
}
