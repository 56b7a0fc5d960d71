import CLinux

// Names, words and variables are bytes in no promised encoding, and a `String` would repair those that are not UTF-8,
// and then name another file. So they are decoded here and nowhere else, and encoded again for every call.
//
// UTF-8 stays as it is. Any other byte becomes U+10FF00 + byte, a private use character; PEP 383 does the same with
// surrogates, which a `String` cannot hold. Where the input itself has such a character, each of its four bytes is
// escaped, so that no two names become the same text.

// Every start decodes all lines of the configuration and the environment, so this code is compiled for concrete types:
// generic code of another module runs ten times the instructions.

extension String {
    /// The text of bytes in any encoding; `bytes` is the way back.
    @inlinable
    package init(bytes: some Collection<UInt8>) {
        self =
            bytes.withContiguousStorageIfAvailable { String(decoded: $0) }
            ?? Array(bytes).withUnsafeBufferPointer { String(decoded: $0) }
    }

    @usableFromInline
    package init(decoded bytes: UnsafeBufferPointer<UInt8>) {
        if !bytes.holdsEscapeLead {
            // Repaired text differs from its bytes.
            let text = String(decoding: bytes, as: UTF8.self)
            if text.utf8.isEqual(to: bytes) {
                self = text
                return
            }
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
                    position += count
                    continue
                }
            case .error(let length): count = length
            }
            for byte in bytes[position..<position + count] { unicodeScalars.append(Unicode.Scalar(escaping: byte)) }
            position += count
        }
    }

    /// The text of a C string.
    package init(bytes text: UnsafePointer<CChar>) {
        let count = strlen(text)
        self = text.withMemoryRebound(to: UInt8.self, capacity: count) {
            String(decoded: UnsafeBufferPointer(start: $0, count: count))
        }
    }
}

extension String {
    /// The bytes that the text was decoded from; of any other text, its UTF-8.
    package var bytes: [UInt8] {
        utf8.withContiguousStorageIfAvailable(encodedBytes) ?? Array(utf8).withUnsafeBufferPointer(encodedBytes)
    }
}

extension Substring {
    /// The bytes that the text was decoded from; of any other text, its UTF-8.
    package var bytes: [UInt8] {
        utf8.withContiguousStorageIfAvailable(encodedBytes) ?? Array(utf8).withUnsafeBufferPointer(encodedBytes)
    }
}

/// Returns the bytes that a text was decoded from, given its UTF-8.
private func encodedBytes(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    guard text.holdsEscapeLead else { return Array(text) }
    var result: [UInt8] = []
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
        if scalar.isEscapedByte {
            result.append(UInt8(truncatingIfNeeded: scalar.value))
        } else {
            result.append(contentsOf: UTF8.encode(scalar) ?? .init([]))
        }
    }
    return result
}

extension String {
    /// Like `withCString`, but with `bytes`.
    package func withTerminatedBytes<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let isPlain = utf8.withContiguousStorageIfAvailable { !$0.holdsEscapeLead } ?? false
        if isPlain { return withCString(body) }
        return body(bytes.map { CChar(bitPattern: $0) } + [0])
    }
}

/// The first byte of the UTF-8 of every escaped byte.
private let escapeLead: Int32 = 0xF4

extension UnsafeBufferPointer<UInt8> {
    /// Whether any of these bytes can begin an escaped one.
    fileprivate var holdsEscapeLead: Bool {
        guard let baseAddress else { return false }
        return memchr(baseAddress, escapeLead, count) != nil
    }
}

extension String.UTF8View {
    fileprivate func isEqual(to bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        withContiguousStorageIfAvailable { own in
            guard own.count == bytes.count, let left = own.baseAddress, let right = bytes.baseAddress else {
                return own.count == bytes.count
            }
            return memcmp(left, right, own.count) == 0
        } ?? elementsEqual(bytes)
    }
}

extension Unicode.Scalar {
    /// Whether it stands for a byte that is not part of UTF-8.
    package var isEscapedByte: Bool { value >= 0x10FF80 }

    fileprivate init(escaping byte: UInt8) {
        // No byte leads outside the private use area.
        self = Unicode.Scalar(0x10FF00 + UInt32(byte)) ?? "\u{FFFD}"
    }
}
