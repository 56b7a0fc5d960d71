package import Base
package import OCI

/// A repository of a registry with a tag or digest, by the grammar that all programs with `docker://` share:
/// `[host[:port]/][path/]name[:tag][@digest]`.
package struct RegistryReference: Sendable, Equatable, CustomStringConvertible {
    /// Host and port.
    package var registry: String
    /// `library/alpine`.
    package var repository: String
    package var tag: String?
    package var digest: OCIDigest?

    package static let dockerHub = "docker.io"

    /// - Parameters:
    ///   - text: the address without transport and slashes.
    ///   - needsRegistry: true for oras, where a name alone means nothing.
    package init(_ text: String, needsRegistry: Bool = false) throws(SkiffError) {
        var rest = Substring(text)
        if let at = rest.firstIndex(of: "@") {
            digest = try OCIDigest(String(rest[rest.index(after: at)...]))
            rest = rest[..<at]
        }
        let slash = rest.firstIndex(of: "/")
        let first = slash.map { rest[..<$0] }
        if let slash, let first, needsRegistry || Self.isHost(first) {
            registry = String(first)
            rest = rest[rest.index(after: slash)...]
        } else {
            guard !needsRegistry else {
                throw Self.invalid(text, "it names no registry: registry/path/name:tag is the form")
            }
            registry = Self.dockerHub
        }
        // A colon after the last slash begins a tag; before it, a port.
        let lastSlash = rest.lastIndex(of: "/") ?? rest.startIndex
        if let colon = rest[lastSlash...].lastIndex(of: ":") {
            let tag = String(rest[rest.index(after: colon)...])
            guard Self.isTag(tag) else { throw Self.invalid(text, "\"\(tag)\" is no tag") }
            self.tag = tag
            rest = rest[..<colon]
        }
        repository = String(rest)
        try check(text)
        if ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"].contains(registry) {
            registry = Self.dockerHub
        }
        if registry == Self.dockerHub, !repository.contains("/") { repository = "library/" + repository }
        guard repository.utf8.count + registry.utf8.count < 256 else {
            throw Self.invalid(text, "repository name must not be more than 255 characters")
        }
    }

    private func check(_ text: String) throws(SkiffError) {
        guard Self.isAuthority(registry) else { throw Self.invalid(text, "\"\(registry)\" is no host") }
        let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ Self.isComponent($0) }) else {
            let isUpper = repository.lowercased() != repository && !repository.isEmpty
            throw Self.invalid(text, isUpper ? "repository name must be lowercase" : "invalid reference format")
        }
        if digest == nil, repository.utf8.count == 64, parts.count == 1, repository.allSatisfy(\.isHexDigit) {
            throw Self.invalid(text, "64 digits alone cannot be told from an image's digest")
        }
    }

    private static func invalid(_ text: String, _ reason: String) -> SkiffError {
        SkiffError("cannot use image name \(text): \(reason)")
    }

    /// Returns whether a first component is a host: it has a dot, a port or a capital letter, which no repository has,
    /// or is `localhost`.
    private static func isHost(_ text: Substring) -> Bool {
        text.contains(".") || text.contains(":") || text == "localhost" || text.lowercased() != text
    }

    /// Returns whether a text is a host name or address with an optional port.
    static func isAuthority(_ text: String) -> Bool {
        var host = Substring(text)
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            guard let port = UInt16(host[host.index(after: colon)...]), port > 0 else { return false }
            host = host[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return host.count > 2 && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        }
        return !host.isEmpty
            && host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy { isLetterOrDigit($0 | 0x20) || isLetterOrDigit($0) || $0 == 0x2D }
            }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Returns whether a text is lower-case letters and digits, separated by single dots, one or two underscores, or
    /// hyphens.
    private static func isComponent(_ text: Substring) -> Bool {
        var separator = ""
        guard let first = text.utf8.first, isLetterOrDigit(first) else { return false }
        for byte in text.utf8 {
            if isLetterOrDigit(byte) {
                guard ["", ".", "_", "__"].contains(separator) || separator.allSatisfy({ $0 == "-" }) else {
                    return false
                }
                separator = ""
            } else if byte == 0x2E || byte == 0x5F || byte == 0x2D {
                separator.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                return false
            }
        }
        return separator.isEmpty
    }

    package static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, (1...128).contains(text.utf8.count) else { return false }
        let isWord: (UInt8) -> Bool = { byte in
            isLetterOrDigit(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F
        }
        return isWord(first) && text.utf8.allSatisfy { isWord($0) || $0 == 0x2E || $0 == 0x2D }
    }

    /// The digest if there is one, else the tag.
    package var selector: String { digest?.description ?? tag ?? "latest" }

    package var description: String {
        "\(registry)/\(repository)" + (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// The architecture in the first component of the path (`arm64v8/alpine`), which overrides `--arch`
    /// (Docs/spec/sif-use.md §4).
    package var architectureInPath: String? {
        let first = repository.prefix { $0 != "/" }
        let words = OCIPlatform.architectures + ["arm64v8", "arm32v5", "arm32v6", "arm32v7"]
        return repository.contains("/") && words.contains(String(first)) ? String(first) : nil
    }
}
