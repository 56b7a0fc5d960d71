import Core

/// A string that names an image somewhere else: transport and what the transport makes of the rest
/// (Docs/spec/sif-use.md §1).
package struct ImageURI: Sendable, Equatable, CustomStringConvertible {
    package let transport: String
    /// All behind the first colon, the slashes too.
    package let rest: String

    /// - Returns: nil for a path: `ubuntu:18.04.img` is a file.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let (word, rest) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
        guard rest.hasPrefix("//") || BuiltInTransport.words.contains(word) else { return nil }
        self.transport = word
        self.rest = rest
    }

    package init(transport: String, reference: String) {
        self.transport = transport
        rest = "//" + reference
    }

    package var description: String { transport + ":" + rest }

    /// Without the slashes in front.
    package var reference: String { String(rest.drop { $0 == "/" }) }

    /// What `pull` calls the file when nobody says (Docs/spec/sif-use.md §2).
    package var outputName: String {
        let last = reference.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        if transport == "http" || transport == "https" { return last }
        // Elsewhere than in a registry a name may have the suffix already.
        let isForeign = !BuiltInTransport.words.contains(transport)
        if isForeign, [".sif", ".img", ".sqfs", ".squashfs"].contains(where: last.hasSuffix) { return last }
        let parts = last.split(separator: ":", omittingEmptySubsequences: false)
        let tags = parts.count > 1 ? parts[1] : "latest"
        let tag = tags.split(separator: ",", omittingEmptySubsequences: false).first ?? ""
        return "\(parts.first ?? "")_\(tag).sif"
    }
}
