/// ASCII characters by name, for text that is read as bytes.
package enum ASCII {
    package static let null: UInt8 = 0x00
    package static let tab: UInt8 = 0x09
    package static let newline: UInt8 = 0x0A
    package static let carriageReturn: UInt8 = 0x0D
    package static let space: UInt8 = 0x20
    package static let bang: UInt8 = 0x21
    package static let doubleQuote: UInt8 = 0x22
    package static let hash: UInt8 = 0x23
    package static let dollar: UInt8 = 0x24
    package static let percent: UInt8 = 0x25
    package static let singleQuote: UInt8 = 0x27
    package static let star: UInt8 = 0x2A
    package static let plus: UInt8 = 0x2B
    package static let comma: UInt8 = 0x2C
    package static let dash: UInt8 = 0x2D
    package static let dot: UInt8 = 0x2E
    package static let slash: UInt8 = 0x2F
    package static let colon: UInt8 = 0x3A
    package static let equals: UInt8 = 0x3D
    package static let question: UInt8 = 0x3F
    package static let at: UInt8 = 0x40
    package static let openBracket: UInt8 = 0x5B
    package static let backslash: UInt8 = 0x5C
    package static let closeBracket: UInt8 = 0x5D
    package static let underscore: UInt8 = 0x5F
    package static let backquote: UInt8 = 0x60
    package static let openBrace: UInt8 = 0x7B
    package static let closeBrace: UInt8 = 0x7D
    package static let tilde: UInt8 = 0x7E

    @inline(__always) package static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    @inline(__always) package static func isAlphabetic(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
    }
    @inline(__always) package static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isAlphabetic(byte) || isDigit(byte)
    }
    /// Returns whether a byte is a control character, DEL included.
    @inline(__always) package static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
}
