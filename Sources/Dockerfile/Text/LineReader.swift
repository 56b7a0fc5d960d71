import Linux

/// An instruction as written, with its lines joined and comments between them removed.
struct LogicalLine {
    let place: DockerfilePlace
    let text: String
    var heredocs: [Heredoc] = []
}

/// Joins the lines of a Dockerfile into instructions. The text is untrusted: every input is read or refused.
struct LineReader {
    private let lines: [ArraySlice<UInt8>]
    private var next = 0
    private(set) var directives = Directives()

    init(_ text: [UInt8]) {
        let hasMark = text.starts(with: [0xEF, 0xBB, 0xBF])
        var lines = text.dropFirst(hasMark ? 3 : 0)
            .split(separator: ASCII.newline, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
    }

    /// Returns the next instruction, or nil at the end.
    mutating func read() throws(DockerfileError) -> LogicalLine? {
        while next < lines.count {
            let place = DockerfilePlace(line: next + 1, text: Array(content(next)))
            let first = content(next).trimmedLeft
            next += 1
            do throws(DockerfileProblem) {
                try directives.take(first)
                guard first.first != ASCII.hash else { continue }
                let bytes = join(first)
                guard !bytes[...].trimmed.isEmpty else { continue }
                guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
                    throw DockerfileProblem("the instruction is no text", expected: "UTF-8 without null characters")
                }
                var line = LogicalLine(place: place, text: text)
                line.heredocs = try heredocs(of: text)
                return line
            } catch {
                throw DockerfileError(error, at: place)
            }
        }
        return nil
    }

    /// Returns a line without its end.
    private func content(_ index: Int) -> ArraySlice<UInt8> {
        let line = lines[index]
        return line.last == ASCII.carriageReturn ? line.dropLast() : line
    }

    /// Returns the rest of an instruction whose lines end in the escape character. Comments and blank lines between
    /// them are skipped.
    private mutating func join(_ first: ArraySlice<UInt8>) -> [UInt8] {
        var (part, goesOn) = continued(first)
        var text = Array(part)
        while goesOn, next < lines.count {
            let line = content(next)
            next += 1
            let start = line.trimmedLeft
            if start.isEmpty || start.first == ASCII.hash { continue }
            (part, goesOn) = continued(line)
            text += part
        }
        return text
    }

    /// Returns a line without the escape character at its end, and whether it has one. Blanks may follow it; one that
    /// is itself escaped does not join.
    private func continued(_ line: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, Bool) {
        guard let last = line.lastIndex(where: { $0 != 0x20 && $0 != ASCII.tab }),
            line[last] == directives.escape
        else { return (line, false) }
        if last > line.startIndex, line[last - 1] == directives.escape { return (line, false) }
        return (line[..<last], true)
    }

    private mutating func heredocs(of text: String) throws(DockerfileProblem) -> [Heredoc] {
        guard Heredoc.mayFollow(text) else { return [] }
        var heredocs: [Heredoc] = []
        for marker in try Heredoc.markers(in: text) { heredocs.append(try body(of: marker)) }
        return heredocs
    }

    private mutating func body(of marker: Heredoc) throws(DockerfileProblem) -> Heredoc {
        var heredoc = marker
        let end = Array(heredoc.name.utf8)
        while next < lines.count {
            let line = heredoc.stripsTabs ? content(next).drop { $0 == ASCII.tab } : content(next)
            next += 1
            if line.elementsEqual(end) { return heredoc }
            heredoc.body += lines[next - 1] + [ASCII.newline]
        }
        throw DockerfileProblem("unterminated heredoc", expected: "a line '\(heredoc.name)' below")
    }
}
