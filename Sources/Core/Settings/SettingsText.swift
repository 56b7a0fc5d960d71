package import Base

extension Settings {
    /// Returns a configuration file that says the same as this value, with a comment for each directive.
    ///
    /// - Parameter directives: those that plugins declare.
    package func text(_ directives: [PluginDirective] = []) throws(SkiffError) -> String {
        var writer = SettingsWriter()
        var copy = self
        try copy.visit(&writer)
        for directive in directives { writer.plugin(directive, self) }
        writer.others(pluginLines)
        return writer.text
    }
}

/// Writes every directive with its comment. An empty value is one that is not set.
private struct SettingsWriter: SettingsVisitor {
    private var written: Set<String> = []
    private(set) var text = """
        # Configuration of skiff, read by every command. Directives and values are those of apptainer.conf.
        # A value that a directive does not take stops every command. Lines that are left out mean the
        # default; lists that are left out are empty.

        """

    mutating func section(_ title: String) { text += "\n## \(title)\n" }

    private mutating func write(_ name: String, _ values: [String], _ comment: String) {
        written.insert(name)
        text += "\n# \(comment)\n"
        for value in values.isEmpty ? [""] : values { text += value.isEmpty ? "\(name) =\n" : "\(name) = \(value)\n" }
    }

    /// The plugin of the section that is being written.
    private var plugin = ""

    /// Writes a directive of a plugin. Its default is a comment, since a launch asks the manifests about other lines; only a
    /// switch that is off costs nothing.
    mutating func plugin(_ directive: PluginDirective, _ settings: Settings) {
        if written.contains(directive.name) { return }
        if directive.plugin != plugin { section("Plugin \(directive.plugin)") }
        plugin = directive.plugin
        let own = settings.pluginLines.filter { $0.name == directive.name }.map(\.text)
        let isSwitch = directive.name.hasPrefix(PluginDirective.switchPrefix)
        if own.isEmpty && !isSwitch {
            written.insert(directive.name)
            text +=
                "\n# \(directive.comment)\n#\(directive.name) = \(directive.standard ?? "")".withoutBlankAtEnd + "\n"
        } else {
            write(directive.name, own.isEmpty ? [directive.standard ?? "no"] : own, directive.comment)
        }
    }

    /// Lines that nobody declares stay as they are.
    mutating func others(_ lines: [PluginLine]) {
        let others = lines.filter { !written.contains($0.name) }
        if !others.isEmpty { section("Known neither to skiff nor to an installed plugin") }
        for line in others { text += "\n\(line.name) = \(line.text)\n" }
    }

    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) {
        write(name, [value ? "yes" : "no"], comment)
    }
    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) {
        let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
        write(name, [value.rawValue], "\(comment) [\(words)]")
    }
    mutating func number(_ name: String, _ value: inout Int, _ comment: String) {
        write(name, [String(value)], comment)
    }
    mutating func text(_ name: String, _ value: inout String, _ comment: String) { write(name, [value], comment) }
    mutating func list(_ name: String, _ value: inout [String], _ comment: String) { write(name, value, comment) }
}

extension String {
    fileprivate var withoutBlankAtEnd: String { hasSuffix(" ") ? String(dropLast()) : self }
}
