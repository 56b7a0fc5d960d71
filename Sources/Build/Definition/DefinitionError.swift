package import Base
import Linux

/// A definition file that cannot be built from: Apptainer's sentence, which scripts read, then where it is and what was
/// expected there.
package struct DefinitionError: Error, Sendable, Equatable {
    /// At which step Apptainer notices, and so how its sentence begins.
    package enum Step: Sendable { case parsing, reading, creating, performing }

    package let step: Step
    package let message: String
    /// Counted from 1; 0 when no line is at fault.
    package let line: Int
    /// That line, without its end.
    package let shown: [UInt8]
    package let expected: String?

    init(_ message: String, at line: DefinitionLine? = nil, expected: String? = nil) {
        self.init(.parsing, message, at: line, expected: expected)
    }

    init(_ step: Step, _ message: String, at line: DefinitionLine? = nil, expected: String? = nil) {
        self.step = step
        self.message = message
        self.line = line?.number ?? 0
        shown = line.map { Array($0.bytes) } ?? []
        self.expected = expected
    }

    /// - Parameter file: the definition file as the user named it.
    package func described(in file: String) -> SkiffError {
        let text =
            switch step {
            case .parsing: "Unable to build from \(file): while parsing definition: \(file): \(message)"
            case .reading: "Unable to build from \(file): \(message)"
            case .creating: "Unable to create build: \(message)"
            case .performing: "While performing build: \(message)"
            }
        var details: [String] = []
        if line > 0 { details.append("\(file):\(line): \(Self.readable(shown))") }
        if let expected { details.append("expected " + expected) }
        return SkiffError(text, details: details)
    }

    /// The line as a terminal can show it: without control characters, and no longer than fits.
    private static func readable(_ bytes: [UInt8]) -> String {
        let text = String(bytes: bytes.prefix(300))
        let safe = String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
        return safe.count > 100 ? safe.prefix(100) + "…" : safe
    }
}
