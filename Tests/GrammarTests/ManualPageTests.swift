import TestSupport
import Testing

@testable import Grammar

@Suite struct ManualPageTests {
    private let pages = Grammar(program: ProgramName(calledAs: "skiff")).manualPages()

    @Test func everyShownCommandHasAPage() {
        let names = pages.map(\.name)
        #expect(names.contains("skiff.1") && names.contains("skiff-exec.1") && names.contains("skiff-sif-list.1"))
        #expect(!names.contains("skiff-buildcfg.1"))
        #expect(Set(names).count == names.count)
    }

    @Test func pagesNameEveryShownFlag() throws {
        let page = try #require(pages.first { $0.name == "skiff-exec.1" }).text
        #expect(page.contains("\\fB\\-B\\fR, \\fB\\-\\-bind\\fR \\fIstringArray\\fR\n"))
        #expect(page.contains("Variable: APPTAINER_BIND, APPTAINER_BINDPATH.\n"))
        #expect(!page.contains("tmpdir"))
    }

    @Test func textCannotBecomeARequest() {
        var writer = RoffWriter()
        writer.text(".so /etc/passwd")
        writer.text("'br \\fB")
        writer.macro("SH", ["a \"b\""])
        #expect(writer.result == "\\&.so /etc/passwd\n\\(aqbr \\efB\n.SH \"a \\(dqb\\(dq\"\n")
    }

    @Test(.needs(.man)) func manFindsNoFault() throws {
        let scratch = try Scratch()
        for name in ["skiff.1", "skiff-exec.1", "skiff-sif-add.1", "skiff-completion-bash.1"] {
            let page = try #require(pages.first { $0.name == name })
            let file = try scratch.file(name, text: page.text)
            let result = try command(
                ["/usr/bin/man", "--warnings", "-l", file],
                environment: ["LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"])
            #expect(result.status == 0 && result.errors.isEmpty, "\(name): \(result)")
            #expect(result.output.contains("NAME\n"))
        }
    }
}
