package import Base

/// A line of skiff.conf that is not one of skiff's own directives: for a plugin, if anybody knows it.
package struct PluginLine: Sendable, Equatable {
    let line: SettingsLine
    /// For messages.
    let file: String

    package var name: String { line.name }
    /// What follows `=`.
    package var text: String { line.text }

    /// Whether it says that something is not to be done, so that no manifest has to be read for it: what loads a plugin
    /// does not do so by default.
    package var isOff: Bool { text == "no" }

    /// `always use … = no`: whatever the plugin is, the line changes nothing.
    var isSwitchedOff: Bool { isOff && name.hasPrefix(PluginDirective.switchPrefix) }

    /// Why the line cannot be used.
    package func problem(_ wanted: String) -> SkiffError {
        SkiffError("cannot use line \(line.number) of \(file): \(name) = \(text)", hint: "It must be \(wanted)")
    }
}

/// A directive of skiff.conf that a plugin's manifest declares.
package struct PluginDirective: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case bool, integer, path, text
        /// Parts between commas, in one line or several.
        case list
    }

    package let name: String
    package let kind: Kind
    /// The value without a line in the file; nil for none.
    package let standard: String?
    package let comment: String
    /// The id of the plugin.
    package let plugin: String

    /// How directives begin that do nothing but switch a plugin on for all containers.
    package static let switchPrefix = "always use "

    package init(name: String, kind: Kind, standard: String?, comment: String, plugin: String) {
        (self.name, self.kind, self.standard, self.comment, self.plugin) = (name, kind, standard, comment, plugin)
    }

    /// Returns what a value must be; nil for one that the directive takes.
    package func demand(unmetBy text: String) -> String? {
        switch kind {
        case .bool: text == "yes" || text == "no" ? nil : "yes or no"
        case .integer: Int64(text) == nil ? "a number" : nil
        case .path: text.utf8.first == UInt8(ascii: "/") ? nil : "an absolute path"
        case .text, .list: nil
        }
    }

    /// Returns the values in the file, or the default; of several lines of a single value the first counts.
    package func values(in settings: Settings) -> [String] {
        let own = settings.pluginLines.filter { $0.name == name }
        guard let first = own.first else {
            return standard.map { kind == .list ? SettingsLine.values(in: $0) : [$0] } ?? []
        }
        return kind == .list ? own.flatMap(\.line.values) : [first.text]
    }
}

extension Settings {
    /// Checks the lines of a directive that a plugin declares.
    package func check(_ directive: PluginDirective) throws(SkiffError) {
        for line in pluginLines where line.name == directive.name {
            if let demand = directive.demand(unmetBy: line.text) { throw line.problem(demand) }
        }
    }

    /// Whether a name is that of one of skiff's own directives.
    package static func isOwn(_ name: String) -> Bool {
        var search = NameSearch(name: name)
        var settings = Settings()
        // Looking at names cannot fail.
        try? settings.visit(&search)
        return search.isFound
    }
}

private struct NameSearch: SettingsVisitor {
    let name: String
    var isFound = false

    mutating func section(_ title: String) {}
    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) { look(name) }
    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) { look(name) }
    mutating func number(_ name: String, _ value: inout Int, _ comment: String) { look(name) }
    mutating func text(_ name: String, _ value: inout String, _ comment: String) { look(name) }
    mutating func list(_ name: String, _ value: inout [String], _ comment: String) { look(name) }
    private mutating func look(_ name: String) { if name == self.name { isFound = true } }
}
