package import Base

/// One `key = value` line.
struct ManifestEntry {
    let line: Int
    let value: String
}

/// One block: the part before the first bracket (name empty), or what follows a `[name]` line.
struct ManifestBlock {
    let name: String
    let line: Int
    var entries: [String: ManifestEntry] = [:]
}

/// Why a manifest cannot be used, with the line; line 0 means the file as a whole.
package struct ManifestError: Error, Equatable {
    package let line: Int
    package let reason: String

    package init(line: Int, reason: String) { (self.line, self.reason) = (line, reason) }

    package func described(in file: String) -> SkiffError {
        let place = line > 0 ? "line \(line): " : ""
        return SkiffError("cannot use plugin manifest \(file): \(place)\(reason)")
    }
}

/// The lines of a manifest as blocks of keys: `key = value`, `[block]`, `#` comments, blank lines; UTF-8 without NUL.
///
/// Lines end with a newline, or carriage return and newline. Nothing is quoted or continued: a value is the rest of its
/// line without the blanks around it.
func manifestBlocks(_ bytes: [UInt8]) throws(ManifestError) -> [ManifestBlock] {
    guard bytes.count <= 1 << 16 else { throw ManifestError(line: 0, reason: "longer than 64 KiB") }
    var blocks = [ManifestBlock(name: "", line: 1)]
    var number = 0
    for raw in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        number += 1
        let trimmed = trimmedLine(raw)
        guard let first = trimmed.first, first != UInt8(ascii: "#") else { continue }
        guard !trimmed.contains(0), let line = String(validating: trimmed, as: UTF8.self) else {
            throw ManifestError(line: number, reason: "not UTF-8 text")
        }
        if first == UInt8(ascii: "[") {
            guard line.utf8.last == UInt8(ascii: "]"), line.utf8.count > 2 else {
                throw ManifestError(line: number, reason: "a block is written [name]")
            }
            blocks.append(ManifestBlock(name: String(line.dropFirst().dropLast()), line: number))
            continue
        }
        guard let equals = trimmed.firstIndex(of: UInt8(ascii: "=")) else {
            throw ManifestError(line: number, reason: "expected key = value")
        }
        let key = String(decoding: trimmedLine(trimmed[..<equals]), as: UTF8.self)
        let value = String(decoding: trimmedLine(trimmed[trimmed.index(after: equals)...]), as: UTF8.self)
        guard !key.isEmpty else { throw ManifestError(line: number, reason: "expected key = value") }
        let last = blocks.count - 1
        if let earlier = blocks[last].entries[key] {
            throw ManifestError(line: number, reason: "\(key) was given in line \(earlier.line) already")
        }
        blocks[last].entries[key] = ManifestEntry(line: number, value: value)
    }
    return blocks
}

/// Returns the line without surrounding blanks, and without a carriage return at its end.
func trimmedLine(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    var rest = bytes.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
}
