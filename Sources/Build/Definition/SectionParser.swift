import Packing

/// The sections of a stage: each begins with a marker and runs to the next one; Docs/spec/deffile.md §1.1.
struct SectionParser {
    private(set) var scripts: [SectionName: Stage.Script] = [:]
    private(set) var files: [Stage.FileGroup] = []
    private(set) var labels: [ImageLabel] = []
    private(set) var apps: [Stage.App] = []
    private(set) var markers: [Stage.Section] = []
    private(set) var warnings: [(line: Int, text: String)] = []
    private var unknown: [(name: String, line: DefinitionLine)] = []

    mutating func parse(_ lines: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        var rest = lines
        while let marker = rest.popFirst() {
            let body = rest.prefix { !$0.isMarker }
            rest = rest[body.endIndex...]
            try take(marker, body)
        }
        if let first = unknown.first {
            let names = unknown.map(\.name).sorted().joined(separator: ", ")
            throw DefinitionError(
                "invalid section(s) specified: \(names)", at: first.line, expected: Self.expectation(first.name))
        }
    }

    private static func expectation(_ name: String) -> String {
        if name.isEmpty { return "the % of a section in the first column" }
        let known = SectionName.allCases.map(\.rawValue) + AppSection.allCases.map(\.rawValue)
        return "one of \(known.map { "%" + $0 }.joined(separator: ", ")); "
            + "a line that begins with % always begins a section"
    }

    private mutating func take(_ marker: DefinitionLine, _ body: ArraySlice<DefinitionLine>) throws(DefinitionError) {
        // The first character goes, whatever it is: an indented marker has an empty name and is refused.
        let words = marker.bytes.dropFirst().split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
        let given = words.first?.text ?? ""
        let rest = words.count > 1 ? words[1] : []
        let name = String(decoding: given.utf8.map(\.lowercased), as: UTF8.self)
        let arguments = rest.prefix { $0 != 0x23 }.trimmed.text
        if let section = AppSection(rawValue: given) {
            markers.append(.init(name: given, arguments: arguments, line: marker.number))
            return try store(section, rest, marker, body)
        }
        guard let section = SectionName(rawValue: name) else {
            // Apptainer keeps the case and the argument of what it takes for a section of an application.
            let isApp = name.hasPrefix("app") && !arguments.isEmpty
            return unknown.append((isApp ? given + " " + arguments : name, marker))
        }
        markers.append(.init(name: name, arguments: arguments, line: marker.number))
        store(section, arguments, marker, body)
    }

    private mutating func store(
        _ section: SectionName, _ arguments: String, _ marker: DefinitionLine, _ body: ArraySlice<DefinitionLine>
    ) {
        switch section {
        case .files: storeFiles(arguments, marker, body)
        case .labels: Self.add(body, to: &labels)
        default: break
        }
        Self.append(&scripts[section], arguments, marker, body)
    }

    /// Adds a section to an earlier one of the same name: the bodies follow each other, and the last arguments count.
    private static func append(
        _ script: inout Stage.Script?, _ arguments: String, _ marker: DefinitionLine, _ body: ArraySlice<DefinitionLine>
    ) {
        var result = script ?? Stage.Script(arguments: "", body: [], line: marker.number)
        if !arguments.isEmpty { result.arguments = arguments }
        for line in body {
            result.body += line.bytes + [0x0A]
            result.lines.append(line.number)
        }
        script = result
    }

    /// Of several lines with one key, the last one counts.
    private static func add(_ body: ArraySlice<DefinitionLine>, to labels: inout [ImageLabel]) {
        for line in body where !line.isEmpty {
            let label = label(line)
            labels.removeAll { $0.key == label.key }
            labels.append(label)
        }
    }

    /// `KEY VALUE`, split at the first space.
    private static func label(_ line: DefinitionLine) -> ImageLabel {
        let parts = line.trimmed.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
        return ImageLabel(key: parts.first?.trimmed.text ?? "", value: parts.count > 1 ? parts[1].trimmed.text : "")
    }
}

// MARK: - Files

extension SectionParser {
    /// Sections of one source are one; Apptainer passes over a section whose arguments it does not know.
    private mutating func storeFiles(
        _ arguments: String, _ marker: DefinitionLine, _ body: ArraySlice<DefinitionLine>
    ) {
        let words = arguments.split(separator: " ").map(String.init)
        var stage: String?
        if words.count == 2 {
            // Apptainer reads the second word whatever the first one is.
            stage = words[1]
            if words[0] != "from" {
                warnings.append((marker.number, "'%files \(arguments)' is taken for '%files from \(words[1])'"))
            }
        } else if !words.isEmpty {
            warnings.append(
                (marker.number, "'%files \(arguments)' is passed over: only '%files from STAGE' has a meaning"))
            return
        }
        let lines = body.filter { !$0.isEmpty }.flatMap(Self.file)
        if let index = files.firstIndex(where: { $0.stage == stage }) {
            files[index].files += lines
        } else {
            files.append(.init(stage: stage, files: lines, line: marker.number))
        }
    }

    /// `SOURCE [DESTINATION]`; double quotes hold blanks. What follows is ignored, as by Apptainer.
    private static func file(_ line: DefinitionLine) -> [Stage.File] {
        var words: [String] = []
        var rest = line.trimmed
        while !rest.isEmpty {
            let quoted = rest.first == 0x22 ? rest.dropFirst().firstIndex(of: 0x22) : nil
            let end = quoted ?? rest.firstIndex(where: \.isBlank) ?? rest.endIndex
            words.append((quoted == nil ? rest[..<end] : rest[..<end].dropFirst()).text)
            rest = rest[end...].dropFirst(quoted == nil ? 0 : 1).drop(while: \.isBlank)
        }
        guard let source = words.first, !source.isEmpty else { return [] }
        return [.init(source: source, destination: words.count > 1 ? words[1] : "", line: line.number)]
    }
}

// MARK: - Applications

extension SectionParser {
    private mutating func store(
        _ section: AppSection, _ rest: ArraySlice<UInt8>, _ marker: DefinitionLine, _ body: ArraySlice<DefinitionLine>
    ) throws(DefinitionError) {
        let name = rest.trimmed.prefix { !$0.isBlank }.text
        guard !name.isEmpty else {
            throw DefinitionError(
                "app section \(section.rawValue): could not be split into section name and app name", at: marker,
                expected: "'%\(section.rawValue) NAME'")
        }
        let parts = name.utf8.split(separator: 0x2F, omittingEmptySubsequences: false).map { String($0) ?? "" }
        guard !name.utf8.contains(0), parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
            throw DefinitionError(
                "invalid app name \(name)", at: marker,
                expected: "a name that can be one of a directory below /scif/apps")
        }
        let known = apps.firstIndex { $0.name == name }
        let index = known ?? apps.count
        if known == nil { apps.append(.init(name: name)) }
        switch section {
        case .labels: Self.add(body, to: &apps[index].labels)
        case .files: apps[index].files += body.flatMap(Self.appFile)
        default: Self.append(&apps[index].scripts[section], "", marker, body)
        }
    }

    /// `SOURCE [DESTINATION]` without quoting; comments end the line.
    private static func appFile(_ line: DefinitionLine) -> [Stage.File] {
        let words = line.withoutComment.split(whereSeparator: \.isBlank).map(\.text)
        guard let source = words.first else { return [] }
        return [.init(source: source, destination: words.count > 1 ? words[1] : "", line: line.number)]
    }
}
