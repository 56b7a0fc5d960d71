package import Base

/// `shub://[registry/]user/name[:tag][@hash]` (Docs/spec/sif-use.md §11).
package struct HubReference: Sendable, Equatable {
    package var registry: String
    package var user: String
    package var name: String
    package var tag: String
    package var hash: String?

    package static let standardRegistry = "singularity-hub.org"

    package init(_ text: String) throws(SkiffError) {
        var rest = text.drop { $0 == "/" }
        if let at = rest.lastIndex(of: "@") {
            hash = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        tag = "latest"
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2 else { throw Self.invalid(text) }
        name = parts[parts.count - 1]
        user = parts[parts.count - 2]
        registry = parts.count > 2 ? parts.dropLast(2).joined(separator: "/") : Self.standardRegistry
        let host = String(registry.prefix { $0 != "/" })
        guard parts.count <= 4, RegistryReference.isAuthority(host), Self.isWord(user, 39), Self.isWord(name, 64),
            Self.isWord(tag, 64), parts.dropFirst().allSatisfy({ Self.isWord($0, 64) }), Self.isHash(hash)
        else { throw Self.invalid(text) }
    }

    private static func invalid(_ text: String) -> SkiffError {
        SkiffError("cannot use shub://\(text.drop { $0 == "/" }): shub URI not valid")
    }

    private static func isWord(_ text: String, _ longest: Int) -> Bool {
        (1...longest).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D || byte == 0x2E || byte == 0x5F
            }
    }

    private static func isHash(_ hash: String?) -> Bool {
        guard let hash else { return true }
        return [32, 40].contains(hash.utf8.count) && hash.allSatisfy { $0.isASCII && $0.isHexDigit }
    }

    /// `user/name:tag[@hash]`, the form of the API.
    package var path: String { "\(user)/\(name):\(tag)" + (hash.map { "@" + $0 } ?? "") }
}
