import Linux

/// Values as bytes: fields `key=value`, each ended by NUL, after a first field that names the version. A value may hold any
/// other byte; repeated keys keep their order.
package struct FieldWriter {
    package private(set) var bytes: [UInt8]

    package init(version: String) { bytes = version.bytes + [0] }

    package mutating func put(_ key: String, _ value: String) { put(key, value.bytes) }

    package mutating func put(_ key: String, _ value: [UInt8]) {
        bytes.append(contentsOf: key.utf8)
        bytes.append(0x3D)
        bytes.append(contentsOf: value)
        bytes.append(0)
    }
}

/// What a `FieldWriter` wrote.
package struct FieldReader {
    package let fields: [(key: String, value: String, bytes: [UInt8])]

    /// - Returns: nil for anything but whole fields of this version.
    package init?(_ bytes: [UInt8], version: String) {
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.first.map({ Array($0) }) == version.bytes, bytes.last == 0 else { return nil }
        fields = parts.dropFirst().dropLast().map { part in
            let equals = part.firstIndex(of: 0x3D) ?? part.endIndex
            let value = equals == part.endIndex ? part[equals...] : part[(equals + 1)...]
            return (String(bytes: part[..<equals]), String(bytes: value), Array(value))
        }
    }

    /// The value of a field that stands there once.
    package func value(_ key: String) -> String? {
        let found = fields.filter { $0.key == key }
        return found.count == 1 ? found[0].value : nil
    }

    package func values(_ key: String) -> [String] { fields.filter { $0.key == key }.map(\.value) }
}
