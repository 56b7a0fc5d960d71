import Testing

@testable import Dockerfile

@Suite struct LineTests {
    /// Texts of the instructions, with the lines where they begin.
    private func lines(_ text: String) throws -> [String] {
        var reader = LineReader(Array(text.utf8))
        var result: [String] = []
        while let line = try reader.read() { result.append("\(line.place.line):\(line.text)") }
        return result
    }

    @Test(arguments: [
        ("FROM a\nRUN b\n", ["1:FROM a", "2:RUN b"]),
        ("FROM a\r\nRUN b\r\n", ["1:FROM a", "2:RUN b"]),
        ("FROM a", ["1:FROM a"]),
        ("\u{FEFF}FROM a", ["1:FROM a"]),
        ("\n\n  FROM a  \n\n", ["3:FROM a  "]),
        ("# c\nFROM a\n  # d\nRUN b # no comment\n", ["2:FROM a", "4:RUN b # no comment"]),
        ("RUN a \\\n  b\n", ["1:RUN a   b"]),
        ("RUN a \\  \t\n b\n", ["1:RUN a  b"]),
        ("RUN a \\\r\n b\r\n", ["1:RUN a  b"]),
        ("RUN a \\\n# c\n  # d\n\n \n b \\\n c\nRUN d", ["1:RUN a  b  c", "8:RUN d"]),
        ("RUN a \\\\\nRUN b\n", ["1:RUN a \\\\", "2:RUN b"]),
        ("RUN a\\", ["1:RUN a"]),
        ("\\\nRUN a\n", ["1:RUN a"]),
        ("\\\n", []), ("", []), ("\n# x\n", []),
        ("# escape=`\nRUN a `\n b \\\n", ["2:RUN a  b \\"]),
        ("#escape = `  \nRUN a `\n b", ["2:RUN a  b"]),
        ("# ESCAPE=`\nRUN a `\n b", ["2:RUN a  b"]),
        ("# syntax=docker/dockerfile:1.7\n# check=skip=all\n# escape=`\nRUN a `\n b", ["4:RUN a  b"]),
        ("# other=x\n# escape=`\nRUN a `\nRUN b", ["3:RUN a `", "4:RUN b"]),
        ("# hello\n# escape=`\nRUN a `\nRUN b", ["3:RUN a `", "4:RUN b"]),
        ("\n# escape=`\nRUN a `\nRUN b", ["3:RUN a `", "4:RUN b"]),
        ("FROM a\n# escape=`\nRUN a \\\n b", ["1:FROM a", "3:RUN a  b"]),
    ])
    func joins(text: String, expected: [String]) throws { #expect(try lines(text) == expected) }

    private func heredocs(_ text: String) throws -> [Heredoc] {
        var reader = LineReader(Array(text.utf8))
        return try reader.read()?.heredocs ?? []
    }

    @Test(arguments: [
        ("RUN <<EOF\na\n b\nEOF\nRUN c", ["EOF:a\n b\n"]),
        ("RUN <<-EOF\n\ta\n\t\tEOF\n", ["EOF:a\n"]),
        ("RUN <<'E O'\na\nE O\n", ["E O:a\n"]),
        ("RUN <<\"EOF\"\nEOF", ["EOF:"]),
        ("COPY <<a <<b /x/\n1\na\n2\nb\n", ["a:1\n", "b:2\n"]),
        ("ADD --chmod=755 <<a /x\n\\\n# x\n\na\n", ["a:\\\n# x\n\n"]),
        ("RUN cat <<EOF > /x && \\\n cat\nb\nEOF\n", ["EOF:b\n"]),
        ("run cat 3<<EOF\nb\r\nEOF\r\n", ["EOF:b\r\n"]),
        ("ONBUILD RUN <<EOF\na\nEOF\n", ["EOF:a\n"]),
        ("ENV a=<<EOF\n", []), ("RUN echo $((1<<2))\n", []), ("RUN echo 'a <<EOF'\n", []),
        ("RUN cat <<<EOF\n", []), ("RUN [\"a\", \"<<EOF\"]\n", []), ("RUN --mount=target=/x [\"a\", \"<<EOF\"]\n", []),
        ("RUN cat << EOF\n", []),
    ])
    func readsHeredocs(text: String, expected: [String]) throws {
        #expect(try heredocs(text).map { "\($0.name):\(String(decoding: $0.content, as: UTF8.self))" } == expected)
    }

    @Test(arguments: [("<<a", true), ("<<\"a\"", false), ("<<'a'", false), ("<<a\"b\"", false), ("<<-\\a", false)])
    func quotedNamesStopExpansion(marker: String, expands: Bool) throws {
        #expect(try #require(Heredoc(marker: marker)).expands == expands)
    }

    @Test func afterHeredocsTheFileGoesOn() throws {
        #expect(try lines("RUN <<a\nRUN x\na\nRUN <<b\nb\n\nFROM c") == ["1:RUN <<a", "4:RUN <<b", "7:FROM c"])
    }

    @Test(arguments: [
        ("[]", []), ("[\"a\"]", ["a"]), (" [ \"a\" , \"b c\" ] ", ["a", "b c"]),
        (#"["\"\\\/\b\f\n\r\t"]"#, ["\"\\/\u{8}\u{C}\n\r\t"]), (#"["\u00e9\ud83d\ude00"]"#, ["é😀"]),
        (#"["\ud83d"]"#, ["\u{FFFD}"]), ("[\"é\"]", ["é"]),
        ("['a']", nil), ("[a]", nil), ("[\"a\",]", nil), ("[\"a\" \"b\"]", nil), ("[\"a\"", nil), ("[\"a\"] x", nil),
        ("[", nil), ("", nil), ("[1]", nil), (#"["\x"]"#, nil), (#"["\u12"]"#, nil), ("[\"a\n\"]", nil), ("[]]", nil),
    ])
    func readsJSON(text: String, expected: [String]?) { #expect(JSONStrings.read(text) == expected) }
}
