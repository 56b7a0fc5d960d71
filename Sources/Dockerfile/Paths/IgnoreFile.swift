import Linux
import Patterns

/// `.dockerignore`: the files of the build context that COPY and ADD do not see. The last matching pattern decides.
package struct IgnoreFile: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        /// Cleaned, without a leading slash.
        package let pattern: String
        /// `!`: what matches is not ignored after all.
        package let takes: Bool
        let path: Pattern

        /// Returns whether a path matches, or a directory above it.
        fileprivate func matches(_ path: ArraySlice<UInt8>) -> Bool {
            self.path.lengths(in: path).contains { length in
                length == path.count || path.dropFirst(length).first == ASCII.slash
            }
        }
    }

    package let rules: [Rule]

    /// No patterns: nothing is ignored.
    package init() { rules = [] }

    /// - Parameter file: the name of the file in errors.
    package init(parsing text: [UInt8], file: String) throws(DockerfileProblem) {
        let mark = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var rules: [Rule] = []
        let lines = text.dropFirst(mark).split(separator: ASCII.newline, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            // Only in the first column: ` #x` is the pattern `#x`.
            if line.first == ASCII.hash { continue }
            if let rule = try Self.rule(line.trimmed, "\(file):\(index + 1)") { rules.append(rule) }
        }
        self.rules = rules
    }

    /// The patterns of `--exclude`.
    package init(patterns: [String]) throws(DockerfileProblem) {
        var rules: [Rule] = []
        for pattern in patterns {
            if let rule = try Self.rule(pattern.bytes.trimmed, "--exclude") { rules.append(rule) }
        }
        self.rules = rules
    }

    /// - Parameter path: relative to the context.
    package func ignores(_ path: String) -> Bool {
        var result = false
        for rule in rules where result == rule.takes {
            if rule.matches(path.bytes) { result = !rule.takes }
        }
        return result
    }

    /// Whether something in an ignored directory may be included, so that it must be searched.
    package var mayReinclude: Bool { rules.contains(where: \.takes) }

    private static func rule(_ line: ArraySlice<UInt8>, _ place: String) throws(DockerfileProblem) -> Rule? {
        guard !line.isEmpty else { return nil }
        let takes = line.first == 0x21
        let text = (takes ? line.dropFirst().trimmed : line).text
        guard !text.isEmpty else {
            throw DockerfileProblem("\(place): a ! alone means nothing", expected: "a pattern after the !")
        }
        let pattern = ContextPath.cleaned(text, isRooted: text.hasPrefix("/")).joined(separator: "/")
        // `.` is the context itself, which always exists.
        guard !pattern.isEmpty else { return nil }
        do throws(DockerfileProblem) {
            return Rule(pattern: pattern, takes: takes, path: try Self.path(pattern))
        } catch {
            throw DockerfileProblem("\(place): \(error.message)", expected: error.expected)
        }
    }

    /// `**` is any number of directories; at the end, or at the beginning before plain text, it is any text.
    private static func path(_ pattern: String) throws(DockerfileProblem) -> Pattern {
        var elements: [Pattern.Element] = []
        var rest = Array(pattern.unicodeScalars)[...]
        while !rest.isEmpty {
            guard rest.starts(with: ["*", "*"]) else {
                elements.append(try PathPattern.element(&rest, pattern))
                continue
            }
            rest = rest.dropFirst(2)
            let isDirectory = rest.first == "/"
            if isDirectory { rest = rest.dropFirst() }
            let isSuffix = elements.isEmpty && !isDirectory && !rest.contains { "*?[]\\".unicodeScalars.contains($0) }
            let element: Pattern.Element = rest.isEmpty || isSuffix ? .anything : .directories
            if elements.last != element { elements.append(element) }
        }
        return Pattern(elements, unit: .character, separator: ASCII.slash)
    }
}
