/// Breaks text to stand in a column next to the names of flags, as the help of Apptainer (pflag) does.
///
/// A line may exceed the aim by five characters when that ends the text, so that no short word is left alone. Lengths
/// are counted in bytes.
/// - Parameters:
///   - indent: the column of the text; the caller indents the first line.
///   - width: the width of the whole line.
func wrapped(_ text: String, indent: Int, width: Int) -> String {
    let narrowest = 24
    let orphan = 5
    var column = indent
    var result = ""
    if width - column < narrowest {
        column = 16
        result = "\n" + String(repeating: " ", count: column)
    }
    guard width - column >= narrowest else { return text }
    let aim = width - column - orphan
    var rest = Array(text.utf8)[...]
    var isFirst = true
    repeat {
        let line = takeLine(&rest, aim: aim, orphan: orphan)
        if !isFirst { result += "\n" + String(repeating: " ", count: column) }
        isFirst = false
        for piece in line.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if piece.offset > 0 { result += "\n" + String(repeating: " ", count: column) }
            result += String(decoding: piece.element, as: UTF8.self)
        }
    } while !rest.isEmpty
    return result
}

/// Takes text up to the last space within `aim` bytes, or up to a line break before it.
private func takeLine(_ rest: inout ArraySlice<UInt8>, aim: Int, orphan: Int) -> ArraySlice<UInt8> {
    guard rest.count >= aim + orphan else {
        let line = rest
        rest = []
        return line
    }
    let window = rest.prefix(aim)
    guard let space = window.lastIndex(where: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A }), space > rest.startIndex
    else {
        let line = rest
        rest = []
        return line
    }
    var cut = space
    if let lineBreak = window.lastIndex(of: 0x0A), lineBreak > rest.startIndex, lineBreak < space { cut = lineBreak }
    let line = rest[..<cut]
    rest = rest[(cut + 1)...]
    return line
}
