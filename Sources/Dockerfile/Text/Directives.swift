import Linux

/// Parser directives: `# key=value` lines before anything else.
struct Directives {
    /// The character that joins lines and escapes the next character: `\` or a backtick.
    private(set) var escape = ASCII.backslash
    private(set) var syntax: String?
    private var seen: Set<String> = []
    private var isOpen = true

    /// Parses a line; called for every line until the first that is not a directive.
    mutating func take(_ line: ArraySlice<UInt8>) throws(DockerfileProblem) {
        guard isOpen else { return }
        guard let (key, value) = Self.parts(line), ["escape", "syntax", "check"].contains(key) else {
            isOpen = false
            return
        }
        guard seen.insert(key).inserted else {
            throw DockerfileProblem("only one \(key) parser directive can be used")
        }
        switch key {
        case "escape":
            guard value == "\\" || value == "`", let first = value.utf8.first else {
                throw DockerfileProblem("invalid escape token '\(value)'", expected: "`# escape=\\` or '# escape=`'")
            }
            escape = first
        case "syntax": try takeSyntax(value)
        default: break  // `check` configures a linter.
        }
    }

    /// Accepts any version of the Dockerfile language and refuses others, which need another program.
    private mutating func takeSyntax(_ value: String) throws(DockerfileProblem) {
        syntax = value
        let repository = value.prefix { $0 != "@" }
        let path = repository.split(separator: "/").suffix(2).joined(separator: "/")
        let name = path.prefix { $0 != ":" }
        guard name == "docker/dockerfile" || name == "docker/dockerfile-upstream" else {
            throw DockerfileProblem("cannot read syntax \(value)", expected: "'# syntax=docker/dockerfile:1'")
        }
    }

    private static func parts(_ line: ArraySlice<UInt8>) -> (key: String, value: String)? {
        guard line.first == ASCII.hash else { return nil }
        let rest = line.dropFirst().trimmedLeft
        let key = rest.prefix { $0.isLetter || $0.isDigit }
        let following = rest[key.endIndex...].trimmedLeft
        guard key.first?.isLetter == true, following.first == 0x3D else { return nil }
        let value = following.dropFirst().trimmed
        return value.isEmpty ? nil : (key.text.lowercasedASCII, value.text)
    }
}
