package import Base
import CDigest

/// A SHA-256 digest of bytes that come in pieces.
package struct SHA256: ~Copyable {
    private var context: DigestContext

    package init() throws(SkiffError) {
        context = try DigestContext(SKL_DIGEST_SHA256, "a SHA-256 digest")
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) { try context.update(bytes) }

    package mutating func update(_ bytes: [UInt8]) throws(SkiffError) {
        try bytes.withUnsafeBufferPointer { buffer throws(SkiffError) in
            try update(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Returns `sha256:` and 64 hexadecimal digits, as OCI writes digests.
    package consuming func text() throws(SkiffError) -> String { "sha256:" + hexadecimal(try context.finish(32)) }

    /// Returns the digest of bytes in memory.
    package static func text(of bytes: [UInt8]) throws(SkiffError) -> String {
        var digest = try SHA256()
        try digest.update(bytes)
        return try digest.text()
    }
}

package func hexadecimal(_ bytes: [UInt8], uppercase: Bool = false) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
}

/// Returns the bytes that hexadecimal digits of either case stand for, or nil for anything else.
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
