import Core

/// The header of a definition file: `Key: value` lines; Docs/spec/deffile.md §1.2.
struct HeaderParser {
    private(set) var fields: [Stage.HeaderField] = []

    private static let keys: Set<String> = [
        "bootstrap", "from", "includecmd", "mirrorurl", "updateurl", "osversion", "include", "library", "registry",
        "namespace", "stage", "product", "user", "regcode", "productpgp", "registerurl", "modules", "fingerprints",
        "confurl", "setopt", "target", "frontend", "filename", "buildargs",
    ]

    mutating func parse(_ lines: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        var rest = lines
        while let line = rest.popFirst() {
            let content = line.withoutComment.trimmed
            guard !content.isEmpty else { continue }
            guard let colon = content.firstIndex(of: 0x3A) else {
                throw DefinitionError(
                    "failed to parse deffile header: header key \(content.text) had no val", at: line,
                    expected: "'Key: value', or a section that begins with %")
            }
            let key = String(decoding: content[..<colon].trimmed.map(\.lowercased), as: UTF8.self)
            guard Self.isKnown(key) else {
                throw DefinitionError(
                    "failed to parse deffile header: invalid header keyword found: \(key)", at: line,
                    expected: "one of " + Self.keys.sorted().joined(separator: ", ") + ", otherurl<N>")
            }
            let value = Self.value(content[(colon + 1)...].trimmed, continuedBy: &rest)
            fields.append(.init(key: key, value: value.text, line: line.number))
        }
    }

    /// The fields; for a header that has no agent and whose `From` is an address that only a plugin can have, with that
    /// address taken apart.
    var withAgent: [Stage.HeaderField] {
        guard !fields.contains(where: { $0.key == "bootstrap" }),
            let from = fields.last(where: { $0.key == "from" }), let address = splitPluginURI(from.value)
        else { return fields }
        return fields + [
            .init(key: "bootstrap", value: address.scheme, line: from.line),
            .init(key: "from", value: address.rest, line: from.line),
        ]
    }

    private static func isKnown(_ key: String) -> Bool {
        if keys.contains(key) { return true }
        guard key.hasPrefix("otherurl") else { return false }
        let number = key.dropFirst(8)
        return !number.isEmpty && number.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// A value that ends with `\` goes on in the next line, with nothing in between; one that ends with `\n\` goes on after a line feed.
    private static func value(_ first: ArraySlice<UInt8>, continuedBy rest: inout ArraySlice<DefinitionLine>)
        -> ArraySlice<UInt8>
    {
        var value = first
        while value.last == 0x5C {
            value.removeLast()
            if value.suffix(2) == [0x5C, 0x6E] { value = value.dropLast(2) + [0x0A] }
            guard let next = rest.popFirst() else { break }
            value += next.withoutComment.trimmed
        }
        return value
    }
}
