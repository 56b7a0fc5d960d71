/// Takes the keys of one block, typed; what nobody took is an unknown key.
struct ManifestFields {
    private let block: ManifestBlock
    private var rest: [String: ManifestEntry]

    init(_ block: ManifestBlock) { (self.block, rest) = (block, block.entries) }

    /// The line of this block, for messages about missing keys.
    var line: Int { block.line }

    mutating func take(_ key: String) -> ManifestEntry? { rest.removeValue(forKey: key) }

    mutating func required(_ key: String) throws(ManifestError) -> ManifestEntry {
        guard let entry = take(key), !entry.value.isEmpty else {
            let place = block.name.isEmpty ? "the manifest" : "[\(block.name)]"
            throw ManifestError(line: line, reason: "\(place) needs \(key)")
        }
        return entry
    }

    mutating func text(_ key: String) -> String { take(key)?.value ?? "" }

    /// Takes a list: items between commas, without the blanks around them.
    mutating func list(_ key: String) throws(ManifestError) -> ManifestList {
        guard let entry = take(key) else { return ManifestList(line: line, items: []) }
        return try ManifestList(key, entry)
    }

    mutating func bool(_ key: String) throws(ManifestError) -> Bool {
        guard let entry = take(key) else { return false }
        switch entry.value {
        case "yes": return true
        case "no": return false
        default: throw entry.error("\(key) is yes or no, not \(entry.value)")
        }
    }

    mutating func integer(_ key: String, _ range: ClosedRange<Int>) throws(ManifestError) -> Int? {
        guard let entry = take(key) else { return nil }
        guard let number = Int(entry.value), range.contains(number) else {
            throw entry.error("\(key) is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func choice<Choice: RawRepresentable<String>>(_ key: String, of type: Choice.Type)
        throws(ManifestError) -> Choice?
    {
        guard let entry = take(key) else { return nil }
        guard let choice = Choice(rawValue: entry.value) else {
            throw entry.error("\(key) cannot be \(entry.value)")
        }
        return choice
    }

    mutating func signature(_ key: String) throws(ManifestError) -> Signature? {
        guard let entry = take(key) else { return nil }
        guard let signature = Signature(entry.value) else { throw entry.error("\(entry.value) is not a signature") }
        return signature
    }

    /// Throws unless everything was taken: a key that is left is misspelled, or made for a newer skiff. Keys with the mark
    /// of optional ones are left to those.
    func finish() throws(ManifestError) {
        let unknown = rest.filter { !$0.value.isOptional }
        guard let (key, entry) = unknown.min(by: { $0.value.line < $1.value.line }) else { return }
        let place = block.name.isEmpty ? "" : " in [\(block.name)]"
        throw ManifestError(line: entry.line, reason: "unknown key \(key)\(place)")
    }
}

/// Items between commas, with the line that has them.
struct ManifestList {
    let line: Int
    let items: [String]

    init(line: Int, items: [String]) { (self.line, self.items) = (line, items) }

    /// An item is not empty, and none is there twice; of several words it has one blank between them.
    init(_ key: String, _ entry: ManifestEntry) throws(ManifestError) {
        line = entry.line
        items = entry.value.isEmpty ? [] : Self.items(in: entry.value)
        if items.contains("") { throw entry.error("an item of \(key) is empty: items stand between commas") }
        if let twice = firstRepeated(items) { throw entry.error("\(key) has \(twice) twice") }
    }

    static func items(in text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            part.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
        }
    }

    /// Throws for the first item that is not as it must be.
    func check(_ isRight: (String) -> Bool, _ reason: (String) -> String) throws(ManifestError) {
        guard let wrong = items.first(where: { !isRight($0) }) else { return }
        let hint = wrong.contains(" ") ? "; items stand between commas" : ""
        throw ManifestError(line: line, reason: reason(wrong) + hint)
    }
}

extension ManifestEntry {
    /// An error at the place of the value.
    func error(_ reason: String) -> ManifestError { ManifestError(line: line, column: column, reason: reason) }
}
