import Linux
import Shell

/// Puts values in for `~` and the variables of a source of `%files`: `$X`, `${X}`, `${X:-word}`, `${X-word}`, `${X:+word}`,
/// `${X+word}` and `${X:?message}` (Docs/spec/deffile.md §4.1). Values are taken as they are: they are neither split nor patterns.
///
/// A shell takes a variable that is not set for an empty one, and `$DATA/etc/passwd` would then be a file of the host. Here
/// that is an error.
package struct SourceVariables: Sendable {
    /// Returns the value of a variable; nil when it is not set.
    private let value: @Sendable (String) -> [UInt8]?

    package init(_ value: @escaping @Sendable (String) -> [UInt8]?) { self.value = value }

    /// Those of the caller's environment.
    package static let ofCaller = SourceVariables { name in
        let prefix = name.bytes + [ASCII.equals]
        return environmentBytes().first { $0.starts(with: prefix) }.map { Array($0.dropFirst(prefix.count)) }
    }

    private static let deepest = 16

    /// Returns the text with the values in it, in which a backslash hides what would be part of a pattern.
    func expand(_ text: [UInt8]) throws(PathPattern.Malformed) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        if rest.first == ASCII.tilde { result = try home(&rest) }
        try expand(rest, into: &result, depth: 0)
        return result
    }

    /// `~`, alone or before a slash.
    private func home(_ rest: inout ArraySlice<UInt8>) throws(PathPattern.Malformed) -> [UInt8] {
        rest.removeFirst()
        guard rest.isEmpty || rest.first == ASCII.slash else {
            throw PathPattern.Malformed(reason: "~ of another user is not known; write \\~ for a file of that name")
        }
        guard let home = value("HOME"), home.first == ASCII.slash else {
            throw PathPattern.Malformed(reason: "~ stands for $HOME, which is not set to a path")
        }
        return Self.hidden(home)
    }

    private func expand(_ text: ArraySlice<UInt8>, into result: inout [UInt8], depth: Int)
        throws(PathPattern.Malformed)
    {
        guard depth < Self.deepest else {
            throw PathPattern.Malformed(reason: "variables inside each other more than \(Self.deepest) deep")
        }
        var rest = text
        while let byte = rest.popFirst() {
            switch (byte, rest.first) {
            case (ASCII.backslash, let next?):
                result += [byte, next]
                rest.removeFirst()
            case (ASCII.backquote, _), (ASCII.dollar, UInt8(ascii: "(")):
                throw PathPattern.Malformed(reason: "commands are not carried out in %files")
            case (ASCII.dollar, ASCII.openBrace):
                rest.removeFirst()
                try put(try braced(&rest, depth: depth), before: rest, into: &result)
            case (ASCII.dollar, let next?) where ASCII.isNameStart(next):
                let name = String(bytes: rest.prefix(while: ASCII.isNameByte))
                rest = rest.dropFirst(name.utf8.count)
                try put((name, Self.hidden(try set(name))), before: rest, into: &result)
            case (ASCII.dollar, let next?) where ASCII.isDigit(next) || "@*#?$!-".utf8.contains(next):
                let name = String(bytes: [byte, next])
                throw PathPattern.Malformed(reason: "\(name) has no value here; write \\$ for a dollar sign")
            default: result.append(byte)
            }
        }
    }

    /// With an empty value `$X/etc` would be a path from the host's root.
    private func put(
        _ found: (name: String, value: [UInt8]), before rest: ArraySlice<UInt8>, into result: inout [UInt8]
    ) throws(PathPattern.Malformed) {
        guard !found.value.isEmpty || !result.isEmpty || rest.first != ASCII.slash else {
            throw PathPattern.Malformed(reason: "$\(found.name) is empty, and the path would begin at the root")
        }
        result += found.value
    }

    private func set(_ name: String) throws(PathPattern.Malformed) -> [UInt8] {
        guard let value = value(name) else { throw PathPattern.Malformed(reason: "$\(name) is not set") }
        return value
    }

    /// Reads what follows `${`, through the `}`.
    private func braced(_ rest: inout ArraySlice<UInt8>, depth: Int) throws(PathPattern.Malformed) -> (
        name: String, value: [UInt8]
    ) {
        guard let end = Self.end(of: rest) else { throw PathPattern.Malformed(reason: "${ without }") }
        var inner = rest[..<end]
        rest = rest[(end + 1)...]
        let name = String(bytes: inner.prefix(while: ASCII.isNameByte))
        inner = inner.dropFirst(name.utf8.count)
        let isColon = inner.first == ASCII.colon
        if isColon { inner.removeFirst() }
        guard ASCII.isName(name.utf8), !isColon || !inner.isEmpty else { throw Self.unknown(name) }
        let current = value(name)
        let isSet = current.map { !isColon || !$0.isEmpty } ?? false
        guard let sign = inner.popFirst() else { return (name, Self.hidden(try set(name))) }
        var word: [UInt8] = []
        switch sign {
        case ASCII.dash, ASCII.equals:
            if isSet { return (name, Self.hidden(current ?? [])) }
            try expand(inner, into: &word, depth: depth + 1)
        case ASCII.plus:
            if isSet { try expand(inner, into: &word, depth: depth + 1) }
        case ASCII.question:
            if isSet { return (name, Self.hidden(current ?? [])) }
            let message = String(bytes: inner)
            throw PathPattern.Malformed(reason: "$\(name): \(message.isEmpty ? "it is not set" : message)")
        default: throw Self.unknown(name)
        }
        return (name, word)
    }

    private static func unknown(_ name: String) -> PathPattern.Malformed {
        PathPattern.Malformed(reason: "${\(name)…} is not understood: of conditions there are :-, :+ and :?")
    }

    /// Returns where the brace ends that was opened before the text.
    private static func end(of text: ArraySlice<UInt8>) -> Int? {
        var depth = 0
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case ASCII.backslash: index += 1
            case ASCII.openBrace: depth += 1
            case ASCII.closeBrace where depth == 0: return index
            case ASCII.closeBrace: depth -= 1
            default: break
            }
            index += 1
        }
        return nil
    }

    /// Quotes the characters of patterns, braces and this expansion. A slash still divides the path.
    private static func hidden(_ value: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in value {
            if "\\*?[]{}()|,!+@~$`".utf8.contains(byte) { result.append(ASCII.backslash) }
            result.append(byte)
        }
        return result
    }
}
