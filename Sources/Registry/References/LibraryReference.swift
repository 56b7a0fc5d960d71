package import Base

/// `library://[host/][entity/[collection/]]name[:tag[,tag]]` (Docs/spec/sif-use.md §1, §9).
package struct LibraryReference: Sendable, Equatable {
    /// The host of the library; nil for that of the remote in use.
    package var host: String?
    /// `entity/collection/name`, as far as it was given; a name alone is completed.
    package var path: String
    /// The tags; `latest` if none was given.
    package var tags: [String]

    /// - Parameter text: without the transport.
    package init(_ text: String) throws(SkiffError) {
        var rest = text.drop { $0 == "/" }
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tags = rest[rest.index(after: colon)...].split(separator: ",", omittingEmptySubsequences: false)
                .map(String.init)
            rest = rest[..<colon]
        } else {
            tags = ["latest"]
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count > 3 { host = parts.removeFirst() }
        guard (1...3).contains(parts.count), parts.allSatisfy({ Self.isName($0) }),
            tags.allSatisfy({ Self.isName($0) }),
            host.map({ RegistryReference.isAuthority($0) }) ?? true
        else { throw SkiffError("cannot use library://\(text.drop { $0 == "/" }): malformed library reference") }
        path = parts.count == 1 ? "library/default/" + parts[0] : parts.joined(separator: "/")
    }

    /// Returns whether a text has no character that could change the meaning of a URL.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 256 && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D || byte == 0x2E || byte == 0x5F
            }
    }

    package var tag: String { tags.first ?? "latest" }
}
