import CDigest
package import Core

/// A checksum that the upload interface of libraries wants. It protects nothing.
package struct MD5: ~Copyable {
    private let context: OpaquePointer

    package init() throws(SkiffError) {
        guard let context = skl_digest_new(SKL_DIGEST_MD5) else { throw Self.failure }
        self.context = context
    }

    deinit { skl_digest_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) {
        guard skl_digest_update(context, bytes.baseAddress, bytes.count) == 1 else { throw Self.failure }
    }

    /// 32 digits.
    package consuming func hexadecimal() throws(SkiffError) -> String {
        var digest = [UInt8](repeating: 0, count: SKL_DIGEST_LONGEST)
        guard skl_digest_finish(context, &digest) == 1 else { throw Self.failure }
        return Digest.hexadecimal(Array(digest.prefix(16)))
    }

    /// A host in FIPS mode has no MD5.
    private static var failure: SkiffError { SkiffError("cannot compute an MD5 checksum: libcrypto refuses") }
}
