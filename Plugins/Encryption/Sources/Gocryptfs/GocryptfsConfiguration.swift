import COpenSSL
import PluginAPI
package import PluginKit

/// `gocryptfs.conf`, which holds the master key of the files beside it, encrypted by a passphrase; Docs/spec/encryption.md §5.
package struct GocryptfsConfiguration: Equatable, Sendable {
    /// IV, key and tag.
    package let encryptedKey: [UInt8]
    package let salt: [UInt8]
    /// The costs of scrypt (RFC 7914).
    package let n: UInt64, r: UInt64, p: UInt64

    package static let name = "gocryptfs.conf"
    /// No such file is larger.
    package static let longest = 64 << 10
    /// Of a master key, and of those that are derived from it, in bytes.
    static let keySize = 32
    /// The flags that images have; what else there is changes how files are written.
    private static let flags: Set = ["HKDF", "GCMIV128", "PlaintextNames"]
    /// What scrypt may take, in bytes, and how often it may go through a block of 128 bytes: some 100 times what gocryptfs asks for.
    private static let mostMemory: UInt64 = 1 << 30, mostWork: UInt64 = 1 << 26

    init(encryptedKey: [UInt8], salt: [UInt8], n: UInt64, r: UInt64, p: UInt64) {
        (self.encryptedKey, self.salt, self.n, self.r, self.p) = (encryptedKey, salt, n, r, p)
    }

    package init(parsing bytes: [UInt8]) throws(PluginError) {
        guard bytes.count <= Self.longest else { throw Self.damage("it has \(bytes.count) bytes") }
        let json: JSON
        do throws(JSON.Problem) {
            json = try JSON(parsing: bytes)
        } catch {
            throw Self.damage("\(error.reason) at byte \(error.offset)")
        }
        let version = json["Version"]?.integer
        guard version == 2 else { throw Self.misfit("version \(version.map(String.init) ?? "none")") }
        try Self.check(flags: json["FeatureFlags"])
        let scrypt = json["ScryptObject"]
        func number(_ name: String) throws(PluginError) -> UInt64 {
            guard let value = scrypt?[name]?.integer, value > 0 else { throw Self.damage("\(name) is no number") }
            return UInt64(value)
        }
        (n, r, p) = (try number("N"), try number("R"), try number("P"))
        guard try number("KeyLen") == Self.keySize else { throw Self.misfit("another length of keys") }
        (salt, encryptedKey) = (
            try Self.bytes(scrypt?["Salt"], "Salt"), try Self.bytes(json["EncryptedKey"], "EncryptedKey")
        )
        guard encryptedKey.count == Self.keySize + Int(CE_GCM_IV) + Int(CE_GCM_TAG), (8...1024).contains(salt.count)
        else {
            throw Self.damage("EncryptedKey or Salt has a wrong length")
        }
        try checkCosts()
    }

    private static func check(flags value: JSON?) throws(PluginError) {
        let names = (value?.items ?? []).compactMap(\.text)
        if let unknown = names.first(where: { !flags.contains($0) }) { throw misfit("the feature \(unknown)") }
        if let missing = flags.subtracting(names).min() { throw misfit("a file system without \(missing)") }
    }

    private static func bytes(_ value: JSON?, _ name: String) throws(PluginError) -> [UInt8] {
        guard let text = value?.text, let bytes = try Base64.bytes(text) else { throw damage("\(name) is no base64") }
        return bytes
    }

    private func checkCosts() throws(PluginError) {
        guard n >= 2, n & (n - 1) == 0 else { throw Self.damage("N is no power of two") }
        let blocks = n.multipliedReportingOverflow(by: r)
        let memory = blocks.partialValue.multipliedReportingOverflow(by: 128)
        guard !blocks.overflow, !memory.overflow, memory.partialValue <= Self.mostMemory else {
            let amount = blocks.overflow || memory.overflow ? "more than 16 EiB" : "\(memory.partialValue >> 20) MiB"
            throw PluginError(
                "cannot open the image: its key asks for \(amount) of memory\n"
                    + "At most \(Self.mostMemory >> 20) MiB are given; gocryptfs itself asks for 64 MiB")
        }
        let work = blocks.partialValue.multipliedReportingOverflow(by: p)
        guard !work.overflow, work.partialValue <= Self.mostWork else {
            throw PluginError(
                "cannot open the image: its key asks for too much time (scrypt with N=\(n), R=\(r), P=\(p))")
        }
    }

    private static func damage(_ reason: String) -> PluginError {
        PluginError("cannot open the image: its gocryptfs.conf is damaged: \(reason)", status: SKIFF_E_SYSTEM)
    }

    private static func misfit(_ what: String) -> PluginError {
        PluginError("cannot open the image: its gocryptfs.conf needs \(what), which is not known here")
    }

    /// The file, as gocryptfs writes it.
    package var text: [UInt8] {
        let features = Self.flags.sorted().map { "\t\t\"\($0)\"" }.joined(separator: ",\n")
        func digits(_ bytes: [UInt8]) -> String { String(decoding: Base64.text(bytes), as: UTF8.self) }
        return Array(
            """
            {
            \t"Creator": "skiff",
            \t"EncryptedKey": "\(digits(encryptedKey))",
            \t"ScryptObject": {
            \t\t"Salt": "\(digits(salt))",
            \t\t"N": \(n),
            \t\t"R": \(r),
            \t\t"P": \(p),
            \t\t"KeyLen": \(Self.keySize)
            \t},
            \t"Version": 2,
            \t"FeatureFlags": [
            \(features)
            \t]
            }

            """.utf8)
    }
}
