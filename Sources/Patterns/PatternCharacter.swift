/// Characters as numbers: scalars of Unicode, and beyond them bytes that are no UTF-8.
package enum PatternCharacter {
    private static let bytes: UInt32 = 0x11_0000

    /// Returns the numbers of all characters of a text.
    package static func numbers(of text: ArraySlice<UInt8>) -> [UInt32] {
        text.withUnsafeBufferPointer { text in
            var result: [UInt32] = []
            var at = 0
            while at < text.count {
                let (number, length) = first(of: text, at, .character)
                result.append(number)
                at += length
            }
            return result
        }
    }

    /// The character at an offset, which must be one of the text, and its length in bytes.
    static func first(of text: UnsafeBufferPointer<UInt8>, _ at: Int, _ unit: Pattern.Unit) -> (
        number: UInt32, length: Int
    ) {
        let byte = text[at]
        if unit == .byte || byte < 0x80 { return (UInt32(byte), 1) }
        let none = (bytes + UInt32(byte), 1)
        let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        guard (0xC2...0xF4).contains(byte), text.count - at >= length else { return none }
        var number = UInt32(byte & (0xFF >> UInt8(length + 1)))
        for next in text[(at + 1)..<(at + length)] {
            guard next & 0xC0 == 0x80 else { return none }
            number = number << 6 | UInt32(next & 0x3F)
        }
        // Too long a form, a surrogate, or beyond Unicode.
        let least: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x1_0000
        guard number >= least, Unicode.Scalar(number) != nil else { return none }
        return (number, length)
    }

    static func append(_ number: UInt32, to text: inout [UInt8]) {
        if number >= bytes {
            text.append(UInt8(truncatingIfNeeded: number - bytes))
        } else if let scalar = Unicode.Scalar(number) {
            text.append(contentsOf: String(scalar).utf8)
        }
    }
}
