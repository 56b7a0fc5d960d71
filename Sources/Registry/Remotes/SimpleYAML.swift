package import Base
import Core

/// The subset of YAML that `remote.yaml` uses: maps by indentation, lists of maps, scalars on one line. Anything else
/// is refused, so that a misread file is never written back.
package indirect enum SimpleYAML: Sendable, Equatable {
    case scalar(String)
    case map([Member])
    case list([SimpleYAML])

    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: SimpleYAML
        package init(_ key: String, _ value: SimpleYAML) { (self.key, self.value) = (key, value) }
    }

    package subscript(key: String) -> SimpleYAML? {
        guard case .map(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    package var text: String? {
        guard case .scalar(let text) = self else { return nil }
        return text
    }

    package var isTrue: Bool { text == "true" }

    package var items: [SimpleYAML] {
        guard case .list(let items) = self else { return [] }
        return items
    }

    // MARK: reading

    private struct Line {
        let number: Int
        let indent: Int
        let text: Substring
    }

    /// - Throws: with the number of a line that is not understood.
    package init(parsing text: String) throws(SkiffError) {
        var lines: [Line] = []
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let rest = line.drop { $0 == " " }
            if rest.isEmpty || rest.hasPrefix("#") || rest == "---" { continue }
            guard !rest.hasPrefix("\t") else { throw Self.problem(number, "a tab") }
            lines.append(Line(number: number, indent: line.count - rest.count, text: rest))
        }
        var position = 0
        self = lines.isEmpty ? .map([]) : try Self.block(lines, &position, indent: lines[0].indent, depth: 0)
        if position < lines.count { throw Self.problem(lines[position].number, "less indentation") }
    }

    private static func problem(_ number: Int, _ what: String) -> SkiffError {
        SkiffError("line \(number + 1): \(what) is not understood")
    }

    private static func block(_ lines: [Line], _ position: inout Int, indent: Int, depth: Int) throws(SkiffError)
        -> SimpleYAML
    {
        guard depth < 16 else { throw problem(lines[position].number, "so deep a nesting") }
        if isItem(lines[position].text) { return try list(lines, &position, indent, depth) }
        var members: [Member] = []
        while position < lines.count, lines[position].indent == indent, !isItem(lines[position].text) {
            members.append(try member(lines, &position, lines[position].text, indent, depth))
        }
        if position < lines.count, lines[position].indent > indent {
            throw problem(lines[position].number, "more indentation")
        }
        return .map(members)
    }

    private static func isItem(_ text: Substring) -> Bool { text == "-" || text.hasPrefix("- ") }

    private static func list(_ lines: [Line], _ position: inout Int, _ indent: Int, _ depth: Int) throws(SkiffError)
        -> SimpleYAML
    {
        var items: [SimpleYAML] = []
        while position < lines.count, lines[position].indent == indent, isItem(lines[position].text) {
            let line = lines[position]
            let rest = line.text.dropFirst().drop { $0 == " " }
            guard !rest.isEmpty, split(rest) != nil else {
                items.append(.scalar(try scalar(rest, line.number)))
                position += 1
                continue
            }
            // The map begins after the dash, and its other members are aligned with its first.
            let inner = indent + (line.text.count - rest.count)
            var members = [try member(lines, &position, rest, inner, depth)]
            while position < lines.count, lines[position].indent == inner, !isItem(lines[position].text) {
                members.append(try member(lines, &position, lines[position].text, inner, depth))
            }
            items.append(.map(members))
        }
        return .list(items)
    }

    private static func member(
        _ lines: [Line], _ position: inout Int, _ text: Substring, _ indent: Int, _ depth: Int
    ) throws(SkiffError) -> Member {
        let number = lines[position].number
        guard let (key, rest) = split(text) else { throw problem(number, "\"\(text.prefix(40))\"") }
        position += 1
        let name = try scalar(key, number)
        if !rest.isEmpty, !rest.hasPrefix("#") {
            if rest == "{}" { return Member(name, .map([])) }
            if rest == "[]" { return Member(name, .list([])) }
            return Member(name, .scalar(try scalar(rest, number)))
        }
        guard position < lines.count else { return Member(name, .scalar("")) }
        let next = lines[position]
        // A list may have the indentation of its key.
        guard next.indent > indent || (next.indent == indent && isItem(next.text)) else {
            return Member(name, .scalar(""))
        }
        return Member(name, try block(lines, &position, indent: next.indent, depth: depth + 1))
    }

    /// Splits at a colon that is followed by a space or the end, outside of quotes.
    private static func split(_ text: Substring) -> (Substring, Substring)? {
        var start = text.startIndex
        if let quote = text.first, quote == "'" || quote == "\"" {
            guard let end = endOfQuote(text, quote) else { return nil }
            start = end
        }
        for index in text[start...].indices where text[index] == ":" {
            let rest = text[text.index(after: index)...]
            if rest.isEmpty || rest.hasPrefix(" ") { return (text[..<index], rest.drop { $0 == " " }) }
        }
        return nil
    }

    /// Returns the index after the closing quote; two single quotes mean one.
    private static func endOfQuote(_ text: Substring, _ quote: Character) -> Substring.Index? {
        var index = text.index(after: text.startIndex)
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == quote {
                guard quote == "'", next < text.endIndex, text[next] == quote else { return next }
                index = text.index(after: next)
            } else {
                index = next
            }
        }
        return nil
    }

    private static func scalar(_ text: Substring, _ number: Int) throws(SkiffError) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        if let comment = text.firstRange(of: " #"), !text.hasPrefix("\""), !text.hasPrefix("'") {
            text = text[..<comment.lowerBound]
        }
        switch text.first {
        case "'":
            guard text.count > 1, text.last == "'" else { throw problem(number, "an open quote") }
            return String(text.dropFirst().dropLast()).replacing("''", with: "'")
        case "\"":
            guard text.count > 1, text.last == "\"", !text.dropFirst().dropLast().contains("\\") else {
                throw problem(number, "this quoted text")
            }
            return String(text.dropFirst().dropLast())
        case "{", "[", "&", "*", "!", "|", ">", "%", "@", "`", "?": throw problem(number, "\"\(text.prefix(40))\"")
        default: return text == "null" || text == "~" ? "" : String(text)
        }
    }

    // MARK: writing

    /// Returns the text as Go's library writes it: four spaces per level, lists with the indentation of their key.
    package func written(indent: Int = 0) -> String {
        switch self {
        case .scalar(let text): return Self.quoted(text) + "\n"
        case .map(let members):
            return members.map { member in
                let key = String(repeating: " ", count: indent) + Self.quoted(member.key) + ":"
                switch member.value {
                case .scalar: return key + " " + member.value.written()
                case .map([]): return key + " {}\n"
                case .list([]): return key + " []\n"
                case .map: return key + "\n" + member.value.written(indent: indent + 4)
                case .list: return key + "\n" + member.value.written(indent: indent)
                }
            }.joined()
        case .list(let items):
            return items.map { item in
                let text = item.written(indent: indent + 2)
                return String(repeating: " ", count: indent) + "- " + text.drop { $0 == " " }
            }.joined()
        }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && !text.hasPrefix("-")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || [0x2B, 0x2D, 0x2E, 0x2F, 0x3D, 0x5F].contains(byte) || byte == 0x20 || byte == 0x3A
            } && !text.contains(": ") && !text.hasSuffix(":") && text.first != " " && text.last != " "
            && !["null", "~", "=", "---"].contains(text) && !text.hasPrefix("=") && !text.hasPrefix(":")
        return isPlain ? text : "'" + text.filter { !$0.isNewline }.replacing("'", with: "''") + "'"
    }
}
