import Base
import Core
import Foundation
import TestSupport
import Testing

@Suite("buildcfg and confgen") struct ConfigurationTests {
    private let folder: Scratch
    init() throws { folder = try Scratch() }

    @Test func buildConfigurationAnswersUnderTheName() throws {
        let all = try command([imageTool, "buildcfg"], environment: ["SKIFF_PROGRAM": "apptainer"])
        #expect(all.output.hasPrefix("PACKAGE_NAME=apptainer\nPACKAGE_VERSION=\(Version.apptainer)+skiff."))
        #expect(all.output.contains("\nAPPTAINER_SUID_INSTALL=0\n"))
        #expect(try command([imageTool, "buildcfg", "PACKAGE_NAME"]).output == "skiff\n")
        let unknown = try command([imageTool, "buildcfg", "NOSUCH"])
        #expect(unknown.status == 1)
        #expect(unknown.errors.hasPrefix("Error for command \"buildcfg\": no variable named \"NOSUCH\"\nUsage: "))
    }

    @Test func configurationKeepsOldValues() throws {
        let (old, new) = (folder.path + "/old.conf", folder.path + "/new.conf")
        #expect(try command([imageTool, "confgen", new]).status == 0)
        #expect(try String(contentsOfFile: new, encoding: .utf8) == (try Settings().text()))
        try "mount home = no\nbind path = /a,/b\n".write(toFile: old, atomically: true, encoding: .utf8)
        #expect(try command([imageTool, "confgen", old, new]).status == 0)
        let text = try String(contentsOfFile: new, encoding: .utf8)
        #expect(text.contains("\nmount home = no\n") && text.contains("\nbind path = /a\nbind path = /b\n"))
        #expect(text.contains("\nmount tmp = yes\n"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["new.conf", "old.conf"])
    }

    /// With the plugins that come with skiff.
    @Test func theShippedFileIsTheDefault() throws {
        let place = try folder.directory("prefix/lib/skiff/plugins")
        try shell("cp \"$1\"/Plugins/*/*.plugin \"$2\"", ["sh", repository, place])
        try succeed([product("skiff-docs"), "config", folder.path + "/conf", folder.path + "/prefix"])
        let shipped = try String(contentsOfFile: repository + "/Share/etc/skiff.conf", encoding: .utf8)
        #expect(try folder.text("conf") == shipped, "run: skiff confgen Share/etc/skiff.conf")
        let settings = try Settings(parsing: Array(shipped.utf8), name: "skiff.conf")
        #expect(settings.bindPath == Settings().bindPath && settings.pluginLines.allSatisfy(\.isOff))
    }

    @Test func whatCannotBeWrittenLeavesNothing() throws {
        let result = try command([imageTool, "confgen", folder.path + "/missing/new.conf"])
        #expect(result.status == 255)
        #expect(result.errors.contains("cannot write configuration file \(folder.path)/missing/new.conf: no such file"))
        try "mount home = maybe\n".write(toFile: folder.path + "/bad", atomically: true, encoding: .utf8)
        #expect(try command([imageTool, "confgen", folder.path + "/bad", folder.path + "/new"]).status == 255)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["bad"])
    }
}
