import Core

/// An address of an image: a transport and the rest, whose meaning depends on the transport (Docs/spec/sif-use.md §1).
package struct ImageURI: Sendable, Equatable, CustomStringConvertible {
    package let transport: String
    /// Everything after the first colon, including slashes.
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

    /// The rest without its leading slashes.
    package var reference: String { String(rest.drop { $0 == "/" }) }

    /// The default name of the file that `pull` makes (Docs/spec/sif-use.md §2).
    package var outputName: String {
        let last = reference.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        if transport == "http" || transport == "https" { return last }
        // Names of other transports may have the suffix already.
        let isForeign = !BuiltInTransport.words.contains(transport)
        if isForeign, [".sif", ".img", ".sqfs", ".squashfs"].contains(where: last.hasSuffix) { return last }
        let parts = last.split(separator: ":", omittingEmptySubsequences: false)
        let tags = parts.count > 1 ? parts[1] : "latest"
        let tag = tags.split(separator: ",", omittingEmptySubsequences: false).first ?? ""
        return "\(parts.first ?? "")_\(tag).sif"
    }
}
