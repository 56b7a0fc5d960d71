/// Reads a definition file; Docs/spec/deffile.md §1. Foreign text: every input is parsed or refused.
extension Definition {
    /// - Parameter isScheme: whether a word after `Bootstrap:` is the scheme of a plugin.
    package init(
        parsing text: [UInt8], arguments: BuildArguments = BuildArguments(),
        isScheme: (String) -> Bool = { _ in false }
    ) throws(DefinitionError) {
        let all = DefinitionLine.all(text)
        let starts = try Self.stageStarts(all)
        var template = Template(arguments)
        // Comments above the first stage are not recorded, as by Apptainer.
        var recorded: [UInt8] = []
        var parsed: [ParsedStage] = []
        for (index, start) in starts.enumerated() {
            let end = index + 1 < starts.count ? starts[index + 1] : all.endIndex
            let lines = try template.fill(all[start..<end])
            for line in lines { recorded += line.bytes + line.end }
            parsed.append(try ParsedStage(lines))
        }
        self.init(text: recorded, stages: parsed.map(\.stage))
        for stage in parsed { try stage.checkHeader() }
        for stage in parsed { try stage.checkAgent(isScheme) }
        for (index, stage) in parsed.enumerated() { try stage.checkSections(earlier: stages[..<index], all: stages) }
        for stage in parsed { try stage.checkBraces() }
        warnings = (template.warnings + parsed.flatMap { $0.warnings + $0.unclosedInScripts }).sorted {
            $0.line < $1.line
        }.map {
            "line \($0.line): \($0.text)"
        }
        unusedArguments = arguments.values.keys.filter { !template.used.contains($0) }.sorted()
    }

    /// Cuts the text at every line that begins with `bootstrap:`. What stands above the first is a stage, unless it is empty.
    /// - Returns: the indices of the first lines of all stages, at least one.
    private static func stageStarts(_ lines: [DefinitionLine]) throws(DefinitionError) -> [Int] {
        guard let first = lines.firstIndex(where: { !$0.isEmpty }) else {
            throw DefinitionError("no stages found in definition file", expected: "'Bootstrap: AGENT' and sections")
        }
        return [first] + lines.indices.filter { $0 > first && lines[$0].isBootstrap }
    }
}

/// A stage with its lines, which error messages show.
struct ParsedStage {
    var stage: Stage
    let lines: [DefinitionLine]
    let warnings: [(line: Int, text: String)]

    init(_ lines: [DefinitionLine]) throws(DefinitionError) {
        self.lines = lines
        let start = lines.firstIndex(where: \.isMarker) ?? lines.endIndex
        var header = HeaderParser()
        try header.parse(lines[..<start])
        var sections = SectionParser()
        try sections.parse(lines[start...])
        stage = Stage(header: header.withAgent)
        stage.scripts = sections.scripts
        stage.files = sections.files
        stage.labels = sections.labels
        stage.apps = sections.apps
        stage.sections = sections.markers
        warnings = sections.warnings
    }

    func line(_ number: Int) -> DefinitionLine? { lines.first { $0.number == number } }
    var firstLine: DefinitionLine? { lines.first { !$0.isEmpty } }
}
