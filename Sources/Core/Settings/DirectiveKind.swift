import Base

/// What a directive takes, for a program that changes a configuration file.
package enum DirectiveKind: Sendable, Equatable {
    case flag
    case word([String])
    case number
    case text
    /// Parts between commas, in one line or several.
    case list
}

extension Settings {
    /// Returns what one of skiff's own directives takes, and the values that it has in these settings.
    package func directive(_ name: String) -> (kind: DirectiveKind, values: [String])? {
        var reader = KindReader(name: name)
        var copy = self
        // Reading cannot fail.
        try? copy.visit(&reader)
        return reader.found
    }
}

extension PluginDirective {
    package var directiveKind: DirectiveKind {
        switch kind {
        case .bool: .flag
        case .integer: .number
        case .path, .text: .text
        case .list: .list
        }
    }
}

private struct KindReader: SettingsVisitor {
    let name: String
    var found: (kind: DirectiveKind, values: [String])?

    private mutating func take(_ name: String, _ kind: DirectiveKind, _ values: [String]) {
        if name == self.name { found = (kind, values) }
    }

    mutating func section(_ title: String) {}
    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) {
        take(name, .flag, [value ? "yes" : "no"])
    }
    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) {
        take(name, .word(Word.allCases.map(\.rawValue)), [value.rawValue])
    }
    mutating func number(_ name: String, _ value: inout Int, _ comment: String) { take(name, .number, [String(value)]) }
    mutating func text(_ name: String, _ value: inout String, _ comment: String) {
        take(name, .text, value.isEmpty ? [] : [value])
    }
    mutating func list(_ name: String, _ value: inout [String], _ comment: String) { take(name, .list, value) }
}
