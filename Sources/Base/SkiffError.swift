package import Linux

/// What went wrong, on what object, why, and the one thing that helps. The only error type above `Linux`.
///
/// The message reads `cannot <verb> <object>`; where scripts read Apptainer's text, it is that text. Only
/// `CLI/ExitStatus.swift` turns a code into an exit status.
package struct SkiffError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Equatable {
        private enum Value: Sendable { case fatal, usage, command, contained }
        private let value: Value
        /// Our own failure: exit status 255, printed as FATAL.
        package static let fatal = Code(value: .fatal)
        /// The command line is wrong: exit status 1, printed with the usage.
        package static let usage = Code(value: .usage)
        /// A command ended without success and says so as an ERROR: exit status 1.
        package static let command = Code(value: .command)
        /// The container's own scripts failed before the program: exit status 1, text on stdout as Apptainer prints it.
        package static let contained = Code(value: .contained)
    }

    package let code: Code
    /// `cannot open image x.sif`.
    package let message: String
    /// The kernel's reason, if there is one.
    package let errno: Errno?
    /// The command, option or variable that helps: a whole sentence.
    package let hint: String?
    /// Lines below the message: where something stands, what was expected there.
    package let details: [String]

    package init(
        _ message: String, errno: Errno? = nil, hint: String? = nil, details: [String] = [], code: Code = .fatal
    ) {
        self.code = code
        self.details = details
        self.message = message
        self.errno = errno
        self.hint = hint
    }

    /// Message, reason in lower case as Apptainer's users know it, each detail on its own line, hint. Foreign text in
    /// them cannot add lines of its own.
    package var description: String {
        var text = message.printable
        if let errno {
            let reason = errno.description
            text += ": " + reason.prefix(1).lowercased() + reason.dropFirst()
        }
        for detail in details { text += "\n" + String(repeating: " ", count: 9) + detail.printable }
        if let hint { text += ". " + hint.printable }
        return text
    }
}

/// Runs kernel calls; if one fails, the error says what they were for.
package func during<Result: ~Copyable>(
    _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil, _ body: () throws(Errno) -> Result
) throws(SkiffError) -> Result {
    do throws(Errno) {
        return try body()
    } catch {
        throw SkiffError(message(), errno: error, hint: hint())
    }
}
