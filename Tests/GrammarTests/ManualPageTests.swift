import Core
import TestSupport
import Testing

@testable import Grammar

@Suite struct ManualPageTests {
    private let pages: [Grammar.Page]

    init() throws { pages = try Grammar(program: ProgramName(calledAs: "skiff")).allPages() }

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

    /// skiff.conf(5) has every directive of the shipped file.
    @Test func pageOfTheConfigurationHasEveryDirective() throws {
        let page = try #require(pages.first { $0.name == "skiff.conf.5" }).text
        let lines = try Settings().text().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count > 50)
        for line in lines {
            let name = String(line.prefix { $0 != "=" }).trimmed
            #expect(page.contains("\n" + RoffWriter.bolded(name) + " = "), "\(name)")
        }
    }

    /// The reference names every section that the parser knows, and `help deffile` is the same text.
    @Test func definitionFilesHaveTheirReference() throws {
        let page = try #require(pages.first { $0.name == "skiff-deffile.5" }).text
        let help = try parse("help", "deffile").answer()
        #expect(help.status == 0 && help.standardOutput.hasPrefix("Definition files, the recipes of images\n"))
        for name in [
            "help", "setup", "files", "labels", "environment", "pre", "post", "runscript", "test", "startscript",
            "arguments",
            "appinstall", "applabels", "appfiles", "appenv", "apptest", "apphelp", "apprun", "appstart",
        ] {
            #expect(help.standardOutput.contains("%" + name), "\(name)")
            #expect(page.contains("%" + name), "\(name)")
        }
        for line in help.standardOutput.split(separator: "\n") { #expect(line.count <= 110, "\(line)") }
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
        for name in [
            "skiff.1", "skiff-exec.1", "skiff-sif-add.1", "skiff-completion-bash.1", "skiff-deffile.5", "skiff.conf.5",
        ] {
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

extension String {
    fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
