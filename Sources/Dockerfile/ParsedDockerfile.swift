import Linux

/// A parsed Dockerfile: plain values. Nothing is expanded, and nothing on the host has been looked at.
package struct ParsedDockerfile: Sendable, Equatable {
    package let text: [UInt8]
    /// `\` or a backtick.
    package let escape: UInt8
    /// ARG before the first FROM.
    package let globals: [Instruction]
    /// At least one.
    package let stages: [BuildStage]
}

/// FROM and what follows it.
package struct BuildStage: Sendable, Equatable {
    package let place: DockerfilePlace
    /// As written: variables are expanded later.
    package let base: String
    /// `--platform`, as written.
    package let platform: String?
    /// In lower case.
    package let name: String?
    package var instructions: [Instruction] = []
}

extension ParsedDockerfile {
    /// Parses untrusted text: every input is parsed or refused.
    package init(parsing text: [UInt8]) throws(DockerfileError) {
        var reader = LineReader(text)
        var globals: [Instruction] = []
        var stages: [BuildStage] = []
        while let line = try reader.read() {
            let escape = reader.directives.escape
            try at(line.place) { () throws(DockerfileProblem) in
                let parser = try InstructionParser(line, escape: escape)
                if parser.name == "FROM" {
                    stages.append(try BuildStage(parser, after: stages))
                } else if !stages.isEmpty {
                    stages[stages.count - 1].instructions.append(try parser.instruction())
                } else if parser.name == "ARG" {
                    globals.append(try parser.instruction())
                } else {
                    throw DockerfileProblem("no build stage in current context", expected: "FROM before \(parser.name)")
                }
            }
        }
        guard !stages.isEmpty else {
            throw DockerfileError(
                DockerfileProblem("the Dockerfile has no stage", expected: "FROM and instructions"), at: nil)
        }
        (self.text, self.globals, self.stages) = (text, globals, stages)
        escape = reader.directives.escape
    }

    /// Parses an instruction that ONBUILD deferred, from an image's configuration.
    package static func trigger(_ text: String, at place: DockerfilePlace) throws(DockerfileError) -> Instruction {
        var reader = LineReader(Array(text.utf8))
        guard let line = try reader.read() else {
            throw DockerfileError(DockerfileProblem("the base image has an empty ONBUILD trigger"), at: place)
        }
        return try at(place) { () throws(DockerfileProblem) in
            let moved = LogicalLine(place: place, text: line.text, heredocs: line.heredocs)
            let parser = try InstructionParser(moved, escape: ASCII.backslash)
            guard parser.name != "ONBUILD", parser.name != "FROM" else {
                throw DockerfileProblem("the base image has \(parser.name) as an ONBUILD trigger")
            }
            return try parser.instruction()
        }
    }
}

extension BuildStage {
    fileprivate init(_ parser: InstructionParser, after others: [BuildStage]) throws(DockerfileProblem) {
        let flags = try parser.flags(["platform"])
        let words = Words.plain(parser.arguments)
        guard words.count == 1 || (words.count == 3 && words[1].lowercasedASCII == "as") else {
            throw DockerfileProblem("FROM requires either one or three arguments", expected: "FROM IMAGE [AS NAME]")
        }
        let name = words.count == 3 ? words[2].lowercasedASCII : nil
        if let name {
            guard name.utf8.first?.isLetter == true,
                name.utf8.allSatisfy({ $0.isLetter || $0.isDigit || "-_.".utf8.contains($0) }), name != "scratch"
            else {
                throw DockerfileProblem(
                    "invalid name for build stage: \(words[2])", expected: "a letter, then letters, digits, -, _ or .")
            }
            guard !others.contains(where: { $0.name == name }) else {
                throw DockerfileProblem("duplicate name for build stage: \(name)")
            }
        }
        self.init(place: parser.line.place, base: words[0], platform: try flags.string("platform"), name: name)
    }

    private init(place: DockerfilePlace, base: String, platform: String?, name: String?) {
        (self.place, self.base, self.platform, self.name) = (place, base, platform, name)
    }
}
