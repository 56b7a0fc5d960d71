/// `--chmod`: octal digits, or chmod(1)'s words such as `u=rwX,go-w`.
package struct FileModeChange: Sendable, Equatable {
    private enum Change: Sendable, Equatable {
        case all(UInt32)
        /// Sets (`=`), adds (`+`) or removes (`-`) permissions of the classes in `mask`.
        case some(mask: UInt32, sign: UInt8, permissions: [UInt8])
    }
    private let changes: [Change]
    /// As written.
    package let text: String

    package init(parsing text: String) throws(DockerfileProblem) {
        self.text = text
        let problem = DockerfileProblem(
            "invalid chmod parameter: '\(text)'", expected: "an octal number up to 7777, or words as in u=rwX,go=rX")
        if let mode = UInt32(text, radix: 8), text.utf8.first?.isDigit == true {
            guard mode <= 0o7777 else { throw problem }
            changes = [.all(mode)]
            return
        }
        var changes: [Change] = []
        for clause in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let parsed = Self.clause(clause.utf8) else { throw problem }
            changes += parsed
        }
        self.changes = changes
    }

    private static func clause(_ text: Substring.UTF8View) -> [Change]? {
        var rest = Array(text)[...]
        var mask: UInt32 = 0
        while let byte = rest.first, let bits = classes[byte] {
            mask |= bits
            rest = rest.dropFirst()
        }
        if mask == 0 { mask = 0o7777 }
        var changes: [Change] = []
        while let sign = rest.popFirst() {
            guard "+-=".utf8.contains(sign) else { return nil }
            let permissions = rest.prefix { "rwxXst".utf8.contains($0) }
            rest = rest[permissions.endIndex...]
            changes.append(.some(mask: mask, sign: sign, permissions: Array(permissions)))
        }
        return changes.isEmpty ? nil : changes
    }

    private static let classes: [UInt8: UInt32] = [
        UInt8(ascii: "u"): 0o4700, UInt8(ascii: "g"): 0o2070, UInt8(ascii: "o"): 0o1007, UInt8(ascii: "a"): 0o7777,
    ]

    /// Returns the new permission bits of a file.
    package func applied(to mode: UInt32, isDirectory: Bool) -> UInt32 {
        var mode = mode & 0o7777
        for change in changes {
            switch change {
            case .all(let bits): mode = bits
            case .some(let mask, let sign, let permissions):
                var bits: UInt32 = 0
                for permission in permissions { bits |= Self.bits(permission, mode, isDirectory) }
                bits &= mask
                switch sign {
                case UInt8(ascii: "+"): mode |= bits
                case UInt8(ascii: "-"): mode &= ~bits
                default: mode = mode & ~(mask & 0o777) & ~(mask & 0o7000) | bits
                }
            }
        }
        return mode
    }

    private static func bits(_ permission: UInt8, _ mode: UInt32, _ isDirectory: Bool) -> UInt32 {
        switch permission {
        case UInt8(ascii: "r"): 0o444
        case UInt8(ascii: "w"): 0o222
        case UInt8(ascii: "x"): 0o111
        case UInt8(ascii: "X"): isDirectory || mode & 0o111 != 0 ? 0o111 : 0
        case UInt8(ascii: "s"): 0o6000
        default: 0o1000
        }
    }
}
