package import Base

/// One `key = value` line.
struct ManifestEntry {
    let line: Int
    /// Where the value begins, in bytes from 1.
    let column: Int
    let value: String
    /// Whether a host that does not know the key may skip it: `?key = value`.
    let isOptional: Bool
}

/// One block: the part before the first bracket (name empty), or what follows a `[name]` line.
struct ManifestBlock {
    let name: String
    let line: Int
    /// `[?name]`.
    var isOptional = false
    var entries: [String: ManifestEntry] = [:]
}

/// Why a manifest cannot be used, with the place; line 0 means the file as a whole, column 0 the whole line.
package struct ManifestError: Error, Equatable {
    package let line: Int
    package let column: Int
    package let reason: String

    package init(line: Int, column: Int = 0, reason: String) {
        (self.line, self.column, self.reason) = (line, column, reason)
    }

    package func described(in file: String) -> SkiffError {
        let place = line == 0 ? "" : column == 0 ? "line \(line): " : "line \(line), column \(column): "
        return SkiffError("cannot use plugin manifest \(file): \(place)\(reason)")
    }
}

/// The longest manifest, in bytes.
let manifestLimit = 1 << 16

/// The lines of a manifest as blocks of keys: `key = value`, `[block]`, `#` comments, blank lines; UTF-8 without control
/// characters other than tabs.
///
/// Lines end with a newline, or carriage return and newline. Nothing is quoted or continued: a value is the rest of its
/// line without the blanks around it.
func manifestBlocks(_ bytes: [UInt8]) throws(ManifestError) -> [ManifestBlock] {
    guard bytes.count <= manifestLimit else { throw ManifestError(line: 0, reason: "longer than 64 KiB") }
    guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
        throw ManifestError(line: 1, column: 1, reason: "a byte order mark, which does not belong here")
    }
    var blocks = [ManifestBlock(name: "", line: 1)]
    var number = 0
    for raw in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        number += 1
        let trimmed = trimmedLine(raw)
        guard let first = trimmed.first, first != UInt8(ascii: "#") else { continue }
        try refuseControlCharacters(trimmed, in: raw, number)
        if first == UInt8(ascii: "[") {
            blocks.append(try ManifestBlock(trimmed, line: number))
            continue
        }
        guard let equals = trimmed.firstIndex(of: UInt8(ascii: "=")) else {
            throw ManifestError(line: number, reason: "expected key = value")
        }
        var name = trimmedLine(trimmed[..<equals])
        let isOptional = name.first == optionalMark
        if isOptional { name = trimmedLine(name.dropFirst()) }
        guard !name.isEmpty else { throw ManifestError(line: number, reason: "expected key = value") }
        let key = String(decoding: name, as: UTF8.self)
        let value = trimmedLine(trimmed[trimmed.index(after: equals)...])
        let last = blocks.count - 1
        if let earlier = blocks[last].entries[key] {
            throw ManifestError(line: number, reason: "\(key) was given in line \(earlier.line) already")
        }
        blocks[last].entries[key] = ManifestEntry(
            line: number, column: value.startIndex - raw.startIndex + 1, value: String(decoding: value, as: UTF8.self),
            isOptional: isOptional)
    }
    return blocks
}

let optionalMark = UInt8(ascii: "?")

extension ManifestBlock {
    fileprivate init(_ line: ArraySlice<UInt8>, line number: Int) throws(ManifestError) {
        var name = line.dropFirst()
        guard name.popLast() == UInt8(ascii: "]") else {
            throw ManifestError(line: number, reason: "a block is written [name]")
        }
        let isOptional = name.first == optionalMark
        if isOptional { name = name.dropFirst() }
        guard !name.isEmpty else { throw ManifestError(line: number, reason: "a block is written [name]") }
        self.init(name: String(decoding: name, as: UTF8.self), line: number, isOptional: isOptional)
    }
}

/// Text of a manifest is shown in lists and messages, where a control character would change what people see.
private func refuseControlCharacters(_ line: ArraySlice<UInt8>, in raw: ArraySlice<UInt8>, _ number: Int)
    throws(ManifestError)
{
    var isASCII = true
    for index in line.indices {
        let byte = line[index]
        if byte >= 0x80 { isASCII = false }
        guard (byte < 0x20 && byte != 0x09) || byte == 0x7F else { continue }
        let what =
            switch byte {
            case 0: "a NUL byte"
            case 0x0D: "a carriage return inside of the line"
            default: "a control character"
            }
        throw ManifestError(line: number, column: index - raw.startIndex + 1, reason: what)
    }
    if isASCII { return }
    guard let text = String(validating: line, as: UTF8.self) else {
        throw ManifestError(line: number, reason: "not UTF-8 text")
    }
    guard text.printable == text else {
        throw ManifestError(line: number, reason: "a control character, or a mark of the writing direction")
    }
}

/// Returns the line without surrounding blanks, and without a carriage return at its end.
func trimmedLine(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = bytes
    if rest.last == 0x0D { rest.removeLast() }
    rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
    while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
    return rest
}
