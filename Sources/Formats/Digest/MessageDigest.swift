package import Base
import CDigest

/// A member of the SHA-2 family, by its name in files.
package enum HashAlgorithm: String, Sendable, CaseIterable {
    case sha224, sha256, sha384, sha512
    case sha512Truncated224 = "sha512_224"
    case sha512Truncated256 = "sha512_256"

    /// The size of its digests, in bytes.
    package var size: Int {
        switch self {
        case .sha224, .sha512Truncated224: 28
        case .sha256, .sha512Truncated256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    fileprivate var kind: skl_digest_kind {
        switch self {
        case .sha224: SKL_DIGEST_SHA224
        case .sha256: SKL_DIGEST_SHA256
        case .sha384: SKL_DIGEST_SHA384
        case .sha512: SKL_DIGEST_SHA512
        case .sha512Truncated224: SKL_DIGEST_SHA512_224
        case .sha512Truncated256: SKL_DIGEST_SHA512_256
        }
    }
}

/// A digest of bytes that come in pieces, by an algorithm chosen at run time. It is a class so that an array can hold
/// several that are fed the same bytes.
package final class MessageDigest {
    package let algorithm: HashAlgorithm
    private var context: DigestContext

    package init(_ algorithm: HashAlgorithm) throws(SkiffError) {
        self.algorithm = algorithm
        context = try DigestContext(algorithm.kind, "a \(algorithm.rawValue) digest")
    }

    package func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) { try context.update(bytes) }

    /// Returns the digest, of `algorithm.size` bytes. Nothing can be added afterwards.
    package func finish() throws(SkiffError) -> [UInt8] { try context.finish(algorithm.size) }

    /// Returns the digest of bytes in memory.
    package static func of(_ bytes: [UInt8], _ algorithm: HashAlgorithm) throws(SkiffError) -> [UInt8] {
        let digest = try MessageDigest(algorithm)
        try bytes.withUnsafeBufferPointer { buffer throws(SkiffError) in
            try digest.update(UnsafeRawBufferPointer(buffer))
        }
        return try digest.finish()
    }
}
