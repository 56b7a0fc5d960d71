import Base
import Core

/// The kind of message in a signature object (Docs/spec/signing.md §1), recognised by its bytes alone. Nothing is
/// verified.
package enum SignatureFormat: Sendable, Equatable {
    /// A JSON envelope, for signatures by bare keys and certificates (Docs/spec/signing.md §5).
    case envelope
    /// An OpenPGP message with its text in the clear.
    case clearSigned(ClearSignedMessage)
    /// A clear-signed message of old tools, whose text covers neither header nor descriptors.
    case legacy(ClearSignedMessage)
    case unknown

    private static let mediaType = "application/vnd.sylabs.sif-metadata+json"

    package init(_ bytes: [UInt8]) {
        if let json = try? JSONReader.read(bytes), json["payloadType"]?.stringValue == Self.mediaType {
            self = .envelope
        } else if let message = ClearSignedMessage(in: bytes) {
            self = message.firstLine == Array("SIFHASH:".utf8) ? .legacy(message) : .clearSigned(message)
        } else {
            self = .unknown
        }
    }

    var isLegacy: Bool { if case .legacy = self { true } else { false } }
}

/// The first clear-signed message in some bytes (RFC 9580 §7), without what surrounds it.
///
/// The text itself comes from the library that verifies it; here only its first line is looked at.
package struct ClearSignedMessage: Sendable, Equatable {
    /// The message, from its first line to the last of its signature.
    package let bytes: [UInt8]
    /// The first line of the text, without its escape and trailing blanks.
    let firstLine: [UInt8]

    private static let start = Array("-----BEGIN PGP SIGNED MESSAGE-----".utf8)
    private static let signature = Array("-----BEGIN PGP SIGNATURE-----".utf8)
    private static let end = Array("-----END PGP SIGNATURE-----".utf8)

    /// - Returns: nil when no complete message is found, or when its header has a line other than a list of hash
    ///   algorithms: readers disagree on the meaning of such a line.
    package init?(in bytes: [UInt8]) {
        let lines = Self.lines(of: bytes)
        guard let first = lines.firstIndex(where: { bytes[$0].elementsEqual(Self.start) }) else { return nil }
        var next = first + 1
        while next < lines.count, !lines[next].isEmpty {
            guard Self.isHashHeader(bytes[lines[next]]) else { return nil }
            next += 1
        }
        next += 1
        guard let mark = lines.indices.dropFirst(next).first(where: { bytes[lines[$0]].elementsEqual(Self.signature) }),
            let last = lines.indices.dropFirst(mark).first(where: { bytes[lines[$0]].starts(with: Self.end) })
        else { return nil }
        self.bytes = Array(bytes[lines[first].lowerBound..<lines[last].lowerBound + Self.end.count]) + [0x0A]
        firstLine = mark > next ? Self.unescaped(bytes[lines[next]]) : []
    }

    /// Returns the range of each line without its end, which is LF or CR LF.
    private static func lines(of bytes: [UInt8]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            let feed = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            let end = feed > start && feed < bytes.count && bytes[feed - 1] == 0x0D ? feed - 1 : feed
            lines.append(start..<end)
            start = feed + 1
        }
        return lines
    }

    private static func isHashHeader(_ line: ArraySlice<UInt8>) -> Bool {
        line.starts(with: "Hash:".utf8) && line.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private static func unescaped(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var line = line.starts(with: "- ".utf8) ? line.dropFirst(2) : line
        while let last = line.last, last == 0x20 || last == 0x09 { line.removeLast() }
        return Array(line)
    }
}
