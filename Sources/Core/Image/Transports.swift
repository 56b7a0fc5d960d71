/// Words before a colon that say where an image comes from: skiff's own, which no plugin can take away.
package enum BuiltInTransport {
    /// Those that skiff fetches from.
    package static let fetching: Set<String> = [
        "library", "shub", "docker", "docker-archive", "docker-daemon", "oci", "oci-archive", "http", "https", "oras",
    ]

    /// Those that need no `//` after them (Docs/spec/sif-use.md §1).
    package static let words = fetching.union(["buildkit", "dockerfile", "ipfs"])

    /// Those, and words that mean something else where an image is expected or after `Bootstrap:`.
    package static let reserved = words.union([
        "instance", "file", "localimage", "scratch", "busybox", "debootstrap", "yum", "dnf", "zypper", "arch",
    ])
}

/// Whether text is a small letter, then small letters, digits, `+`, `.` and `-`; RFC 3986 §3.1 without capitals, at
/// most 32 bytes.
package func isURIScheme(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 32 else { return false }
    return text.utf8.allSatisfy { byte in
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E].contains(byte)
    }
}

/// Returns `s3` and `bucket/x` for `s3://bucket/x`, where the scheme can only be a plugin's; nil for a path and for
/// skiff's own transports.
package func splitPluginURI(_ text: String) -> (scheme: String, rest: String)? {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[colon...].hasPrefix("://") else { return nil }
    let scheme = text[..<colon]
    guard isURIScheme(scheme), !BuiltInTransport.reserved.contains(String(scheme)) else { return nil }
    return (String(scheme), String(text[colon...].dropFirst(3)))
}
