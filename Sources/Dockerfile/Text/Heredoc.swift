import Linux

/// A heredoc below an instruction: `<<EOF`, `<<-EOF`, `<<"EOF"`.
package struct Heredoc: Sendable, Equatable {
    package let name: String
    /// The descriptor of the redirection; 0 unless a number was written.
    package let descriptor: Int
    /// `<<-`: whether leading tabs are removed.
    package let stripsTabs: Bool
    /// Whether variables are expanded: no part of the name is quoted.
    package let expands: Bool
    /// As written, each line with its end.
    package var body: [UInt8] = []

    /// The body as a shell would pass it on.
    package var content: [UInt8] {
        guard stripsTabs else { return body }
        var result: [UInt8] = []
        for line in body.split(separator: ASCII.newline, omittingEmptySubsequences: false).dropLast() {
            result += line.drop { $0 == ASCII.tab } + [ASCII.newline]
        }
        return result
    }

    /// Returns whether the instruction can have heredocs: RUN, COPY and ADD, also after ONBUILD, but not in JSON form.
    static func mayFollow(_ text: String) -> Bool {
        guard text.contains("<<") else { return false }
        var rest = text.bytes.trimmed
        for _ in 0..<2 {
            let word = rest.prefix { !$0.isBlank }
            rest = rest[word.endIndex...].trimmedLeft
            switch word.text.lowercasedASCII {
            case "run", "copy", "add":
                guard let (_, following) = try? InstructionFlags.split(rest.text, escape: ASCII.backslash) else {
                    return false
                }
                return JSONStrings.read(following) == nil
            case "onbuild": continue
            default: return false
            }
        }
        return false
    }

    /// Returns the heredocs of a line in order, without bodies.
    static func markers(in text: String) throws(DockerfileProblem) -> [Heredoc] {
        try Words.split(text, escape: ASCII.backslash).compactMap { word in Heredoc(marker: word) }
    }

    /// - Parameter marker: a word such as `3<<-"EOF"`. The result is nil for any other.
    init?(marker: String) {
        let bytes = marker.bytes
        let digits = bytes.prefix { $0.isDigit }
        var rest = bytes[digits.endIndex...]
        guard rest.starts(with: [0x3C, 0x3C]), digits.count < 10 else { return nil }
        rest = rest.dropFirst(2)
        stripsTabs = rest.first == 0x2D
        if stripsTabs { rest = rest.dropFirst() }
        guard !rest.isEmpty, !rest.contains(0x3C) else { return nil }
        // The name is not expanded.
        let expansion = Expansion(escape: ASCII.backslash, variables: [:], keepsUnset: true)
        guard let name = try? expansion.word(rest.text), !name.isEmpty else { return nil }
        self.name = name
        expands = name == rest.text
        descriptor = Int(digits.text) ?? 0
    }
}
