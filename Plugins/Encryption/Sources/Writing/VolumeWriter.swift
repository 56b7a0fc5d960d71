package import PluginKit

/// An encrypted volume that is being written. `write` and `read` are called from several threads, for ranges that do not overlap.
package protocol VolumeWriter: AnyObject, Sendable {
    /// The type of the partition in a SIF.
    var filesystem: UInt32 { get }
    /// Of what is written, in bytes.
    var blockSize: Int { get }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError)
    /// Brings back what was written.
    /// - Throws: EBADMSG for what was changed meanwhile.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
    /// Writes what is left when all of the volume is written.
    /// - Returns: how many bytes it takes in the file.
    func finish(plainSize: UInt64) throws(PluginError) -> UInt64
}

/// Where a volume is to be.
package struct VolumePlace: Sendable {
    /// Open for reading and writing, lent.
    package let descriptor: Int32
    package let offset: UInt64

    package init(descriptor: Int32, offset: UInt64) { (self.descriptor, self.offset) = (descriptor, offset) }

    func write(_ bytes: UnsafeRawBufferPointer, at place: UInt64) throws(SystemError) {
        try Host.write(bytes, to: descriptor, at: Int64(clamping: offset &+ place))
    }

    func write(_ bytes: [UInt8], at place: UInt64) throws(SystemError) {
        try Host.write(bytes, to: descriptor, at: Int64(clamping: offset &+ place))
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at place: UInt64) throws(SystemError) {
        try Host.read(descriptor, into: bytes, at: Int64(clamping: offset &+ place))
    }
}

/// What opens a volume that is being made.
package struct VolumeSecret: Sendable {
    /// The passphrase, or random bytes.
    package let secret: SecretBytes
    /// The random bytes, wrapped by the public key, as an object of the image; nil for a passphrase.
    package let message: [UInt8]?

    /// What is taken when the volume is opened, in bytes.
    package static let longest = 4096

    package init(passphrase: SecretBytes) throws(PluginError) {
        guard passphrase.count <= Self.longest else {
            throw PluginError(
                "cannot use a passphrase of \(passphrase.count) bytes: \(Self.longest) are the most that open an image")
        }
        (secret, message) = (passphrase, nil)
    }

    /// - Parameter filesystem: what Apptainer expects as secret depends on it.
    package init(wrappedBy key: RSAKey, for filesystem: VolumeFilesystem) throws(PluginError) {
        switch filesystem {
        case .luks: secret = try SecretBytes(random: 64)
        case .gocryptfs: secret = try Self.digits()
        }
        message = KeyMessage.text(try key.wrap(secret))
    }

    /// 32 random hexadecimal digits: a line of text, because gocryptfs reads one.
    private static func digits() throws(PluginError) -> SecretBytes {
        let (random, result) = (try SecretBytes(random: 16), try SecretBytes(count: 32))
        random.withBytes { random in
            result.withMutableBytes { result in
                for (index, byte) in random.enumerated() {
                    for (half, value) in [byte >> 4, byte & 15].enumerated() {
                        result[2 * index + half] = value < 10 ? 0x30 + value : 0x61 + value - 10
                    }
                }
            }
        }
        return result
    }
}

/// The kinds of encrypted partitions, by their numbers in a SIF.
package enum VolumeFilesystem: UInt32, Sendable {
    case luks = 5
    case gocryptfs = 6
}
