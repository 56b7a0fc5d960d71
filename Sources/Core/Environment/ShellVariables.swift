/// The variables of a script, with what a shell knows about each.
struct ShellVariables: Sendable {
    struct Variable: Sendable, Equatable {
        /// Nil: exported by name only.
        var value: [UInt8]?
        var isExported: Bool
        var isReadOnly = false
    }

    private var table: [[UInt8]: Variable] = [:]

    subscript(name: [UInt8]) -> [UInt8]? { table[name]?.value }
    subscript(name: String) -> [UInt8]? { table[Array(name.utf8)]?.value }

    func isReadOnly(_ name: [UInt8]) -> Bool { table[name]?.isReadOnly ?? false }

    mutating func set(_ name: [UInt8], _ value: [UInt8]) {
        table[name, default: Variable(value: nil, isExported: false)].value = value
    }

    mutating func export(_ name: [UInt8]) {
        table[name, default: Variable(value: nil, isExported: false)].isExported = true
    }

    mutating func export(_ name: String, _ value: [UInt8]) {
        let key = Array(name.utf8)
        set(key, value)
        export(key)
    }

    mutating func unset(_ name: [UInt8]) { table[name] = nil }
    mutating func protect(_ name: String) { table[Array(name.utf8)]?.isReadOnly = true }

    /// `NAME=VALUE` of what a program inherits, sorted by bytes as Apptainer does.
    func exported() -> [[UInt8]] {
        var result: [[UInt8]] = []
        for (name, variable) in table where variable.isExported {
            if let value = variable.value { result.append(name + [ShellByte.equals] + value) }
        }
        return result.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
