import CDigest
package import Core

/// A digest over bytes that come in pieces.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() throws(SkiffError) {
        guard let context = skl_digest_new(SKL_DIGEST_SHA256) else { throw Self.failure }
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
        var digest = [UInt8](repeating: 0, count: SKL_DIGEST_LONGEST)
        guard skl_digest_finish(context, &digest) == 1 else { throw Self.failure }
        return "sha256:" + hexadecimal(Array(digest.prefix(32)))
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

/// The bytes that hexadecimal digits of either case stand for; nil for anything else.
package func bytes(hexadecimal text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var result: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else { return nil }
        result.append(high << 4 | low)
    }
    return result
}

private func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
}
