/// Reads TOML 1.0 documents; https://toml.io/en/v1.0.0. Foreign bytes: it throws for all that is not one.
package struct TOMLReader {
    let bytes: [UInt8]
    var position = 0

    /// Deeper nesting is refused: each level takes a piece of the stack.
    private static let deepest = 64
    private var depth = 0

    /// One part of a dotted key.
    private struct Key {
        let name: String
        let line: Int
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    package static func read(_ bytes: [UInt8]) throws(TOMLError) -> TOMLTable {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TOMLError(line: 1, column: 1, reason: "the text is not UTF-8")
        }
        var reader = TOMLReader(bytes)
        // A byte order mark.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
        return try reader.document()
    }

    // MARK: - lines

    private mutating func document() throws(TOMLError) -> TOMLTable {
        var root = TOMLTable()
        // The table that the last header named.
        var path: [Key] = []
        while true {
            try skipBlankLines()
            guard let byte = peek() else { return root }
            if byte == UInt8(ascii: "[") {
                path = try header(&root)
            } else {
                try entry(into: &root, below: path)
            }
            try endLine()
        }
    }

    private mutating func header(_ root: inout TOMLTable) throws(TOMLError) -> [Key] {
        position += 1
        let isList = take("[")
        let keys = try dottedKey()
        guard take("]"), !isList || take("]") else { throw error("']' is missing") }
        let start = position
        try place(keys[...], in: &root) { (last, table) throws(TOMLError) in
            guard let index = table.index(of: last.name) else {
                var made = TOMLTable()
                made.origin = .header
                table.entries.append(
                    .init(
                        key: last.name, value: isList ? .list([.table(made)]) : .table(made), line: last.line,
                        lines: [last.line]))
                return
            }
            switch table.entries[index].value {
            case .table(var known) where !isList && known.origin == .passing:
                known.origin = .header
                table.entries[index].value = .table(known)
            case .list(var known) where isList && !table.entries[index].lines.isEmpty:
                var made = TOMLTable()
                made.origin = .header
                known.append(.table(made))
                table.entries[index].value = .list(known)
                table.entries[index].lines.append(last.line)
            default: throw self.error("'\(last.name)' is there already", at: start)
            }
        }
        return keys
    }

    /// `key = value`.
    private mutating func entry(into root: inout TOMLTable, below path: [Key]) throws(TOMLError) {
        let start = position
        let keys = try dottedKey()
        guard take("=") else { throw error("'=' is missing") }
        skipSpace()
        let value = try value()
        if path.isEmpty { return try insert(value, at: keys[...], in: &root, start) }
        try place(path[...], in: &root) { (last, table) throws(TOMLError) in
            guard let index = table.index(of: last.name) else { throw self.error("no table", at: start) }
            switch table.entries[index].value {
            case .table(var known):
                try self.insert(value, at: keys[...], in: &known, start)
                table.entries[index].value = .table(known)
            case .list(var known):
                guard case .table(var newest)? = known.last else { throw self.error("no table", at: start) }
                try self.insert(value, at: keys[...], in: &newest, start)
                known[known.count - 1] = .table(newest)
                table.entries[index].value = .list(known)
            default: throw self.error("no table", at: start)
            }
        }
    }

    /// Goes down to the table that holds the last key of a header; `act` gets that key and the table.
    private func place(
        _ keys: ArraySlice<Key>, in table: inout TOMLTable, _ act: (Key, inout TOMLTable) throws(TOMLError) -> Void
    ) throws(TOMLError) {
        guard let first = keys.first else { return }
        if keys.count == 1 { return try act(first, &table) }
        guard let index = table.index(of: first.name) else {
            var made = TOMLTable()
            try place(keys.dropFirst(), in: &made, act)
            table.entries.append(.init(key: first.name, value: .table(made), line: first.line))
            return
        }
        switch table.entries[index].value {
        case .table(var known) where known.origin != .inline:
            try place(keys.dropFirst(), in: &known, act)
            table.entries[index].value = .table(known)
        case .list(var known) where !table.entries[index].lines.isEmpty:
            guard case .table(var newest)? = known.last else { throw error("'\(first.name)' is no table") }
            try place(keys.dropFirst(), in: &newest, act)
            known[known.count - 1] = .table(newest)
            table.entries[index].value = .list(known)
        default: throw error("'\(first.name)' is no table that can be added to")
        }
    }

    private func insert(_ value: TOMLValue, at keys: ArraySlice<Key>, in table: inout TOMLTable, _ start: Int)
        throws(TOMLError)
    {
        guard let first = keys.first else { return }
        let index = table.index(of: first.name)
        if keys.count == 1 {
            guard index == nil else { throw error("'\(first.name)' is there already", at: start) }
            table.entries.append(.init(key: first.name, value: value, line: first.line))
            return
        }
        guard let index else {
            var made = TOMLTable()
            made.origin = .dotted
            try insert(value, at: keys.dropFirst(), in: &made, start)
            table.entries.append(.init(key: first.name, value: .table(made), line: first.line))
            return
        }
        guard case .table(var known) = table.entries[index].value, known.origin == .dotted else {
            throw error("'\(first.name)' is no table that can be added to", at: start)
        }
        try insert(value, at: keys.dropFirst(), in: &known, start)
        table.entries[index].value = .table(known)
    }

    // MARK: - keys

    private mutating func dottedKey() throws(TOMLError) -> [Key] {
        var keys: [Key] = []
        repeat {
            skipSpace()
            let line = line(at: position)
            keys.append(Key(name: try simpleKey(), line: line))
            guard keys.count <= Self.deepest else { throw error("the key has too many parts") }
            skipSpace()
        } while take(".")
        return keys
    }

    private mutating func simpleKey() throws(TOMLError) -> String {
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            guard !isNext("\"\"\"") && !isNext("'''") else { throw error("a key is no text of several lines") }
            return try text()
        default: break
        }
        let start = position
        while let byte = peek(), Self.isBare(byte) { position += 1 }
        guard position > start else { throw error("a key is missing") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    // MARK: - values

    private mutating func value() throws(TOMLError) -> TOMLValue {
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .text(try text())
        case UInt8(ascii: "["): return try nested { (reader) throws(TOMLError) in try reader.list() }
        case UInt8(ascii: "{"): return try nested { (reader) throws(TOMLError) in try reader.inlineTable() }
        default: return try plainValue()
        }
    }

    private mutating func nested(_ body: (inout TOMLReader) throws(TOMLError) -> TOMLValue) throws(TOMLError)
        -> TOMLValue
    {
        guard depth < Self.deepest else { throw error("values are nested too deeply") }
        depth += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func list() throws(TOMLError) -> TOMLValue {
        position += 1
        var values: [TOMLValue] = []
        while true {
            try skipBlankLines()
            if take("]") { return .list(values) }
            values.append(try value())
            try skipBlankLines()
            if take("]") { return .list(values) }
            guard take(",") else { throw error("',' or ']' is missing") }
        }
    }

    private mutating func inlineTable() throws(TOMLError) -> TOMLValue {
        let start = position
        position += 1
        var table = TOMLTable()
        skipSpace()
        if !take("}") {
            repeat {
                let keys = try dottedKey()
                guard take("=") else { throw error("'=' is missing") }
                skipSpace()
                try insert(try value(), at: keys[...], in: &table, start)
                skipSpace()
            } while take(",")
            guard take("}") else { throw error("',' or '}' is missing") }
        }
        table.origin = .inline
        return .table(table)
    }

    // MARK: - bytes

    func peek(_ ahead: Int = 0) -> UInt8? {
        let index = position + ahead
        return index < bytes.count ? bytes[index] : nil
    }

    func isNext(_ word: String) -> Bool { bytes[min(position, bytes.count)...].starts(with: word.utf8) }

    /// Goes on behind a word if it comes next.
    mutating func take(_ word: String) -> Bool {
        guard isNext(word) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func skipSpace() { while let byte = peek(), byte == 0x20 || byte == 0x09 { position += 1 } }

    private mutating func skipBlankLines() throws(TOMLError) {
        while true {
            skipSpace()
            try skipComment()
            if !take("\n") && !take("\r\n") { return }
        }
    }

    private mutating func skipComment() throws(TOMLError) {
        guard peek() == UInt8(ascii: "#") else { return }
        while let byte = peek(), byte != 0x0A {
            if byte == 0x0D && peek(1) == 0x0A { return }
            guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw error("a control character") }
            position += 1
        }
    }

    private mutating func endLine() throws(TOMLError) {
        skipSpace()
        try skipComment()
        guard peek() == nil || take("\n") || take("\r\n") else { throw error("something follows the value") }
    }

    func error(_ reason: String, at place: Int? = nil) -> TOMLError {
        let place = min(place ?? position, bytes.count)
        let start = bytes[..<place].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return TOMLError(line: line(at: place), column: place - start + 1, reason: reason)
    }

    private func line(at place: Int) -> Int { bytes[..<min(place, bytes.count)].count { $0 == 0x0A } + 1 }
}
