import Linux

/// A source of `%files` as it is written: a path in which parts may be patterns. The rules are those of a shell with
/// extended patterns and `**`, but no shell ever reads it (Docs/spec/deffile.md §4).
package struct PathPattern: Equatable {
    package enum Component: Equatable {
        case literal([UInt8])
        case pattern(NamePattern)
        /// `**`: no directory, or any number of them.
        case anyDepth
    }

    package struct Malformed: Error, Equatable {
        package let reason: String
    }

    let isAbsolute: Bool
    package let components: [Component]
    /// The text without its quoting: the path that is taken when nothing matches.
    let literal: [UInt8]

    /// Returns the patterns that a text stands for: one, unless it has braces.
    package static func all(_ text: String, variables: SourceVariables = .ofCaller) throws(Malformed) -> [PathPattern] {
        var result: [PathPattern] = []
        for bytes in try Braces.expand(try variables.expand(text.bytes)) {
            result.append(try PathPattern(bytes))
        }
        return result
    }

    private init(_ bytes: [UInt8]) throws(Malformed) {
        isAbsolute = bytes.first == 0x2F
        var components: [Component] = []
        for part in Self.split(bytes) {
            if part.elementsEqual("**".utf8) {
                components.append(.anyDepth)
                continue
            }
            let name = try NamePattern(part)
            components.append(name.literal.map { .literal($0) } ?? .pattern(name))
        }
        self.components = components
        literal = Self.unquoted(bytes)
    }

    var isLiteral: Bool {
        components.allSatisfy { if case .literal = $0 { true } else { false } }
    }

    /// Cuts a text at its slashes that are not quoted.
    private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x5C {
                index += 1
            } else if bytes[index] == 0x2F {
                parts.append(bytes[start..<index])
                start = index + 1
            }
            index += 1
        }
        parts.append(bytes[start...])
        return parts.filter { !$0.isEmpty }
    }

    static func unquoted(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var isQuoted = false
        for byte in bytes {
            if byte == 0x5C && !isQuoted {
                isQuoted = true
            } else {
                result.append(byte)
                isQuoted = false
            }
        }
        return isQuoted ? result + [0x5C] : result
    }
}

/// `{a,b}`: several texts in one.
enum Braces {
    /// The most texts that braces may stand for; nobody writes so many.
    private static let limit = 4096

    static func expand(_ bytes: [UInt8]) throws(PathPattern.Malformed) -> [[UInt8]] {
        var done: [[UInt8]] = []
        var left = [bytes]
        while let text = left.popLast() {
            guard let group = firstGroup(text) else {
                done.append(text)
                continue
            }
            guard left.count + done.count + group.choices.count <= limit else {
                throw PathPattern.Malformed(reason: "braces that stand for more than \(limit) paths")
            }
            // The last one first, since the list is a stack.
            for choice in group.choices.reversed() {
                left.append(Array(text[..<group.start]) + choice + Array(text[group.end...]))
            }
        }
        return done
    }

    /// Returns the first `{…,…}` that has an end. Braces without a comma are ordinary text.
    private static func firstGroup(_ text: [UInt8]) -> (start: Int, end: Int, choices: [[UInt8]])? {
        var index = 0
        while index < text.count {
            if text[index] == 0x5C {
                index += 1
            } else if text[index] == 0x7B, let (end, choices) = choices(text, from: index + 1), choices.count > 1 {
                return (index, end, choices)
            }
            index += 1
        }
        return nil
    }

    private static func choices(_ text: [UInt8], from start: Int) -> (end: Int, choices: [[UInt8]])? {
        var choices: [[UInt8]] = []
        var current: [UInt8] = []
        var depth = 0
        var index = start
        while index < text.count {
            let byte = text[index]
            switch byte {
            case 0x5C where index + 1 < text.count:
                current += [byte, text[index + 1]]
                index += 1
            case 0x2C where depth == 0:
                choices.append(current)
                current = []
            case 0x7D where depth == 0: return (index + 1, choices + [current])
            default:
                if byte == 0x7B { depth += 1 } else if byte == 0x7D { depth -= 1 }
                current.append(byte)
            }
            index += 1
        }
        return nil
    }
}
