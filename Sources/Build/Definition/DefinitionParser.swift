/// Reads a definition file; deffile.md §1. Foreign text: every input is parsed or refused.
extension Definition {
    package init(parsing text: [UInt8]) throws(DefinitionError) {
        let lines = DefinitionLine.all(text)
        try Self.refuseVariables(lines)
        let (stage, second) = try Self.firstStage(lines)
        let start = stage.firstIndex(where: \.isMarker) ?? stage.endIndex
        var header = HeaderParser()
        try header.parse(stage[..<start])
        self.init(text: text, header: header.fields)
        var sections = SectionParser()
        try sections.parse(stage[start...])
        (scripts, files, labels) = (sections.scripts, sections.files, sections.labels)
        if header.fields.isEmpty {
            throw DefinitionError(
                .creating, "multiple stages detected, all must have headers", at: stage.first { !$0.isEmpty },
                expected: "a header before the first section, as in 'Bootstrap: localimage'")
        }
        try checkAgent(stage)
        try checkArguments(stage)
        if let second {
            throw DefinitionError(
                "definitions of several stages are not available in this version", at: second,
                expected: "one line that begins with 'Bootstrap:'")
        }
    }

    /// The text is cut at every line that begins with `bootstrap:`; what stands above the first is a stage unless empty.
    /// Answers the first stage and the first line of the next.
    private static func firstStage(_ lines: [DefinitionLine]) throws(DefinitionError)
        -> (stage: ArraySlice<DefinitionLine>, second: DefinitionLine?)
    {
        guard let first = lines.firstIndex(where: { !$0.isEmpty }) else {
            throw DefinitionError("no stages found in definition file", expected: "'Bootstrap: AGENT' and sections")
        }
        guard let second = lines[(first + 1)...].firstIndex(where: \.isBootstrap) else { return (lines[first...], nil) }
        return (lines[first..<second], lines[second])
    }

    /// `{{ NAME }}` outside of comments; deffile.md §5.
    private static func refuseVariables(_ lines: [DefinitionLine]) throws(DefinitionError) {
        for line in lines {
            guard let name = placeholder(in: line.bytes) else { continue }
            throw DefinitionError(
                .reading, "build variables, here {{ \(name) }}, are not available in this version", at: line)
        }
    }

    private static func placeholder(in bytes: ArraySlice<UInt8>) -> String? {
        var rest = bytes
        while let open = rest.firstIndex(of: 0x7B) {
            rest = rest[(open + 1)...]
            guard rest.first == 0x7B else { continue }
            let inside = rest.dropFirst().drop(while: \.isBlank)
            let name = inside.prefix(while: \.isWordCharacter)
            guard !name.isEmpty, inside[name.endIndex...].drop(while: \.isBlank).starts(with: [0x7D, 0x7D]) else {
                continue
            }
            return isComment(bytes[..<open]) ? nil : name.text
        }
        return nil
    }

    /// A `#` before the placeholder hides it, unless it begins `#!`.
    private static func isComment(_ before: ArraySlice<UInt8>) -> Bool {
        before.indices.contains { before[$0] == 0x23 && before[($0 + 1)...].first != 0x21 }
    }
}

// MARK: - What the fields must say

extension Definition {
    private static let availableAgents: Set<String> = ["localimage", "scratch"]
    private static let otherAgents: Set<String> = [
        "docker", "docker-daemon", "docker-archive", "oci", "oci-archive", "buildkit", "dockerfile", "library", "oras",
        "shub", "busybox", "debootstrap", "yum", "dnf", "zypper", "arch",
    ]

    private func checkAgent(_ stage: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        let problem = "unable to get conveyorpacker: "
        let agents = "'Bootstrap: localimage' or 'Bootstrap: scratch'"
        guard let agent = header.last(where: { $0.key == "bootstrap" }), !agent.value.isEmpty else {
            throw DefinitionError(
                .creating, problem + "no bootstrap specification found", at: stage.first { !$0.isEmpty },
                expected: agents)
        }
        let line = stage.first { $0.number == agent.line }
        if Self.otherAgents.contains(agent.value) {
            throw DefinitionError(
                .creating, problem + "bootstrap agent \(agent.value) is not available in this version", at: line,
                expected: agents)
        }
        guard Self.availableAgents.contains(agent.value) else {
            throw DefinitionError(
                .creating, problem + "invalid build source \(agent.value)", at: line, expected: agents)
        }
        // Demanded signatures that nobody checks would be worse than no build.
        if agent.value == "localimage", let demand = header.last(where: { $0.key == "fingerprints" }) {
            throw DefinitionError(
                .creating, "Fingerprints are not available in this version",
                at: stage.first { $0.number == demand.line })
        }
    }

    /// `-c` needs a program; noticed before the build begins rather than in the middle of it.
    private func checkArguments(_ stage: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        for name in [SectionName.setup, .post] where scripts[name]?.arguments == "-c" {
            let engine = name == .post ? "while running engine: " : ""
            let line = scripts[name]?.line ?? 0
            throw DefinitionError(
                .performing,
                engine + "while processing section %\(name.rawValue) arguments: "
                    + "bad \(name.rawValue) section '-c' parameter: missing arguments",
                at: stage.first { $0.number == line }, expected: "'%\(name.rawValue) -c PROGRAM'")
        }
    }
}
