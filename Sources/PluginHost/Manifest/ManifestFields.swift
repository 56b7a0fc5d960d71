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

    /// Takes a list whose items contain no blanks: separated by blanks or commas.
    mutating func words(_ key: String) -> [String] { Self.words(in: take(key)?.value ?? "") }

    static func words(in text: String) -> [String] {
        text.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x2C }.map { String(Substring($0)) }
    }

    /// Takes a list whose items may contain blanks: separated by commas.
    mutating func phrases(_ key: String) -> [String] { Self.phrases(in: take(key)?.value ?? "") }

    static func phrases(in text: String) -> [String] {
        text.split(separator: ",").compactMap { part in
            let words = part.split(separator: " ", omittingEmptySubsequences: true)
            return words.isEmpty ? nil : words.joined(separator: " ")
        }
    }

    mutating func bool(_ key: String) throws(ManifestError) -> Bool {
        guard let entry = take(key) else { return false }
        switch entry.value {
        case "yes": return true
        case "no": return false
        default: throw ManifestError(line: entry.line, reason: "\(key) is yes or no, not \(entry.value)")
        }
    }

    mutating func integer(_ key: String, _ range: ClosedRange<Int>) throws(ManifestError) -> Int? {
        guard let entry = take(key) else { return nil }
        guard let number = Int(entry.value), range.contains(number) else {
            throw ManifestError(
                line: entry.line, reason: "\(key) is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func choice<Choice: RawRepresentable<String>>(_ key: String, of type: Choice.Type)
        throws(ManifestError) -> Choice?
    {
        guard let entry = take(key) else { return nil }
        guard let choice = Choice(rawValue: entry.value) else {
            throw ManifestError(line: entry.line, reason: "\(key) cannot be \(entry.value)")
        }
        return choice
    }

    mutating func signature(_ key: String) throws(ManifestError) -> Signature? {
        guard let entry = take(key) else { return nil }
        guard let signature = Signature(entry.value) else {
            throw ManifestError(line: entry.line, reason: "\(entry.value) is not a signature")
        }
        return signature
    }

    /// Throws unless everything was taken: a key that is left is misspelled, or made for a newer skiff.
    func finish() throws(ManifestError) {
        guard let (key, entry) = rest.min(by: { $0.value.line < $1.value.line }) else { return }
        let place = block.name.isEmpty ? "" : " in [\(block.name)]"
        throw ManifestError(line: entry.line, reason: "unknown key \(key)\(place)")
    }
}
