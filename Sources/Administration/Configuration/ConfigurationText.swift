package import Base
package import Core
import Linux

/// The text of a configuration file of which one directive is changed; every other line stays as it is.
package struct ConfigurationText: Sendable {
    package enum Change: Sendable { case set, unset, reset }

    private let name: String
    private var lines: [[UInt8]]
    private let directives: [PluginDirective]

    /// - Parameters:
    ///   - name: of the file, for messages.
    ///   - directives: those that plugins declare.
    package init(_ bytes: [UInt8], name: String, directives: [PluginDirective]) {
        self.name = name
        self.directives = directives
        lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
        if lines.last?.isEmpty == true { lines.removeLast() }
    }

    package var bytes: [UInt8] { lines.flatMap { $0 + [UInt8(ascii: "\n")] } }

    private func settings() throws(SkiffError) -> Settings { try Settings(parsing: bytes, name: name) }

    private func plugin(_ directive: String) -> PluginDirective? { directives.first { $0.name == directive } }

    /// Returns what a directive is and what it says here.
    private func look(at directive: String) throws(SkiffError) -> (kind: DirectiveKind, values: [String]) {
        let settings = try settings()
        if let own = settings.directive(directive) { return own }
        if let plugin = plugin(directive) { return (plugin.directiveKind, plugin.values(in: settings)) }
        throw SkiffError("\"\(directive)\" is not a valid configuration directive")
    }

    /// Returns the values of a directive, or its default.
    package func values(of directive: String) throws(SkiffError) -> [String] { try look(at: directive).values }

    /// Returns the values without a line in the file.
    private func standard(_ directive: String) -> [String] {
        if let own = Settings().directive(directive) { return own.values }
        return plugin(directive).flatMap { try? Settings(parsing: [], name: name).pluginValues(of: $0) } ?? []
    }

    /// Changes a directive.
    /// - Parameter value: parts between commas for a list.
    package mutating func change(_ change: Change, _ directive: String, _ value: String) throws(SkiffError) {
        let (kind, present) = try look(at: directive)
        let given = kind == .list ? value.split(separator: ",").map(String.init) : value.isEmpty ? [] : [value]
        switch change {
        case .reset: put(standard(directive), directive, kind)
        case .set:
            guard !given.isEmpty else {
                throw SkiffError("you must specify a value for directive \"\(directive)\"")
            }
            try check(given, directive, kind)
            put(kind == .list ? given + present.filter { !given.contains($0) } : given, directive, kind)
        case .unset:
            for value in given.isEmpty ? [""] : given where !present.contains(value) {
                throw SkiffError("value '\(value)' not found for directive \"\(directive)\"")
            }
            let rest = present.filter { !given.contains($0) }
            put(kind == .list ? rest : standard(directive), directive, kind)
        }
        // Every command reads the file: one that none can read is never written.
        let settings = try settings()
        for directive in directives { try settings.check(directive) }
    }

    private func check(_ values: [String], _ directive: String, _ kind: DirectiveKind) throws(SkiffError) {
        let prefix = "configuration directive invalid: "
        for value in values {
            guard !value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw SkiffError(prefix + "a value is one line of text")
            }
            switch kind {
            case .flag where value != "yes" && value != "no":
                throw SkiffError(prefix + "value authorized for directive \"\(directive)\" are [yes no]")
            case .word(let words) where !words.contains(value):
                throw SkiffError(
                    prefix + "value authorized for directive '\(directive)' are [\(words.joined(separator: " "))]")
            case .number where Int32(value).map({ $0 >= 0 }) != true:
                throw SkiffError(prefix + "strconv.ParseUint: parsing \"\(value)\": invalid syntax")
            default: break
            }
        }
    }

    /// Puts the values in the place of the directive's first line, else behind its comment or at the end.
    private mutating func put(_ values: [String], _ directive: String, _ kind: DirectiveKind) {
        // A list without values is an empty line: one that is left out of an existing file is empty as well.
        let new = values.isEmpty ? ["\(directive) ="] : values.map { "\(directive) = \($0)" }
        let places = lines.indices.filter { Self.name(of: lines[$0]) == directive }
        let place = places.first ?? commented(directive).map { $0 + 1 } ?? lines.count
        for index in places.reversed() { lines.remove(at: index) }
        lines.insert(contentsOf: new.map(\.bytes), at: min(place, lines.count))
    }

    /// `#name = …`, which files have for directives that are not set.
    private func commented(_ directive: String) -> Int? {
        lines.lastIndex { line in
            let text = line.drop { $0 == 0x20 || $0 == 0x09 }
            return text.first == UInt8(ascii: "#") && Self.name(of: Array(text.dropFirst())) == directive
        }
    }

    /// The name of a `name = value` line, with one space between its words; nil for other lines.
    private static func name(of line: [UInt8]) -> String? {
        let text = line.drop { $0 == 0x20 || $0 == 0x09 }
        guard text.first != UInt8(ascii: "#"), let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return text[..<equals].split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }.map { String(bytes: Array($0)) }
            .joined(separator: " ")
    }
}

extension Settings {
    fileprivate func pluginValues(of directive: PluginDirective) -> [String] { directive.values(in: self) }
}
