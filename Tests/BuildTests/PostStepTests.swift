import Testing

@testable import Build

@Suite struct PostStepTests {
    private func markers(_ text: String) -> [Int] {
        StepMarkers.find(Array(text.utf8).split(separator: 0x0A, omittingEmptySubsequences: false))
    }

    @Test func onlyCommentsAreMarkers() {
        #expect(markers("a\n#@ step\nb\n  #@  step  two words\nc") == [1, 3])
        #expect(markers("a\n#@step\nb") == [1])
        #expect(markers("a\n#@ steps\n# @ step\necho #@ step\n#@ stop") == [])
        // Nothing stands before the first one.
        #expect(markers("\n\n#@ step\na\n#@ step\nb") == [4])
    }

    @Test func hereDocumentsHideThem() {
        #expect(markers("cat <<EOF\n#@ step\nEOF\n#@ step\n") == [3])
        #expect(markers("cat <<'E O' <<-\"B\" >x\n#@ step\nE O\n#@ step\n\tB\n#@ step") == [5])
        #expect(markers("cat <<\\EOF; cat <<B\n#@ step\nEOF\n#@ step\nB\n#@ step") == [5])
        #expect(markers("cat <<< word\n#@ step") == [1])
        #expect(markers("echo $((1 << 2))\n#@ step") == [1])
        #expect(markers("(( x = 1 <<2 ))\n#@ step") == [1])
        #expect(markers("# cat <<EOF\n#@ step") == [1])
        #expect(markers("echo '<<EOF' \"<<B\"\n#@ step") == [1])
    }

    @Test func stringsAndContinuedLinesHideThem() {
        #expect(markers("echo '\n#@ step\n'\n#@ step") == [3])
        #expect(markers("echo \"\\\"\n#@ step\n\"\n#@ step") == [3])
        #expect(markers("echo $'\\'\n#@ step\n'\n#@ step") == [3])
        #expect(markers("echo a \\\n#@ step\n#@ step") == [2])
        #expect(markers("echo a\\'b #'\n#@ step") == [1])
    }

    private func script(_ body: String, arguments: String = "") -> Stage.Script {
        let count = body.utf8.count { $0 == 0x0A }
        return Stage.Script(
            arguments: arguments, body: Array(body.utf8), line: 10, lines: (0..<count).map { 11 + $0 })
    }

    @Test func partsKeepTheirLines() {
        let parts = PostSteps.split(script("a\nb\n#@ step\nc\n#@ step\nd\n"))
        #expect(parts.map(\.body.text) == ["a\nb\n", "#@ step\nc\n", "#@ step\nd\n"])
        #expect(parts.map(\.line) == [10, 13, 15])
        let second = PostSteps.wrapped(parts[1], index: 1, after: 2, isLast: false).body.text
        let lines = second.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0].isEmpty && lines[1].isEmpty && lines[3] == "c")
        #expect(lines[2].contains(". /.post.state;"))
        #expect(lines[4].contains("export -p"))
        #expect(PostSteps.wrapped(parts[0], index: 0, after: 0, isLast: true).body.text == "a\nb\n")
    }

    @Test func cuttingChangesNothing() {
        let body = "a\n\n\n#@ step\n\n#@ step\nb"
        #expect(PostSteps.split(script(body)).map(\.body.text).joined() == body + "\n")
    }

    @Test func onlyShellsAreCut() {
        let body = "a\n#@ step\nb\n"
        #expect(PostSteps.split(script(body, arguments: "-c /bin/bash -e")).count == 2)
        #expect(PostSteps.split(script(body, arguments: "-u")).count == 2)
        #expect(PostSteps.split(script(body, arguments: "-c /usr/bin/python3")).count == 1)
    }
}
