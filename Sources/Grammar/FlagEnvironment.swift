/// The variables that may stand for flags, picked out of the whole environment in one pass (Docs/spec/cli.md §1.3).
///
/// `SKIFF_K` comes before `APPTAINER_K`, and that before `SINGULARITY_K`; a variable that is set counts even when its
/// value is empty.
package struct FlagEnvironment: Sendable {
    /// A prefix of variable names, the strongest first.
    package enum Prefix: Int, Sendable, CaseIterable {
        case skiff, apptainer, singularity, none

        var text: String {
            switch self {
            case .skiff: "SKIFF_"
            case .apptainer: "APPTAINER_"
            case .singularity: "SINGULARITY_"
            case .none: ""
            }
        }
    }

    /// A variable, with its name without the prefix.
    struct Variable: Sendable {
        var prefix: Prefix
        var key: String
        var value: String
        var name: String { prefix.text + key }
    }

    private(set) var variables: [Variable] = []

    /// - Parameter strings: `NAME=value` each, as environ(7) has them; the first of equal names counts.
    package init(_ strings: [String]) {
        for string in strings {
            guard let prefix = Self.prefix(of: string.utf8),
                let equals = string.utf8.firstIndex(of: UInt8(ascii: "="))
            else { continue }
            let start = string.utf8.index(string.startIndex, offsetBy: prefix.text.utf8.count)
            guard start <= equals else { continue }
            let key = String(string[start..<equals])
            if prefix == .none, !Self.unprefixed.contains(key) { continue }
            if variables.contains(where: { $0.prefix == prefix && $0.key == key }) { continue }
            let value = String(string[string.utf8.index(after: equals)...])
            variables.append(Variable(prefix: prefix, key: key, value: value))
        }
    }

    /// The four that are also read without a prefix, since Docker's tools set them.
    private static let unprefixed = ["DOCKER_USERNAME", "DOCKER_PASSWORD", "DOCKER_HOST", "BUILDKIT_HOST"]

    private static func prefix(of string: String.UTF8View) -> Prefix? {
        switch string.first {
        case UInt8(ascii: "S"):
            if string.starts(with: Prefix.skiff.text.utf8) { return .skiff }
            return string.starts(with: Prefix.singularity.text.utf8) ? .singularity : nil
        case UInt8(ascii: "A"): return string.starts(with: Prefix.apptainer.text.utf8) ? .apptainer : nil
        case UInt8(ascii: "D"), UInt8(ascii: "B"): return Prefix.none
        default: return nil
        }
    }

    /// Returns the variable that counts for `key`, and adds what must be said about the others.
    func lookup(_ key: String, notes: inout [Invocation.Note]) -> Variable? {
        var found: Variable?
        for prefix in Prefix.allCases {
            guard let variable = variables.first(where: { $0.prefix == prefix && $0.key == key }) else { continue }
            guard let chosen = found else {
                found = variable
                continue
            }
            if prefix != .none, chosen.value != variable.value {
                let text = "\(variable.name) and \(chosen.name) have different values, using the latter"
                notes.append(.init(level: .warning, text: text))
            }
        }
        if let found, found.prefix == .singularity {
            let text = "Environment variable \(found.name) is set, but APPTAINER_\(key) is preferred"
            notes.append(.init(level: .info, text: text))
        }
        return found
    }

    /// Returns the value of a variable that stands for no flag, such as `MESSAGELEVEL`.
    func value(_ key: String) -> String? {
        var notes: [Invocation.Note] = []
        return lookup(key, notes: &notes)?.value
    }

    /// Keys of set variables that may stand for a flag that is not known yet.
    var keys: [String] {
        var result: [String] = []
        for variable in variables where variable.prefix != .none && !Self.plain.contains(variable.key) {
            if !result.contains(variable.key) { result.append(variable.key) }
        }
        return result
    }

    /// Variables that are often set and never stand for a flag of a plugin: no manifest is read for them.
    private static let plain = [
        "MESSAGELEVEL", "CACHEDIR", "CONFIGDIR", "KEYSDIR", "TMPDIR", "ENCRYPTION_PASSPHRASE", "ENCRYPTION_PEM_PATH",
        "ENCRYPTION_PEM_DATA", "CONTAINER", "NAME", "ENVIRONMENT", "COMMAND", "PROGRAM", "NOCOLOR",
    ]
}

/// Returns whether a text has only white space; such a value counts as not given.
func isBlank(_ text: String) -> Bool { text.unicodeScalars.allSatisfy { $0.properties.isWhitespace } }

/// Turns `a , b` into `a,b`: variables may have spaces around the commas of a list.
func withoutSpacesAtCommas(_ text: String) -> String {
    text.split(separator: ",", omittingEmptySubsequences: false).map { part in
        var scalars = part.unicodeScalars
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }.joined(separator: ",")
}
