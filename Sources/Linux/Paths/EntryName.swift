/// One name in a directory: not empty, neither `.` nor `..`, without slash or NUL. A call that takes it together with a
/// descriptor of the directory reaches that entry and nothing else.
///
/// Not expressible by a literal: calls that take a `String` path would silently become calls that take a name.
package struct EntryName: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Throws: `EINVAL` for bytes that are no name.
    package init(_ bytes: [UInt8]) throws(Errno) {
        guard !bytes.isEmpty, bytes != [ASCII.dot], bytes != [ASCII.dot, ASCII.dot],
            !bytes.contains(where: { $0 == ASCII.slash || $0 == ASCII.null })
        else { throw .invalidArgument }
        self.bytes = bytes
    }

    package init(_ text: String) throws(Errno) { try self.init(text.bytes) }

    package var description: String { printableText(bytes) }
}
