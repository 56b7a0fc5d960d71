import CLinux

// Names, words and variables are bytes in no promised encoding, and a `String` would repair those that are not UTF-8: then it
// names another file. So they are decoded here and nowhere else, and encoded again for every call.
//
// What is UTF-8 is itself. Any other byte becomes U+10FF00 + byte, a private use character; PEP 383 does the same with
// surrogates, which a `String` cannot hold. Where such a character itself is found, its four bytes become one each, so that
// no two names are the same text.

extension String {
    /// The text of bytes in any encoding; `bytes` is the way back.
    package init(bytes: some Collection<UInt8>) {
        if let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(escapeLead) {
            self = text
            return
        }
        self.init()
        var parser = UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var position = bytes.startIndex
        while true {
            let count: Int
            switch parser.parseScalar(from: &rest) {
            case .emptyInput: return
            case .valid(let units):
                count = units.count
                let scalar = UTF8.decode(units)
                if !scalar.isEscapedByte {
                    unicodeScalars.append(scalar)
                    position = bytes.index(position, offsetBy: count)
                    continue
                }
            case .error(let length): count = length
            }
            let end = bytes.index(position, offsetBy: count)
            for byte in bytes[position..<end] { unicodeScalars.append(Unicode.Scalar(escaping: byte)) }
            position = end
        }
    }

    /// The text of a C string.
    package init(bytes text: UnsafePointer<CChar>) {
        self.init(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}

extension StringProtocol {
    /// The bytes that the text was decoded from; of any other text, its UTF-8.
    package var bytes: [UInt8] {
        guard utf8.contains(escapeLead) else { return Array(utf8) }
        var result: [UInt8] = []
        for scalar in unicodeScalars {
            if scalar.isEscapedByte {
                result.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                result.append(contentsOf: UTF8.encode(scalar) ?? .init([]))
            }
        }
        return result
    }
}

extension String {
    /// As `withCString`, with `bytes`.
    package func withTerminatedBytes<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        guard utf8.contains(escapeLead) else { return withCString(body) }
        return body(bytes.map { CChar(bitPattern: $0) } + [0])
    }
}

/// The first byte of the UTF-8 of every escaped byte.
private let escapeLead: UInt8 = 0xF4

extension Unicode.Scalar {
    /// Whether it stands for a byte that is no part of UTF-8.
    package var isEscapedByte: Bool { value >= 0x10FF80 }

    fileprivate init(escaping byte: UInt8) {
        // No byte leads outside of the private use area.
        self = Unicode.Scalar(0x10FF00 + UInt32(byte)) ?? "\u{FFFD}"
    }
}
