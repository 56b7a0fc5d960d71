/// A value of a TOML document.
package enum TOMLValue: Sendable, Equatable {
    case text(String)
    case integer(Int64)
    case float(Double)
    case flag(Bool)
    /// As it is written: a date, a time, or both.
    case moment(String)
    case list([TOMLValue])
    case table(TOMLTable)

    /// What it is called in messages.
    package var kind: String {
        switch self {
        case .text: "a string"
        case .integer: "an integer"
        case .float: "a float"
        case .flag: "a boolean"
        case .moment: "a date or time"
        case .list: "an array"
        case .table: "a table"
        }
    }
}

/// A table of a TOML document: keys in the order of the document, each with the line that gives it first.
package struct TOMLTable: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package let key: String
        package internal(set) var value: TOMLValue
        package let line: Int
        /// For an array of tables, the lines of their headers.
        package internal(set) var lines: [Int] = []
    }

    /// What made the table, and thereby what may still add to it; TOML 1.0, "Table".
    enum Origin: Sendable { case passing, header, dotted, inline }

    package internal(set) var entries: [Entry] = []
    var origin = Origin.passing

    package init() {}

    package subscript(_ key: String) -> TOMLValue? { entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value }

    func index(of key: String) -> Int? { entries.firstIndex { $0.key.utf8.elementsEqual(key.utf8) } }
}

/// Why a text is no TOML document.
package struct TOMLError: Error, Equatable {
    package let line: Int
    package let column: Int
    package let reason: String
}
