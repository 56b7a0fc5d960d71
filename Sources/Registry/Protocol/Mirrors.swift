package import Base
import Core
import Linux

/// Mirrors of registries, from registries.conf(5) of the containers tools.
package struct Mirrors: Sendable, Equatable {
    package struct Endpoint: Sendable, Equatable {
        /// `host[:port][/path]`.
        package var location: String
        package var isInsecure: Bool

        package init(location: String, isInsecure: Bool) { (self.location, self.isInsecure) = (location, isInsecure) }
    }

    struct Entry: Sendable, Equatable {
        var prefix = ""
        var location = ""
        var isInsecure = false
        var isBlocked = false
        var mirrors: [Endpoint] = []
    }

    private(set) var entries: [Entry] = []

    package init() {}

    /// Reads the file that `CONTAINERS_REGISTRIES_CONF` names, else the user's, else the system's.
    package static func load() throws(SkiffError) -> Mirrors {
        let user = ConfigurationDirectory.home + "/.config/containers/registries.conf"
        let files =
            environmentValue("CONTAINERS_REGISTRIES_CONF").map { [$0] } ?? [user, "/etc/containers/registries.conf"]
        for file in files {
            let place: ConfigurationFile.Place = file == user ? .user : .administrator
            guard let bytes = try ConfigurationFile(file, place).read(limit: 1 << 20) else { continue }
            return try Mirrors(parsing: String(decoding: bytes, as: UTF8.self), name: file)
        }
        return Mirrors()
    }

    /// Reads the tables `registry` and `registry.mirror`; everything else of the file is for other programs.
    package init(parsing text: String, name: String) throws(SkiffError) {
        var table = ""
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = Self.uncommented(line)
            if line.isEmpty { continue }
            if line.hasPrefix("[") {
                table = line.filter { !$0.isWhitespace }
                if table == "[[registry]]" { entries.append(Entry()) }
                if table == "[[registry.mirror]]", !entries.isEmpty {
                    entries[entries.count - 1].mirrors.append(Endpoint(location: "", isInsecure: false))
                }
                continue
            }
            guard let equals = line.firstIndex(of: "="), table == "[[registry]]" || table == "[[registry.mirror]]"
            else {
                continue
            }
            let key = Self.trimmed(line[..<equals])
            guard let value = Self.value(Self.trimmed(line[line.index(after: equals)...])) else {
                throw SkiffError(
                    "cannot read \(name): line \(number + 1): the value of \(key) is no text and no boolean")
            }
            set(key, value, inMirror: table == "[[registry.mirror]]")
        }
        entries.removeAll { ($0.prefix.isEmpty && $0.location.isEmpty) }
        for index in entries.indices { entries[index].mirrors.removeAll { $0.location.isEmpty } }
    }

    private mutating func set(_ key: String, _ value: String, inMirror: Bool) {
        guard let last = entries.indices.last else { return }
        if inMirror, let mirror = entries[last].mirrors.indices.last {
            if key == "location" { entries[last].mirrors[mirror].location = value }
            if key == "insecure" { entries[last].mirrors[mirror].isInsecure = value == "true" }
            return
        }
        switch key {
        case "prefix": entries[last].prefix = value
        case "location": entries[last].location = value
        case "insecure": entries[last].isInsecure = value == "true"
        case "blocked": entries[last].isBlocked = value == "true"
        default: break
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// Returns a line without its comment; a `#` in quotes does not begin one.
    private static func uncommented(_ line: Substring) -> String {
        var quote: Character?
        for index in line.indices {
            let letter = line[index]
            if letter == quote { quote = nil } else if quote == nil, letter == "\"" || letter == "'" { quote = letter }
            if letter == "#", quote == nil { return trimmed(line[..<index]) }
        }
        return trimmed(line)
    }

    private static func value(_ text: String) -> String? {
        for quote in ["\"", "'"] where text.hasPrefix(quote) && text.hasSuffix(quote) && text.count > 1 {
            return String(text.dropFirst().dropLast())
        }
        // Numbers and lists belong to members that are not used here.
        return text == "true" || text == "false" || text.hasPrefix("[") || Int(text) != nil ? text : nil
    }

    /// Returns the places to ask for an image, the best first; the registry itself is the last.
    ///
    /// - Throws: when the administrator blocked it.
    package func endpoints(for reference: RegistryReference) throws(SkiffError) -> [(
        reference: RegistryReference, isInsecure: Bool, isOriginal: Bool
    )] {
        let name = reference.registry + "/" + reference.repository
        let matching = entries.filter { entry in
            let prefix = entry.prefix.isEmpty ? entry.location : entry.prefix
            return name == prefix || name.hasPrefix(prefix + "/")
        }
        guard let entry = matching.max(by: { Self.length($0) < Self.length($1) }) else {
            return [(reference, false, true)]
        }
        if entry.isBlocked { throw SkiffError("cannot use \(reference): registries.conf blocks \(reference.registry)") }
        let prefix = entry.prefix.isEmpty ? entry.location : entry.prefix
        func moved(_ location: String) throws(SkiffError) -> RegistryReference {
            var moved = reference
            let target = location + name.dropFirst(prefix.count)
            guard let slash = target.firstIndex(of: "/") else { return reference }
            moved.registry = String(target[..<slash])
            moved.repository = String(target[target.index(after: slash)...])
            return moved
        }
        var result: [(reference: RegistryReference, isInsecure: Bool, isOriginal: Bool)] = []
        for mirror in entry.mirrors { result.append((try moved(mirror.location), mirror.isInsecure, false)) }
        let isMoved = !entry.location.isEmpty && entry.location != prefix
        result.append((isMoved ? try moved(entry.location) : reference, entry.isInsecure, !isMoved))
        return result
    }

    private static func length(_ entry: Entry) -> Int {
        entry.prefix.isEmpty ? entry.location.utf8.count : entry.prefix.utf8.count
    }
}
