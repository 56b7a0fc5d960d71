import CLinux
import Foundation
import Linux
import Testing

extension EndToEnd {
    /// How long requests may take, and what is shown of them.
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

        // MARK: what is shown

        @Test func terminalsShowABarForEachLayerAndATotal() throws {
            try need(.registry, .umoci, .skopeo, .python)
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            try DockerImages.upload(DockerImages.layout(in: desk), registry, "team/one:1")
            let slow = try LyingRegistry(proxyTo: registry.host)
            try slow.delay(0.01)
            func pull(_ flags: [String], _ words: [String] = []) throws -> Command {
                let words = flags + ["pull", "--disable-cache", "--force"] + words
                return try skiffCommand(words + ["out.sif", "docker://\(slow.host)/team/one:1"], as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.directory = desk.folder
                }
            }
            let shown = try pull([]).onTerminal("record").run()
            #expect(shown.isSuccess, "\(shown)")
            let all = shown.standardOutput
            let names = Set(all.matches(of: /([0-9a-f]{12}) \[/).map { String($0.1) })
            #expect(names.count == 3, "\(shown)")
            let totals = all.components(separatedBy: "total").dropFirst().map { $0.components(separatedBy: "\r\n") }
            let lines = totals.compactMap(\.first)
            #expect(Set(lines).count >= 3, "it does not move: \(lines)")
            #expect(lines.first?.contains(" ] ") == true, "\(lines)")
            #expect(lines.last?.contains("[" + String(repeating: "=", count: 32) + "]") == true, "\(lines)")
            // What comes after the bars stands on lines of its own.
            #expect(totals.last?.dropFirst().first?.contains("Converting OCI blobs to SIF format") == true, "\(shown)")

            let plain = try pull([]).run()
            #expect(plain.isSuccess && plain.standardError.hasPrefix("INFO:    "), "\(plain)")
            #expect(!plain.standardError.contains("\u{1B}") && !plain.standardError.contains("[="), "\(plain)")
            #expect(plain.standardOutput.isEmpty)
            for flag in ["--quiet", "--silent"] {
                let quiet = try pull([flag]).onTerminal("record").run()
                #expect(quiet.isSuccess && quiet.standardOutput.isEmpty, "\(quiet)")
            }
            let json = try pull([], ["--json"]).onTerminal("record").run()
            #expect(json.isSuccess && json.standardOutput.contains("\"digest\""), "\(json)")
            #expect(!json.standardOutput.contains("total "), "\(json)")
        }

        @Test func uploadsAreShownAsWell() throws {
            try need(.registry, .python)
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            let address = "oras://\(registry.host)/full"
            let shown = try skiffCommand(["push", Images.shared.get().sif, address], as: .current) {
                $0.environment["HOME"] = desk.folder
            }.onTerminal("record").run()
            let full = "full.sif     [" + String(repeating: "=", count: 32) + "]"
            #expect(shown.isSuccess && shown.standardOutput.contains(full), "\(shown)")
            #expect(!shown.standardOutput.contains("total "), "\(shown)")
        }
    }
}
