import CLinux
import Foundation
import Linux
import Testing

extension EndToEnd {
    /// How long requests may take.
    @Suite struct Transfers {
        typealias Desk = EndToEnd.Registries.Desk

        // MARK: time

        @Test(arguments: ["library", "oras"]) func deleteWaitsAsLongAsItIsTold(transport: String) throws {
            try need(.python)
            let isLibrary = transport == "library"
            let sif = try Images.shared.get().sif
            let server = try LyingRegistry(isLibrary ? "library" : "lying", sif: sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            var address = "oras://\(server.host)/tardy/x:1"
            if isLibrary {
                address = "library://team/tools/tardy:1"
                #expect(try desk.run("remote", "add", "--no-login", "-i", "office", "http://\(server.host)").isSuccess)
                #expect(try desk.run("remote", "login", "-p", "good").isSuccess)
                #expect(try desk.run("push", "-U", sif, address).isSuccess)
            }
            // The server takes three seconds.
            for words in [["--timeout", "1"], ["-T", "0"], []] {
                let start = Date()
                let late = try skiffCommand(["delete", "--force"] + words + [address], as: .current) {
                    $0.environment["HOME"] = desk.folder
                    if words.isEmpty { $0.environment["APPTAINER_TIMEOUT"] = "1" }
                }.run()
                #expect(
                    late.end == .exited(255) && late.standardError.contains("no answer in the time that there was")
                        && late.standardError.contains("--timeout"), "\(late)")
                #expect(Date().timeIntervalSince(start) < 2.5)
            }
            let inTime = try desk.run("delete", "--force", address)
            if isLibrary, !inTime.isSuccess {
                // The one that came late was carried out all the same.
                #expect(inTime.standardError.contains("no such image"), "\(inTime)")
            } else {
                #expect(inTime.isSuccess && inTime.standardError.contains("deleted."), "\(inTime)")
            }
        }
    }
}
