import Core
import Foundation
import TestSupport
import Testing

@testable import Grammar

/// Docs/compatibility.md: which flags and directives of Apptainer there are, and how they differ. Made from the table of the
/// command line, and from Snapshots/compatibility-notes.txt.
@Suite struct CompatibilityTests {
    private static let page = URL(filePath: repository + "/Docs/compatibility.md")
    private static let launches = ["exec", "run", "shell", "test", "instance start", "instance run"]

    /// `SKIFF_UPDATE_SNAPSHOTS=1` writes it anew.
    @Test func thePageIsWhatTheTableSays() throws {
        let text = try Self.text()
        if ProcessInfo.processInfo.environment["SKIFF_UPDATE_SNAPSHOTS"] == "1" {
            try text.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        #expect(
            text == (try? String(contentsOf: Self.page, encoding: .utf8)),
            "Docs/compatibility.md is old: SKIFF_UPDATE_SNAPSHOTS=1 swift test --filter CompatibilityTests")
    }

    /// What is missing has its reason, and no reason is about something that nobody has.
    @Test func everyGapHasAReason() throws {
        let notes = try Self.notes()
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        var names: Set<String> = []
        for flag in Self.flags() {
            names.insert("--" + flag.long)
            let isMissing = Self.status(of: flag, grammar) == nil
            #expect(isMissing == (AbsentFlags.reason(flag.long) != nil), "--\(flag.long): a gap has a reason, no other")
        }
        // Those of plugins come first.
        var seen: Set<String> = []
        for flag in grammar.missingFlags("build") where seen.insert(flag.long).inserted && flag.plugin.isEmpty {
            #expect(AbsentFlags.reason(flag.long) != nil, "build --\(flag.long) is missing without a reason")
        }
        for command in Self.launches { names.formUnion(grammar.find(command)?.flags.map { "--" + $0.long } ?? []) }
        for section in try Settings.reference() { names.formUnion(section.directives.map(\.name)) }
        for name in notes.keys { #expect(names.contains(name), "the note for \(name) is about nothing") }
    }

    /// The flags of Apptainer's launches and those of plugins, each once.
    private static func flags() -> [KnownFlag] {
        var seen: Set<String> = []
        return launches.flatMap { KnownFlag.all(of: $0) }.filter { seen.insert($0.long).inserted }
    }

    /// Returns who carries out a flag; nil for one that is refused.
    private static func status(of flag: KnownFlag, _ grammar: Grammar) -> String? {
        if launches.contains(where: { grammar.find($0)?.flags.contains { $0.long == flag.long } == true }) {
            return "yes"
        }
        return flag.plugin.isEmpty ? nil : "plugin `\(flag.plugin)`"
    }

    /// `name: text` lines.
    private static func notes() throws -> [String: String] {
        let file = URL(filePath: repository + "/Tests/GrammarTests/Snapshots/compatibility-notes.txt")
        var notes: [String: String] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(parts.count == 2, "\(line)")
            notes[parts[0]] = parts[1]
        }
        return notes
    }

    private static func text() throws -> String {
        let notes = try notes()
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        var text = """
            # What is as in Apptainer, and what is not

            Written by `CompatibilityTests` from the table of the command line and its notes; change those. *yes*: the flag is here; nothing
            in the last column means that no difference is known. *no*: it is refused by name, also when a variable sets it.
            `Tests/Peers/compare-launches` runs more than four hundred command lines with both programs, and `launch-differences` beside
            it lists what differs, with the reasons.

            ## Flags of launches

            | flag | here | difference, and why |
            |---|---|---|

            """
        let known = flags()
        for flag in known {
            let status = status(of: flag, grammar)
            let note = AbsentFlags.reason(flag.long) ?? notes["--" + flag.long] ?? ""
            text += "| `--\(flag.long)` | \(status ?? "no") | \(note) |\n"
        }
        text += "\n## Flags that Apptainer does not have\n\n| flag | what it does |\n|---|---|\n"
        for flag in grammar.find("exec")?.flags ?? [] where !known.contains(where: { $0.long == flag.long }) {
            text += "| `--\(flag.long)` | \(flag.help.replacing("|", with: "\\|")) |\n"
        }
        text += "\n## Directives of the configuration\n\n| directive | difference, and why |\n|---|---|\n"
        for section in try Settings.reference() {
            for directive in section.directives { text += "| `\(directive.name)` | \(notes[directive.name] ?? "") |\n" }
        }
        return text
    }
}
