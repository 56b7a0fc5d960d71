import Base
import Foundation
import Linux
import Testing

@testable import Core

@Suite struct ProgramPathTests {
    @Test func ownDirectoriesStandWhereTheDirectiveSaysSo() {
        var settings = Settings()
        #expect(
            ProgramPath(settings, own: "/home/ann/bin:/usr/bin:.:bin").directories == [
                "/home/ann/bin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/sbin", "/bin",
            ])
        #expect(ProgramPath(settings, own: nil).directories.first == "/usr/local/sbin")
        settings.binaryPath = "/opt/tools:$PATH"
        #expect(ProgramPath(settings, own: "/a").directories == ["/opt/tools", "/a"])
        settings.binaryPath = "/opt/tools"
        #expect(ProgramPath(settings, own: "/a:/bin").directories == ["/opt/tools"])
        #expect(
            ProgramPath(settings, own: "/a:/bin").text
                == "/opt/tools:/a:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin")
    }

    @Test func onlyExecutableFilesAreFound() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skiff-programs-\(processID())").path
        try makeDirectories(folder + "/tool")
        defer { try? removeTree(folder) }
        var settings = Settings()
        settings.binaryPath = folder
        #expect(ProgramPath(settings, own: "/usr/bin").find("tool") == nil)
        try writeFile(folder + "/program", [], mode: 0o755)
        #expect(ProgramPath(settings, own: nil).find("program") == folder + "/program")
        #expect(ProgramPath(settings, own: "/usr/bin").find("env") == nil)
    }
}
