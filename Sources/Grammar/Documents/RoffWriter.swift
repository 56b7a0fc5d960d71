/// Writes roff source; text is escaped so that it is printed as it is (groff_char(7), man(7)).
struct RoffWriter {
    private(set) var result = ""

    mutating func macro(_ name: String, _ arguments: [String] = []) {
        let quoted = arguments.map { "\"" + Self.escaped($0).replacingQuotes() + "\"" }
        result += ([".\(name)"] + quoted).joined(separator: " ") + "\n"
    }

    /// Writes a line that is already roff.
    mutating func raw(_ line: String) { result += line + "\n" }

    mutating func text(_ text: String) { result += Self.safe(Self.escaped(text)) + "\n" }

    /// Writes text around a piece that is already roff.
    mutating func line(_ before: String, _ middle: String, _ after: String) {
        result += Self.safe(Self.escaped(before) + middle + Self.escaped(after)) + "\n"
    }

    mutating func bold(_ text: String) { raw(Self.bolded(text)) }

    mutating func verbatim(_ text: String) {
        result += ".EX\n"
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { self.text(String(line)) }
        result += ".EE\n"
    }

    /// Fills the paragraphs between empty lines; those with columns or indented lines stay as they are.
    mutating func paragraphs(_ text: String) {
        var paragraph: [Substring] = []
        var isFirst = true
        let end: [Substring] = [""]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) + end {
            if !line.isEmpty {
                paragraph.append(line)
                continue
            }
            guard !paragraph.isEmpty else { continue }
            if !isFirst { result += ".sp\n" }
            isFirst = false
            if paragraph.contains(where: Self.hasColumns) {
                verbatim(paragraph.joined(separator: "\n"))
            } else {
                for line in paragraph { self.text(String(line)) }
            }
            paragraph = []
        }
    }

    private static func hasColumns(_ line: Substring) -> Bool {
        var last: UInt8 = 0x20
        for byte in line.utf8 {
            if byte == 0x20, last == 0x20 { return true }
            last = byte
        }
        return line.utf8.first == 0x20
    }

    static func bolded(_ text: String) -> String { "\\fB" + escaped(text) + "\\fR" }
    static func italic(_ text: String) -> String { "\\fI" + escaped(text) + "\\fR" }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Returns a line of text that cannot be taken for a request.
    private static func safe(_ line: String) -> String { line.utf8.first == UInt8(ascii: ".") ? "\\&" + line : line }
}

extension String {
    /// Double quotes inside the argument of a macro.
    fileprivate func replacingQuotes() -> String {
        split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\(dq")
    }
}
