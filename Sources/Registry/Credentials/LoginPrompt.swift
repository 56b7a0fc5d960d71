package import Base
import CLinux
import Core
import Linux

/// Questions to the user at the terminal, or to the script that writes to stdin.
package enum LoginPrompt {
    /// - Parameter given: the value of a flag, which is returned without asking.
    package static func name(given: String? = nil) throws(SkiffError) -> String {
        if let given { return given }
        try? writeFully(2, "Enter Username: ")
        return try line()
    }

    /// Asks for a password, without echo on a terminal.
    package static func password(_ question: String = "Enter Password: ") throws(SkiffError) -> String {
        try? writeFully(2, question)
        let silence = TerminalSilence(0)
        defer {
            silence.end()
            if silence.isQuiet { try? writeFully(2, "\n") }
        }
        return try line()
    }

    /// Returns all of stdin without its line end.
    package static func passwordFromInput() throws(SkiffError) -> String {
        let bytes = try during("cannot read the password from stdin") { () throws(Errno) in
            try readToEnd(0, limit: 1 << 16)
        }
        var text = String(bytes: bytes)
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }

    /// Returns whether the answer is `y`.
    package static func confirms(_ question: String) -> Bool {
        try? writeFully(1, question)
        return (try? line())?.lowercased() == "y"
    }

    private static func line() throws(SkiffError) -> String {
        var bytes: [UInt8] = []
        var byte: [UInt8] = [0]
        while true {
            let count = try during("cannot read the answer") { () throws(Errno) in
                try byte.withUnsafeMutableBufferPointer { buffer throws(Errno) in
                    try read(0, into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            guard count == 1, byte[0] != 0x0A, bytes.count < 4096 else { break }
            bytes.append(byte[0])
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        return String(bytes: bytes)
    }
}
