import Linux

/// `--name=value` words between an instruction's name and its arguments.
struct InstructionFlags {
    private var values: [(name: String, value: String?)] = []
    private static let repeated: Set<String> = ["mount", "exclude"]

    /// - Parameter known: the flags of the instruction.
    init(_ words: [String], known: Set<String>, of instruction: String) throws(DockerfileProblem) {
        for word in words {
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "")
            guard known.contains(name) else {
                throw DockerfileProblem(
                    "unknown flag --\(name) of \(instruction)",
                    expected: known.isEmpty
                        ? "no flag" : "one of " + known.sorted().map { "--" + $0 }.joined(separator: ", "))
            }
            guard Self.repeated.contains(name) || !values.contains(where: { $0.name == name }) else {
                throw DockerfileProblem("duplicate flag --\(name)")
            }
            values.append((name, parts.count > 1 ? String(parts[1]) : nil))
        }
    }

    func string(_ name: String) throws(DockerfileProblem) -> String? { try strings(name).last }

    func strings(_ name: String) throws(DockerfileProblem) -> [String] {
        var result: [String] = []
        for flag in values where flag.name == name {
            guard let value = flag.value else {
                throw DockerfileProblem("missing a value on flag --\(name)", expected: "--\(name)=VALUE")
            }
            result.append(value)
        }
        return result
    }

    /// - Returns: nil when the flag was not given.
    func bool(_ name: String) throws(DockerfileProblem) -> Bool? {
        guard let flag = values.last(where: { $0.name == name }) else { return nil }
        switch flag.value?.lowercasedASCII {
        case nil, "true": return true
        case "false": return false
        default: throw DockerfileProblem("flag --\(name) is either true or false, not \(flag.value ?? "")")
        }
    }

    /// Returns the flags at the beginning of a text, without quotes and escapes, and the rest. A lone `--` ends the
    /// flags.
    static func split(_ text: String, escape: UInt8) throws(DockerfileProblem) -> (words: [String], rest: String) {
        var rest = text.bytes.trimmed
        var words: [String] = []
        while rest.starts(with: [0x2D, 0x2D]) {
            let word = try word(&rest, escape)
            rest = rest.trimmedLeft
            if word == "--" { break }
            words.append(word)
        }
        return (words, rest.text)
    }

    private static func word(_ rest: inout ArraySlice<UInt8>, _ escape: UInt8) throws(DockerfileProblem) -> String {
        var word: [UInt8] = []
        var quote: UInt8?
        while let byte = rest.first {
            if quote == nil, byte.isBlank { break }
            rest = rest.dropFirst()
            if byte == escape, quote != ASCII.singleQuote {
                if let next = rest.popFirst() { word.append(next) }
            } else if byte == quote {
                quote = nil
            } else if quote == nil, byte == ASCII.singleQuote || byte == ASCII.doubleQuote {
                quote = byte
            } else {
                word.append(byte)
            }
        }
        if let quote { throw .unclosed(quote) }
        return word[...].text
    }
}
