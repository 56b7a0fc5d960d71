/// The sections of a stage: each begins with a marker and runs to the next one; deffile.md §1.1.
struct SectionParser {
    private(set) var scripts: [SectionName: Definition.Script] = [:]
    private(set) var files: [Definition.File] = []
    private(set) var labels: [Definition.Label] = []
    private var unknown: [(name: String, line: DefinitionLine)] = []
    private var unavailable: DefinitionError?

    mutating func parse(_ lines: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        var rest = lines
        while let marker = rest.popFirst() {
            let body = rest.prefix { !$0.isMarker }
            rest = rest[body.endIndex...]
            try take(marker, body)
        }
        if let first = unknown.first {
            let names = unknown.map(\.name).joined(separator: ", ")
            throw DefinitionError(
                "invalid section(s) specified: \(names)", at: first.line, expected: Self.expectation(first.name))
        }
        // After the whole text was read: a section that does not exist at all is the plainer message.
        if let unavailable { throw unavailable }
    }

    private static func expectation(_ name: String) -> String {
        if name.isEmpty { return "the % of a section in the first column" }
        let known = SectionName.allCases.filter(\.isAvailable).map { "%" + $0.rawValue }
        return "one of \(known.joined(separator: ", ")); a line that begins with % always begins a section"
    }

    private mutating func take(_ marker: DefinitionLine, _ body: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        // The first character goes, whatever it is: an indented marker has an empty name and is refused.
        let words = marker.bytes.dropFirst().split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
        let given = words.first?.text ?? ""
        let arguments = words.count > 1 ? words[1] : []
        if SectionName.ofApplications.contains(given) {
            guard !arguments.trimmed.isEmpty else {
                throw DefinitionError(
                    "app section \(given): could not be split into section name and app name", at: marker,
                    expected: "'%\(given) NAME'")
            }
            return refuse("%\(given) sections are not available in this version", marker)
        }
        let name = String(decoding: given.utf8.map(\.lowercased), as: UTF8.self)
        guard let section = SectionName(rawValue: name) else { return unknown.append((name, marker)) }
        guard section.isAvailable else {
            return refuse("%\(name) sections are not available in this version", marker)
        }
        try store(section, arguments, marker, body)
    }

    private mutating func refuse(_ message: String, _ marker: DefinitionLine) {
        unavailable = unavailable ?? DefinitionError(message, at: marker)
    }

    private mutating func store(
        _ section: SectionName, _ arguments: ArraySlice<UInt8>, _ marker: DefinitionLine,
        _ body: ArraySlice<DefinitionLine>
    ) throws(DefinitionError) {
        let arguments = arguments.prefix { $0 != 0x23 }.trimmed.text
        switch section {
        case .files:
            guard arguments.isEmpty else {
                return refuse("%files with arguments, here '\(arguments)', is not available in this version", marker)
            }
            for line in body where !line.isEmpty { files += Self.file(line) }
        case .labels:
            for line in body where !line.isEmpty { labels.append(Self.label(line)) }
        default: break
        }
        var script = scripts[section] ?? Definition.Script(arguments: "", body: [], line: marker.number)
        if !arguments.isEmpty { script.arguments = arguments }
        for line in body { script.body += line.bytes + [0x0A] }
        scripts[section] = script
    }

    /// `KEY VALUE`, split at the first space.
    private static func label(_ line: DefinitionLine) -> Definition.Label {
        let parts = line.trimmed.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
        return Definition.Label(
            key: parts.first?.trimmed.text ?? "", value: parts.count > 1 ? parts[1].trimmed.text : "")
    }

    /// `SOURCE [DESTINATION]`; double quotes hold blanks. What follows is ignored, as by Apptainer.
    private static func file(_ line: DefinitionLine) -> [Definition.File] {
        var words: [String] = []
        var rest = line.trimmed
        while !rest.isEmpty {
            let quoted = rest.first == 0x22 ? rest.dropFirst().firstIndex(of: 0x22) : nil
            let end = quoted ?? rest.firstIndex(where: \.isBlank) ?? rest.endIndex
            words.append((quoted == nil ? rest[..<end] : rest[..<end].dropFirst()).text)
            rest = rest[end...].dropFirst(quoted == nil ? 0 : 1).drop(while: \.isBlank)
        }
        guard let source = words.first, !source.isEmpty else { return [] }
        return [
            Definition.File(source: source, destination: words.count > 1 ? words[1] : "", line: line.number)
        ]
    }
}
