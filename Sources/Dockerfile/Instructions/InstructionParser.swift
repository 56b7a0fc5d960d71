/// Parses one instruction, except FROM, which begins a stage.
struct InstructionParser {
    let line: LogicalLine
    /// In upper case.
    let name: String
    let arguments: String
    private let flagWords: [String]
    private let escape: UInt8

    static let names = [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]

    init(_ line: LogicalLine, escape: UInt8) throws(DockerfileProblem) {
        self.line = line
        self.escape = escape
        let text = line.text.bytes.trimmed
        let word = text.prefix { !$0.isBlank }
        name = word.text.uppercasedASCII
        guard Self.names.contains(name) else {
            throw DockerfileProblem(
                "unknown instruction: \(word.text)", expected: "one of " + Self.names.joined(separator: ", "))
        }
        (flagWords, arguments) = try InstructionFlags.split(text[word.endIndex...].text, escape: escape)
    }

    func flags(_ known: Set<String> = []) throws(DockerfileProblem) -> InstructionFlags {
        try InstructionFlags(flagWords, known: known, of: name)
    }

    func instruction() throws(DockerfileProblem) -> Instruction {
        Instruction(place: line.place, text: line.text, kind: try kind())
    }

    private func kind() throws(DockerfileProblem) -> Instruction.Kind {
        switch name {
        case "ADD": return .add(try files())
        case "COPY": return .copy(try files())
        case "RUN": return .run(try run())
        case "HEALTHCHECK": return .healthcheck(try healthcheck())
        default: _ = try flags()
        }
        switch name {
        case "ARG": return .arg(try declarations())
        case "CMD": return .cmd(try commandLine())
        case "ENTRYPOINT": return .entrypoint(try commandLine())
        case "ENV": return .env(try pairs())
        case "EXPOSE": return .expose(Words.plain(try someArguments()))
        case "LABEL": return .label(try pairs())
        case "MAINTAINER": return .maintainer(try someArguments())
        case "ONBUILD": return .onbuild(try trigger())
        case "SHELL": return .shell(try shell())
        case "STOPSIGNAL": return .stopsignal(try oneArgument())
        case "USER": return .user(try oneArgument())
        case "VOLUME": return .volume(try volumes())
        case "WORKDIR": return .workdir(try someArguments())
        default: throw DockerfileProblem("\(name) cannot stand here")
        }
    }

    // MARK: - Arguments

    func someArguments() throws(DockerfileProblem) -> String {
        guard !arguments.isEmpty else { throw DockerfileProblem("\(name) requires at least one argument") }
        return arguments
    }

    private func oneArgument() throws(DockerfileProblem) -> String {
        guard !arguments.isEmpty,
            Words.plain(arguments).count == 1 || arguments.contains("\"") || arguments.contains("'")
        else { throw DockerfileProblem("\(name) requires exactly one argument") }
        return arguments
    }

    /// Returns the strings of the JSON form; refuses those that cannot be passed to a program.
    func json() throws(DockerfileProblem) -> [String]? {
        guard let strings = JSONStrings.read(arguments) else { return nil }
        guard !strings.contains(where: { $0.utf8.contains(0) }) else {
            throw DockerfileProblem("an argument contains a null character")
        }
        return strings
    }

    func commandLine() throws(DockerfileProblem) -> CommandLine {
        if let strings = try json() { return .exec(strings) }
        return .shell(try someArguments())
    }

    private func shell() throws(DockerfileProblem) -> [String] {
        guard let words = try json() else {
            throw DockerfileProblem(
                "SHELL requires the arguments to be in JSON form", expected: "SHELL [\"program\", \"argument\"]")
        }
        guard !words.isEmpty else { throw DockerfileProblem("SHELL requires at least one argument") }
        return words
    }

    private func volumes() throws(DockerfileProblem) -> [String] {
        let text = try someArguments()
        let paths = try json() ?? Words.plain(text)
        guard !paths.isEmpty, !paths.contains(where: \.trimmed.isEmpty) else {
            throw DockerfileProblem("VOLUME requires paths that are not empty")
        }
        return paths
    }

    // MARK: - Names and values

    private func declarations() throws(DockerfileProblem) -> [Instruction.Argument] {
        var result: [Instruction.Argument] = []
        for word in try Words.split(try someArguments(), escape: escape) {
            let (name, value) = Self.split(word)
            guard !name.isEmpty else { throw DockerfileProblem("ARG names can not be blank", expected: "NAME=DEFAULT") }
            result.append(.init(name: name, value: value))
        }
        return result
    }

    /// Parses `KEY=VALUE...`, or `KEY VALUE`, where everything after the first blank is the value.
    private func pairs() throws(DockerfileProblem) -> [Instruction.Pair] {
        let words = try Words.split(try someArguments(), escape: escape)
        guard words.first?.contains("=") == true else {
            let text = arguments.bytes
            let key = text.prefix { !$0.isBlank }
            let value = text[key.endIndex...].trimmedLeft
            guard !value.isEmpty else {
                throw DockerfileProblem("\(name) must have two arguments", expected: "KEY=VALUE")
            }
            return [.init(key: key.text, value: value.text)]
        }
        var result: [Instruction.Pair] = []
        for word in words {
            guard case (let key, .some(let value)) = Self.split(word) else {
                throw DockerfileProblem("cannot find = in \(word)", expected: "KEY=VALUE, with quotes around blanks")
            }
            guard !key.isEmpty else {
                throw DockerfileProblem("\(name) names can not be blank", expected: "KEY=VALUE")
            }
            result.append(.init(key: key, value: value))
        }
        return result
    }

    private static func split(_ word: String) -> (String, String?) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts.first ?? ""), parts.count > 1 ? String(parts[1]) : nil)
    }

    /// Parses ONBUILD's instruction to find errors, and returns it as text.
    private func trigger() throws(DockerfileProblem) -> String {
        let text = try someArguments()
        let inner = try InstructionParser(
            LogicalLine(place: line.place, text: text, heredocs: line.heredocs), escape: escape)
        guard !["ONBUILD", "FROM", "MAINTAINER"].contains(inner.name) else {
            throw DockerfileProblem("\(inner.name) isn't allowed as an ONBUILD trigger")
        }
        _ = try inner.instruction()
        return line.heredocs.reduce(text) { $0 + "\n" + $1.body[...].text + $1.name }
    }
}
