/// One name in a directory: not empty, neither `.` nor `..`, without slash and NUL. A call that takes it together with a
/// descriptor of the directory reaches that entry and nothing else.
package struct EntryName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Throws: `EINVAL` for what is no name.
    package init(_ bytes: [UInt8]) throws(Errno) {
        guard !bytes.isEmpty, bytes != [ASCII.dot], bytes != [ASCII.dot, ASCII.dot],
            !bytes.contains(where: { $0 == ASCII.slash || $0 == ASCII.null })
        else { throw .invalidArgument }
        self.bytes = bytes
    }

    package init(_ text: String) throws(Errno) { try self.init(Array(text.utf8)) }

    /// For names that stand in the source; it traps for one that is none.
    package init(stringLiteral text: String) {
        guard let name = try? EntryName(text) else { preconditionFailure("\(text) is no name of an entry") }
        self = name
    }

    package var description: String { printableText(bytes) }
}
