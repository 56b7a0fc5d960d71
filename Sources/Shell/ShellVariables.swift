import Linux

/// The variables of a script, with what a shell knows about each: a table sorted by name, as programs get it.
package struct ShellVariables: Sendable {
    struct Variable: Sendable, Equatable {
        var name: [UInt8]
        /// Nil: exported by name only.
        var value: [UInt8]?
        var isExported = false
        var isReadOnly = false
    }

    private var table: [Variable] = []

    package var count: Int { table.count }

    package subscript(name: [UInt8]) -> [UInt8]? {
        let (index, exists) = find(name)
        return exists ? table[index].value : nil
    }

    package subscript(name: String) -> [UInt8]? { self[Array(name.utf8)] }

    func isReadOnly(_ name: [UInt8]) -> Bool {
        let (index, exists) = find(name)
        return exists && table[index].isReadOnly
    }

    package func isExported(_ name: String) -> Bool {
        let (index, exists) = find(Array(name.utf8))
        return exists && table[index].isExported
    }

    package mutating func set(_ name: [UInt8], _ value: [UInt8]) { table[place(name)].value = value }
    package mutating func export(_ name: [UInt8]) { table[place(name)].isExported = true }

    package mutating func export(_ name: String, _ value: [UInt8]) {
        let index = place(Array(name.utf8))
        table[index].value = value
        table[index].isExported = true
    }

    package mutating func unset(_ name: [UInt8]) {
        let (index, exists) = find(name)
        if exists { table.remove(at: index) }
    }

    package mutating func protect(_ name: String) {
        let (index, exists) = find(Array(name.utf8))
        if exists { table[index].isReadOnly = true }
    }

    /// Returns `NAME=VALUE` for what a program inherits, in the order of the names.
    package func exported() -> [[UInt8]] {
        var result: [[UInt8]] = []
        result.reserveCapacity(table.count)
        for variable in table where variable.isExported {
            if let value = variable.value { result.append(variable.name + [ASCII.equals] + value) }
        }
        return result
    }

    private mutating func place(_ name: [UInt8]) -> Int {
        let (index, exists) = find(name)
        if !exists { table.insert(Variable(name: name), at: index) }
        return index
    }

    /// Returns where `name` is or belongs.
    private func find(_ name: [UInt8]) -> (index: Int, exists: Bool) {
        var low = 0
        var high = table.count
        while low < high {
            let middle = (low + high) / 2
            switch ShellVariables.order(table[middle].name, name) {
            case 0: return (middle, true)
            case ..<0: low = middle + 1
            default: high = middle
            }
        }
        return (low, false)
    }

    /// Negative if `left` comes first. The sign `=` after the name counts: `A_B=` comes after `A=`, `A1=` before it, as in
    /// a sorted list of whole entries.
    private static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
        let common = min(left.count, right.count)
        for index in 0..<common where left[index] != right[index] { return Int(left[index]) - Int(right[index]) }
        if left.count == right.count { return 0 }
        let next = Int(left.count > common ? left[common] : right[common]) - Int(ASCII.equals)
        return left.count > common ? next : -next
    }
}
