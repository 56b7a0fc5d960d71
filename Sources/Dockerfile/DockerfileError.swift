package import Base
import Linux

/// What is wrong with a word or an instruction, before its line is known.
package struct DockerfileProblem: Error, Sendable, Equatable {
    package let message: String
    package let expected: String?

    package init(_ message: String, expected: String? = nil) {
        self.message = message
        self.expected = expected
    }
}

/// Why a Dockerfile cannot be built from: what is wrong, where, and what was expected there.
package struct DockerfileError: Error, Sendable, Equatable {
    package let problem: DockerfileProblem
    package let place: DockerfilePlace?

    package init(_ problem: DockerfileProblem, at place: DockerfilePlace?) {
        self.problem = problem
        self.place = place
    }

    /// - Parameter file: the name that the user gave.
    package func described(in file: String) -> SkiffError {
        let text = "Unable to build from \(file): while parsing Dockerfile: \(problem.message)"
        var details: [String] = []
        if let place { details.append(place.shown(in: file)) }
        if let expected = problem.expected { details.append("expected " + expected) }
        return SkiffError(text, details: details)
    }
}

/// The line of an instruction.
package struct DockerfilePlace: Sendable, Equatable {
    /// The first line, counted from 1.
    package let line: Int
    /// That line, without its end.
    package let text: [UInt8]

    package init(line: Int, text: [UInt8]) {
        self.line = line
        self.text = text
    }

    /// Returns `FILE:LINE: text` for a terminal, without control characters and cut to its width.
    package func shown(in file: String) -> String {
        let text = String(bytes: text.prefix(300))
        let safe = String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
        return "\(file):\(line): " + (safe.count > 100 ? safe.prefix(100) + "…" : safe)
    }
}

/// Runs `body` and adds the place to its error.
func at<Result>(_ place: DockerfilePlace?, _ body: () throws(DockerfileProblem) -> Result) throws(DockerfileError)
    -> Result
{
    do throws(DockerfileProblem) {
        return try body()
    } catch {
        throw DockerfileError(error, at: place)
    }
}
