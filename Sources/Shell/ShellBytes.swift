package import Linux

/// Classes of bytes in shell text, as POSIX names them; shell text is bytes here, never decoded.
extension ASCII {
    @inline(__always) package static func isNameStart(_ byte: UInt8) -> Bool { isAlphabetic(byte) || byte == 0x5F }
    @inline(__always) package static func isNameByte(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }
    @inline(__always) package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    /// Blank or newline: the default IFS.
    @inline(__always) package static func isSeparator(_ byte: UInt8) -> Bool { isBlank(byte) || byte == newline }

    /// Whether `bytes` can be the name of a variable.
    package static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.withContiguousStorageIfAvailable { isName(inOnePiece: $0) }
            ?? Array(bytes).withUnsafeBufferPointer { isName(inOnePiece: $0) }
    }

    private static func isName(inOnePiece bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = bytes.first, isNameStart(first) else { return false }
        return bytes.allSatisfy(isNameByte)
    }
}

/// Text made safe for a shell.
package enum ShellQuoting {
    /// Returns text in single quotes; an embedded quote briefly leaves them.
    package static func single(_ text: String) -> String {
        String(decoding: single(Array(text.utf8)), as: UTF8.self)
    }

    package static func single(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [ASCII.singleQuote]
        for byte in bytes {
            if byte == ASCII.singleQuote {
                result += [ASCII.singleQuote, ASCII.backslash, ASCII.singleQuote, ASCII.singleQuote]
            } else {
                result.append(byte)
            }
        }
        result.append(ASCII.singleQuote)
        return result
    }
}

extension ShellQuoting {
    /// Returns text in the form that comes out unchanged between double quotes.
    package static func insideDouble(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            switch byte {
            case ASCII.backslash, ASCII.doubleQuote, ASCII.dollar, ASCII.backquote:
                result += [ASCII.backslash, byte]
            default: result.append(byte)
            }
        }
        return result
    }
}
