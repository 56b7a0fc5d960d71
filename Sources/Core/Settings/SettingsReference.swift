package import Base

extension Settings {
    /// What a directive is, for its manual page.
    package struct Directive: Sendable {
        package let name: String
        /// What it takes: `yes | no`, `number`.
        package let values: String
        package let comment: String
        /// As it would be written; empty for none.
        package let standard: String
    }

    /// Directives below one title.
    package struct Section: Sendable {
        package let title: String
        package var directives: [Directive] = []

        package init(title: String) { self.title = title }
    }

    /// Returns every directive with its default, in the order of the configuration file.
    package static func reference() throws(SkiffError) -> [Section] {
        var reader = ReferenceReader()
        var settings = Settings()
        try settings.visit(&reader)
        return reader.sections
    }
}

extension PluginDirective {
    package var reference: Settings.Directive {
        let values =
            switch kind {
            case .bool: "yes | no"
            case .integer: "number"
            case .path: "path"
            case .text: "text"
            case .list: "text, in one line or several"
            }
        return .init(name: name, values: values, comment: comment, standard: standard ?? "")
    }
}

private struct ReferenceReader: SettingsVisitor {
    var sections: [Settings.Section] = []

    private mutating func add(_ name: String, _ values: String, _ comment: String, _ standard: String) {
        let directive = Settings.Directive(name: name, values: values, comment: comment, standard: standard)
        if !sections.isEmpty { sections[sections.count - 1].directives.append(directive) }
    }

    mutating func section(_ title: String) { sections.append(Settings.Section(title: title)) }
    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) {
        add(name, "yes | no", comment, value ? "yes" : "no")
    }
    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) {
        add(name, Word.allCases.map(\.rawValue).joined(separator: " | "), comment, value.rawValue)
    }
    mutating func number(_ name: String, _ value: inout Int, _ comment: String) {
        add(name, "number", comment, String(value))
    }
    mutating func text(_ name: String, _ value: inout String, _ comment: String) { add(name, "text", comment, value) }
    mutating func list(_ name: String, _ value: inout [String], _ comment: String) {
        add(name, "text, in one line or several", comment, value.joined(separator: ", "))
    }
}
