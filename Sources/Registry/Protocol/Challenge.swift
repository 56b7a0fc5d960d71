/// An authentication challenge of a server; RFC 9110 §11.6.1.
package struct Challenge: Sendable, Equatable {
    /// `bearer`, `basic`.
    package var scheme: String
    package var parameters: [String: String]

    /// Returns all challenges of a `WWW-Authenticate` header; what cannot be parsed ends the list.
    package static func parse(_ header: String) -> [Challenge] {
        var reader = HeaderReader(Array(header.utf8))
        var result: [Challenge] = []
        while let word = reader.token() {
            if reader.take(0x3D), let last = result.indices.last {
                // This belongs to the previous challenge: after a comma only the `=` tells a parameter from a scheme.
                guard let value = reader.value() else { return result }
                result[last].parameters[word.lowercased()] = value
            } else {
                result.append(Challenge(scheme: word.lowercased(), parameters: [:]))
            }
            while reader.take(0x2C) {}
        }
        return result
    }

    private struct HeaderReader {
        private let bytes: [UInt8]
        private var offset = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        private mutating func skipSpace() {
            while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 { offset += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == byte else { return false }
            offset += 1
            return true
        }

        mutating func token() -> String? {
            skipSpace()
            let start = offset
            while offset < bytes.count, bytes[offset] > 0x20, ![0x22, 0x2C, 0x3D].contains(bytes[offset]) {
                offset += 1
            }
            return start == offset ? nil : String(decoding: bytes[start..<offset], as: UTF8.self)
        }

        mutating func value() -> String? {
            guard take(0x22) else { return token() ?? "" }
            var text: [UInt8] = []
            while offset < bytes.count {
                let byte = bytes[offset]
                offset += 1
                if byte == 0x22 { return String(decoding: text, as: UTF8.self) }
                if byte == 0x5C, offset < bytes.count {
                    text.append(bytes[offset])
                    offset += 1
                } else {
                    text.append(byte)
                }
            }
            return nil
        }
    }
}
