import Base
import Linux

/// A value of config.json with its place, such as `mounts[3].options`. What is not understood is refused by its place: nothing
/// that was asked for is left out unnoticed.
struct ConfigurationNode {
    let json: JSONText
    /// Empty for the whole document.
    let place: String
    /// The name of the file, for messages.
    let file: String

    /// - Throws: for JSON that is not whole, with line and column.
    init(parsing bytes: [UInt8], file: String) throws(SkiffError) {
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(bytes)
        } catch {
            let before = bytes.prefix(error.offset)
            let line = before.count { $0 == ASCII.newline } + 1
            let column = before.count - (before.lastIndex(of: ASCII.newline).map { $0 + 1 } ?? 0) + 1
            throw SkiffError("cannot use \(file), line \(line), column \(column): it must have \(error.expected) there")
        }
        (place, self.file) = ("", file)
    }

    private init(_ json: JSONText, _ place: String, _ file: String) {
        (self.json, self.place, self.file) = (json, place, file)
    }

    func refusal(_ reason: String, hint: String? = nil) -> SkiffError {
        SkiffError("cannot use \(file): \(place.isEmpty ? "" : place + ": ")\(reason)", hint: hint)
    }

    // MARK: - objects

    /// Returns a member; nil where it is missing or null.
    func member(_ name: String) -> ConfigurationNode? {
        guard let value = json[name], value != .null else { return nil }
        return ConfigurationNode(value, place.isEmpty ? name : place + "." + name, file)
    }

    func needed(_ name: String) throws(SkiffError) -> ConfigurationNode {
        guard let found = member(name) else { throw refusal("\(name) is missing") }
        return found
    }

    /// Refuses anything but an object with these members.
    /// - Parameter refused: those that the specification has, with the reason why they cannot be had.
    func check(_ known: [String], refused: [String: String] = [:]) throws(SkiffError) {
        guard case .object(let members) = json else { throw refusal("it must be an object") }
        var seen: Set<String> = []
        for entry in members {
            guard let node = member(entry.name) else { continue }
            guard seen.insert(entry.name).inserted else { throw node.refusal("it stands twice") }
            if known.contains(entry.name) { continue }
            if let reason = refused[entry.name] { throw node.refusal(reason) }
            throw node.refusal("it is not known, and would have no effect")
        }
    }

    func members() throws(SkiffError) -> [(name: String, node: ConfigurationNode)] {
        guard case .object(let members) = json else { throw refusal("it must be an object") }
        return members.map { ($0.name, ConfigurationNode($0.value, place + "." + $0.name, file)) }
    }

    func list() throws(SkiffError) -> [ConfigurationNode] {
        guard case .array(let values) = json else { throw refusal("it must be a list") }
        return values.enumerated().map { ConfigurationNode($0.element, "\(place)[\($0.offset)]", file) }
    }

    // MARK: - values

    func bool() throws(SkiffError) -> Bool {
        guard case .bool(let value) = json else { throw refusal("it must be true or false") }
        return value
    }

    /// - Throws: for a text with NUL as well, which no system call takes.
    func text() throws(SkiffError) -> String {
        guard case .string(let value) = json else { throw refusal("it must be a text") }
        guard !value.utf8.contains(0) else { throw refusal("it must not hold a NUL") }
        return value
    }

    func number(_ range: ClosedRange<Int64> = .min ... .max) throws(SkiffError) -> Int64 {
        guard case .integer(let value) = json else { throw refusal("it must be a whole number") }
        guard range.contains(value) else {
            throw refusal("\(value) is out of range: \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func id() throws(SkiffError) -> UInt32 {
        // The last number is the kernel's word for "unchanged"; setresuid(2).
        UInt32(truncatingIfNeeded: try number(0...Int64(UInt32.max) - 1))
    }

    func texts() throws(SkiffError) -> [String] {
        try list().map { (node) throws(SkiffError) in try node.text() }
    }

    /// An absolute path in the container, without `..` that leads above it.
    func containerPath() throws(SkiffError) -> String {
        let path = try text()
        guard path.utf8.first == ASCII.slash else { throw refusal("'\(path)' must be an absolute path") }
        return absolutePath(path, in: "/")
    }
}

extension ConfigurationNode? {
    func flag() throws(SkiffError) -> Bool {
        guard let self else { return false }
        return try self.bool()
    }

    func texts() throws(SkiffError) -> [String] {
        guard let self else { return [] }
        return try self.texts()
    }

    func list() throws(SkiffError) -> [ConfigurationNode] {
        guard let self else { return [] }
        return try self.list()
    }
}
