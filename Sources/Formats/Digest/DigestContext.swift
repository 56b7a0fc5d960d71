import Base
import CDigest

/// A digest, computed by libcrypto, of bytes that come in pieces.
struct DigestContext: ~Copyable {
    private let context: OpaquePointer
    private let what: String

    /// - Parameter what: `a SHA-256 digest`, for the error of a host that lacks one, as in FIPS mode.
    init(_ kind: skl_digest_kind, _ what: String) throws(SkiffError) {
        guard let context = skl_digest_new(kind) else { throw Self.failure(what) }
        (self.context, self.what) = (context, what)
    }

    deinit { skl_digest_free(context) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) {
        guard skl_digest_update(context, bytes.baseAddress, bytes.count) == 1 else { throw Self.failure(what) }
    }

    /// Returns the first `size` bytes of the digest. Nothing can be added after it.
    mutating func finish(_ size: Int) throws(SkiffError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SKL_DIGEST_LONGEST)
        guard skl_digest_finish(context, &digest) == 1 else { throw Self.failure(what) }
        return Array(digest.prefix(size))
    }

    private static func failure(_ what: String) -> SkiffError {
        guard skl_digest_open() != 0 else {
            return SkiffError("cannot compute \(what): cannot open libcrypto.so.3", hint: "Install the package libssl3")
        }
        return SkiffError("cannot compute \(what): libcrypto refuses")
    }
}
