/// A path as raw bytes. Linux promises no encoding, and a `String` would repair bytes that are not UTF-8: the result
/// names another file.
///
/// A path that holds a NUL names nothing; each call refuses it with `EINVAL`.
package protocol BytePath: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    var bytes: [UInt8] { get }
    init(_ bytes: [UInt8])
}

extension BytePath {
    package init(_ text: String) { self.init(text.bytes) }
    package init(stringLiteral text: String) { self.init(text.bytes) }

    package var isAbsolute: Bool { bytes.first == ASCII.slash }
    package var isEmpty: Bool { bytes.isEmpty }

    /// The names between the slashes; doubled slashes and `.` do not count, `..` does.
    package var components: [[UInt8]] {
        bytes.split(separator: ASCII.slash).filter { !$0.elementsEqual(CollectionOfOne(ASCII.dot)) }.map { Array($0) }
    }

    /// The path without its last component: `/a/b` → `/a`, `/a` → `/`, `a/b` → `a`; nil for `a`, `/` and "".
    package var parent: Self? {
        var end = bytes.endIndex
        while end > 1, bytes[end - 1] == ASCII.slash { end -= 1 }
        guard end > 0, let slash = bytes[..<end].lastIndex(of: ASCII.slash), !(slash == 0 && end == 1) else {
            return nil
        }
        var cut = slash
        while cut > 0, bytes[cut - 1] == ASCII.slash { cut -= 1 }
        return Self(cut == 0 ? [ASCII.slash] : Array(bytes[..<cut]))
    }

    /// The last component: `/a/b` and `/a/b/` → `b`; empty for `/` and the empty path.
    package var lastName: [UInt8] { bytes.split(separator: ASCII.slash).last.map { Array($0) } ?? [] }

    /// Returns the path of `name` in the directory that this path is; a slash that `name` begins with adds nothing.
    package func appending(_ name: some Collection<UInt8>) -> Self {
        let rest = name.drop { $0 == ASCII.slash }
        if bytes.isEmpty { return Self(Array(name)) }
        return Self(bytes.last == ASCII.slash ? bytes + rest : bytes + [ASCII.slash] + rest)
    }

    package func appending(_ name: String) -> Self { appending(name.bytes) }

    /// The path without doubled slashes, `.` and each `..` that follows a known name. Only the text is cleaned: where a
    /// name is a symbolic link, the kernel's `..` leads elsewhere. An absolute path never leads above `/`; a relative
    /// one keeps the `..` that it begins with. The empty path becomes `.`.
    package var cleaned: Self { Self(cleanedPath(bytes)) }

    /// Returns whether this path is `other` or lies below it, compared by whole components: `/devil` does not lie in
    /// `/dev`. Both are compared as text: neither is looked up, so clean them first.
    package func lies(in other: Self) -> Bool {
        guard isAbsolute == other.isAbsolute else { return false }
        let (own, outer) = (components, other.components)
        return own.count >= outer.count && own.prefix(outer.count).elementsEqual(outer)
    }

    /// For messages: control characters and bytes that are not UTF-8 are written as `\xNN`.
    package var description: String { printableText(bytes) }
}

private func cleanedPath(_ bytes: [UInt8]) -> [UInt8] {
    let isAbsolute = bytes.first == ASCII.slash
    var names: [ArraySlice<UInt8>] = []
    for name in bytes.split(separator: ASCII.slash) {
        switch name.elsewhere {
        case .here: continue
        case .above:
            if let last = names.last, last.elsewhere != .above {
                names.removeLast()
            } else if !isAbsolute {
                names.append(name)
            }
        case .no: names.append(name)
        }
    }
    if names.isEmpty { return [isAbsolute ? ASCII.slash : ASCII.dot] }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for name in names {
        if isAbsolute || !result.isEmpty { result.append(ASCII.slash) }
        result.append(contentsOf: name)
    }
    return result
}

private enum Elsewhere { case no, here, above }

extension ArraySlice<UInt8> {
    fileprivate var elsewhere: Elsewhere {
        guard count <= 2, first == ASCII.dot else { return .no }
        if count == 1 { return .here }
        return last == ASCII.dot ? .above : .no
    }
}

/// Returns bytes as text that a terminal shows but does not obey: control characters and bytes that are not UTF-8 are
/// written as `\xNN`.
package func printableText(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    var rest = bytes.makeIterator()
    var decoder = UTF8()
    // A quick way for nearly all names.
    if bytes.allSatisfy({ $0 < 0x80 && !ASCII.isControl($0) }) { return String(decoding: bytes, as: UTF8.self) }
    if String(validating: bytes, as: UTF8.self) == nil {
        for byte in bytes {
            text += byte < 0x80 && !ASCII.isControl(byte) ? String(UnicodeScalar(byte)) : escaped(byte)
        }
        return text
    }
    while case .scalarValue(let scalar) = decoder.decode(&rest) {
        // C1 controls are two bytes in UTF-8, and some terminals obey them.
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        if isControl {
            for byte in UTF8.encode(scalar) ?? .init([]) { text += escaped(byte) }
        } else {
            text.unicodeScalars.append(scalar)
        }
    }
    return text
}

private func escaped(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
}
