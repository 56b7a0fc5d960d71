/// Classes of bytes in shell text, as POSIX names them; shell text is bytes here, never decoded.
package enum ShellByte {
    package static let newline: UInt8 = 0x0A
    package static let backslash: UInt8 = 0x5C
    package static let doubleQuote: UInt8 = 0x22
    package static let singleQuote: UInt8 = 0x27
    package static let dollar: UInt8 = 0x24
    package static let backquote: UInt8 = 0x60
    package static let colon: UInt8 = 0x3A
    package static let slash: UInt8 = 0x2F
    package static let equals: UInt8 = 0x3D
    package static let hash: UInt8 = 0x23
    package static let openBrace: UInt8 = 0x7B
    package static let closeBrace: UInt8 = 0x7D
    package static let star: UInt8 = 0x2A
    package static let question: UInt8 = 0x3F
    package static let openBracket: UInt8 = 0x5B
    package static let closeBracket: UInt8 = 0x5D
    package static let bang: UInt8 = 0x21
    package static let dash: UInt8 = 0x2D
    package static let plus: UInt8 = 0x2B
    package static let percent: UInt8 = 0x25
    package static let tilde: UInt8 = 0x7E
    package static let at: UInt8 = 0x40

    @inline(__always) package static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    @inline(__always) package static func isAlphabetic(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
    }
    @inline(__always) package static func isAlphanumeric(_ byte: UInt8) -> Bool { isAlphabetic(byte) || isDigit(byte) }
    @inline(__always) package static func isNameStart(_ byte: UInt8) -> Bool { isAlphabetic(byte) || byte == 0x5F }
    @inline(__always) package static func isNameByte(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }
    @inline(__always) package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    /// Blank or newline: the default IFS.
    @inline(__always) package static func isSeparator(_ byte: UInt8) -> Bool { isBlank(byte) || byte == newline }

    /// Whether `bytes` can be the name of a variable.
    package static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, isNameStart(first) else { return false }
        return bytes.allSatisfy(isNameByte)
    }
}

/// Text made safe for a shell.
package enum ShellQuoting {
    /// In single quotes; an embedded quote leaves them for a moment.
    package static func single(_ text: String) -> String {
        String(decoding: single(Array(text.utf8)), as: UTF8.self)
    }

    package static func single(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [ShellByte.singleQuote]
        for byte in bytes {
            if byte == ShellByte.singleQuote {
                result += [ShellByte.singleQuote, ShellByte.backslash, ShellByte.singleQuote, ShellByte.singleQuote]
            } else {
                result.append(byte)
            }
        }
        result.append(ShellByte.singleQuote)
        return result
    }
}

extension ShellQuoting {
    /// As it must stand between double quotes to come out unchanged.
    package static func insideDouble(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            switch byte {
            case ShellByte.backslash, ShellByte.doubleQuote, ShellByte.dollar, ShellByte.backquote:
                result += [ShellByte.backslash, byte]
            default: result.append(byte)
            }
        }
        return result
    }
}
