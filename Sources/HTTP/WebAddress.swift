import Linux

/// An http or https URL, split into the parts that decide which server is asked (RFC 3986 §3).
package struct WebAddress: Sendable, Equatable, CustomStringConvertible {
    package let scheme: String
    /// Host and port as written, without a user.
    package let authority: String
    /// `user:password` in front of the host, which curl sends as basic authorization.
    private let user: String
    /// Path and query, from the first slash on.
    package let rest: String

    /// - Returns: nil for anything but a complete http or https URL.
    package init?(_ text: String) {
        guard let colon = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let after = text[colon.upperBound...].prefix { $0 != "#" }
        let authority = after.prefix { $0 != "/" && $0 != "?" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        guard !host.isEmpty, !text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F }) else {
            return nil
        }
        self.scheme = scheme
        self.authority = host.lowercased()
        user = String(authority.dropLast(host.count))
        let rest = String(after.dropFirst(authority.count))
        self.rest = rest.hasPrefix("/") ? rest : "/" + rest
    }

    package var description: String { "\(scheme)://\(user)\(authority)\(rest)" }

    /// The address without what may be secret, for messages.
    package var shown: String { "\(scheme)://\(authority)\(rest.prefix { $0 != "?" })" }

    /// Returns whether both have the same scheme, host and port, so that credentials for one may go to the other.
    package func isSameOrigin(as other: WebAddress) -> Bool {
        scheme == other.scheme && withPort == other.withPort
    }

    package var hasPort: Bool { withPort == authority }

    private var withPort: String {
        // Colons in brackets belong to the host.
        let port = authority[(authority.lastIndex(of: "]") ?? authority.startIndex)...]
        return port.contains(":") ? authority : authority + (scheme == "https" ? ":443" : ":80")
    }

    /// The host without port and brackets.
    package var host: String {
        if authority.hasPrefix("[") { return String(authority.dropFirst().prefix { $0 != "]" }) }
        return String(authority.prefix { $0 != ":" })
    }

    /// Whether the host is localhost or a loopback address; `127.example.org` is a name, and may be anywhere.
    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && isInternetAddress(host))
    }

    /// Returns the address of a `Location` header, relative to this one (RFC 3986 §5.2).
    package func following(_ location: String) -> WebAddress? {
        if location.contains("://") { return WebAddress(location) }
        if location.hasPrefix("//") { return WebAddress(scheme + ":" + location) }
        let base = "\(scheme)://\(authority)"
        if location.hasPrefix("/") { return WebAddress(base + location) }
        let path = rest.prefix { $0 != "?" }
        if location.hasPrefix("?") { return WebAddress(base + path + location) }
        return WebAddress(base + path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex) + location)
    }
}

/// Returns the text with everything percent-encoded that a query value may not contain (RFC 3986 §2.3).
package func queryEscaped(_ text: String) -> String {
    text.bytes.map { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
        default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }.joined()
}
