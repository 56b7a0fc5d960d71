import CDigest
package import Core

/// A digest over bytes that come in pieces.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() throws(SkiffError) {
        guard let context = skl_sha256_new() else { throw Self.failure }
        self.context = context
    }

    deinit { skl_digest_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) {
        guard skl_digest_update(context, bytes.baseAddress, bytes.count) == 1 else { throw Self.failure }
    }

    package mutating func update(_ bytes: [UInt8]) throws(SkiffError) {
        try bytes.withUnsafeBufferPointer { buffer throws(SkiffError) in
            try update(UnsafeRawBufferPointer(buffer))
        }
    }

    /// `sha256:` and 64 digits, as OCI writes digests.
    package consuming func text() throws(SkiffError) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        guard skl_digest_finish(context, &digest) == 1 else { throw Self.failure }
        return "sha256:" + hexadecimal(digest)
    }

    /// The digest of bytes that are all here.
    package static func text(of bytes: [UInt8]) throws(SkiffError) -> String {
        var digest = try SHA256()
        try digest.update(bytes)
        return try digest.text()
    }

    private static var failure: SkiffError { SkiffError("cannot compute a SHA-256 digest: libcrypto refuses") }
}

package func hexadecimal(_ bytes: [UInt8], uppercase: Bool = false) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
}
