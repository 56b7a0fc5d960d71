import Base

/// A JSON object of an image, read member by member. As in Go, unknown members are ignored and null counts as absent; a
/// member of the wrong type is an error.
struct OCIDocument {
    let json: JSONText
    /// `image index`: for messages.
    let name: String

    /// The largest document in bytes; registries refuse manifests of more than 4 MiB.
    static let largest = 16 << 20

    init(_ bytes: [UInt8], _ name: String) throws(SkiffError) {
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(bytes)
        } catch {
            throw SkiffError("cannot read the \(name): \(error)")
        }
        self.name = name
        guard case .object = json else { throw SkiffError("cannot read the \(name): it is no object") }
    }

    private init(_ json: JSONText, _ name: String) { (self.json, self.name) = (json, name) }

    func wrong(_ member: String, _ wanted: String) -> SkiffError {
        SkiffError("cannot read the \(name): \(member) is no \(wanted)")
    }

    private func value(_ member: String) -> JSONText? {
        guard let value = json[member], value != .null else { return nil }
        return value
    }

    /// Returns whether the object has the member, even if it is null.
    func has(_ member: String) -> Bool { json[member] != nil }

    func text(_ member: String) throws(SkiffError) -> String? {
        guard let value = value(member) else { return nil }
        guard let text = value.stringValue else { throw wrong(member, "text") }
        return text
    }

    func number(_ member: String) throws(SkiffError) -> Int64? {
        guard let value = value(member) else { return nil }
        guard case .integer(let number) = value else { throw wrong(member, "number") }
        return number
    }

    func object(_ member: String) throws(SkiffError) -> OCIDocument? {
        guard let value = value(member) else { return nil }
        guard case .object = value else { throw wrong(member, "object") }
        return OCIDocument(value, name)
    }

    func objects(_ member: String) throws(SkiffError) -> [OCIDocument] {
        guard let value = value(member) else { return [] }
        guard case .array(let elements) = value else { throw wrong(member, "list") }
        var result: [OCIDocument] = []
        for element in elements {
            guard case .object = element else { throw wrong(member, "list of objects") }
            result.append(OCIDocument(element, name))
        }
        return result
    }

    func texts(_ member: String) throws(SkiffError) -> [String] {
        guard let value = value(member) else { return [] }
        // Old Docker configs have a single text here.
        if let text = value.stringValue { return [text] }
        guard case .array(let elements) = value else { throw wrong(member, "list") }
        var result: [String] = []
        for element in elements {
            guard let text = element.stringValue else { throw wrong(member, "list of texts") }
            result.append(text)
        }
        return result
    }

    /// Returns names and values in order; the last of equal names counts.
    func pairs(_ member: String) throws(SkiffError) -> [(name: String, value: String)] {
        guard let value = value(member) else { return [] }
        guard case .object(let members) = value else { throw wrong(member, "object") }
        var result: [(name: String, value: String)] = []
        for member in members {
            guard let text = member.value.stringValue else { throw wrong(member.name, "text") }
            result.removeAll { $0.name == member.name }
            result.append((member.name, text))
        }
        return result
    }

    /// Returns the member as Go writes it with `omitempty`: nil for null, false, and an empty text, list or object.
    func kept(_ member: String) -> JSONText? {
        switch value(member) {
        case nil, .string(""), .array([]), .object([]), .bool(false): nil
        case .object(let members):
            .object(members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) })
        case let value: value
        }
    }
}
