/// The C shape of a handler as text: result, colon, parameter letters; `skiff/cli.h` says what each letter means.
package struct Signature: Sendable, Equatable, CustomStringConvertible {
    /// As written, known to be well formed.
    package let description: String
    /// `i` (a status) or `v` (nothing).
    package let result: UInt8
    /// Letters out of `ciulLbspSBfFhx`, at most twelve.
    package let parameters: [UInt8]

    /// - Returns: nil when `text` is not a signature.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.count <= 2 + Self.limit, bytes[1] == UInt8(ascii: ":") else { return nil }
        guard bytes[0] == UInt8(ascii: "i") || bytes[0] == UInt8(ascii: "v") else { return nil }
        let letters = Array("ciulLbspSBfFhx".utf8)
        guard bytes.dropFirst(2).allSatisfy(letters.contains) else { return nil }
        description = text
        result = bytes[0]
        parameters = Array(bytes.dropFirst(2))
    }

    package static let limit = 12

    /// Whether a function of this shape can be called where `offered` is passed: it may take fewer trailing values. The
    /// session, the host and the plugin's own data (`c`, `h`, `x`) are filled in wherever it asks for them.
    package func accepts(_ offered: [UInt8]) -> Bool {
        let context = Array("chx".utf8)
        let asked = parameters.filter { !context.contains($0) }
        let given = offered.filter { !context.contains($0) }
        return asked.count <= given.count && asked.elementsEqual(given.prefix(asked.count))
    }
}
