import Foundation
import Testing

@testable import Grammar

private let man = "/usr/bin/man"

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

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: man), "man is not installed"))
    func manFindsNoFault() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skiff-man-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["skiff.1", "skiff-exec.1", "skiff-sif-add.1", "skiff-completion-bash.1"] {
            let page = try #require(pages.first { $0.name == name })
            let file = folder.appending(path: name)
            try page.text.write(to: file, atomically: true, encoding: .utf8)
            let process = Process()
            process.executableURL = URL(filePath: man)
            process.arguments = ["--warnings", "-l", file.path]
            process.environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"]
            let (output, errors) = (Pipe(), Pipe())
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            let faults = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0 && faults.isEmpty, "\(name): \(faults)")
            #expect(text.contains("NAME\n"))
        }
    }
}
