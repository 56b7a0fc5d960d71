package import Base
import CDigest

/// The checksum that the upload interface of libraries asks for. Nothing relies on it for security.
package struct MD5: ~Copyable {
    private var context: DigestContext

    package init() throws(SkiffError) { context = try DigestContext(SKL_DIGEST_MD5, "an MD5 checksum") }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) { try context.update(bytes) }

    /// Returns the digest as 32 hexadecimal digits.
    package consuming func hexadecimal() throws(SkiffError) -> String { Digest.hexadecimal(try context.finish(16)) }
}
