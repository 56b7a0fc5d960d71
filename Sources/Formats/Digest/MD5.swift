package import Base
import CDigest

/// A checksum that the upload interface of libraries wants. It protects nothing.
package struct MD5: ~Copyable {
    private var context: DigestContext

    package init() throws(SkiffError) { context = try DigestContext(SKL_DIGEST_MD5, "an MD5 checksum") }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) { try context.update(bytes) }

    /// 32 digits.
    package consuming func hexadecimal() throws(SkiffError) -> String { Digest.hexadecimal(try context.finish(16)) }
}
