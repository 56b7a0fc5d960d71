import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.host.image-edit/1`: a command of a plugin changes a SIF file.
    @Suite struct ImageEdits {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("editing")
            try installation.add(
                "org.test.edit", from: "edit.c",
                manifest: """
                    [command]
                    name = edit
                    help = changes a SIF file
                    handler = edit
                    signature = i:cS
                    [flag]
                    name = try-edit
                    help = tries it in a launch
                    handler = try-edit
                    signature = i:cb
                    """)
            return installation
        }

        /// A SIF with a text, another one that is longer, and a small one.
        private struct Place {
            let profile: Profile
            let folder: String
            let program: String
            let before: [UInt8]
            var file: String { folder + "/x.sif" }

            init(_ profile: Profile) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                program = try ImageEdits.installation.get().program
                let file = folder + "/x.sif"
                try #require(try skiff("sif", "new", file, as: profile).isSuccess)
                for (index, text) in ["first", String(repeating: "second", count: 1000), "third"].enumerated() {
                    let source = folder + "/\(index)"
                    try writeFile(source, Array(text.utf8), mode: 0o644)
                    let added = try skiff("sif", "add", "--datatype", "7", "--groupid", "1", file, source, as: profile)
                    try #require(added.isSuccess, "\(added)")
                }
                before = try readFile(file)
            }

            func command(_ words: String...) throws -> Command {
                try skiffCommand(["edit"] + words, as: profile) { $0.words[0] = program }
            }

            func edit(_ deed: String, _ words: String...) throws -> Outcome {
                var command = try command(deed, file)
                command.words += words
                return try command.run()
            }

            func dump(_ id: Int) throws -> String {
                try skiff("sif", "dump", String(id), file, as: profile).standardOutput
            }

            func isAsBefore() throws -> Bool { try readFile(file) == before }
        }

        /// What the fixture writes.
        private static func letters(_ count: Int) -> String {
            String(decoding: (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 26) }, as: UTF8.self)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func changesObjects(profile: Profile) throws {
            try need(profile)
            var place = try Place(profile)
            let listed = try place.edit("list")
            #expect(listed.standardOutput.hasPrefix("1 type 4007 group 1 offset 32176 size 5 fs 0 role 0 name"))
            let appended = try place.edit("append", "0", "5000")
            #expect(appended.standardOutput.contains("added 4, called 1"), "\(appended)")
            #expect(try place.dump(4) == Self.letters(5000) && place.dump(1) == "first")
            let replaced = try place.edit("replace", "2", "7000")
            #expect(replaced.isSuccess, "\(replaced)")
            #expect(try place.dump(2) == Self.letters(7000) && place.dump(3) == "third")
            #expect(try place.edit("resize", "2", "7010").isSuccess)
            #expect(try place.dump(2) == Self.letters(7000) + String(repeating: "\0", count: 10))
            #expect(try place.edit("resize", "2", "10").isSuccess)
            #expect(try place.dump(2) == Self.letters(10))
            let inside = try place.edit("resize", "1", "10")
            #expect(inside.standardError.contains("it is not the last one of the file"), "\(inside)")
            let length = try status(place.file).size
            #expect(try place.edit("remove", "2").isSuccess)
            #expect(try status(place.file).size < length)
            #expect(try place.dump(4) == Self.letters(5000) && place.dump(3) == "third")
            place = try Place(profile)
            let all = try place.edit("all", "0", "100")
            #expect(all.isSuccess && !all.standardOutput.contains("\n2 type"), "\(all)")
            #expect(try place.dump(1) == Self.letters(50) + String(repeating: "\0", count: 10))
            let partition = try place.edit("partition", "0", "100")
            #expect(partition.isSuccess && partition.standardOutput.contains("fs 2 role 4"), "\(partition)")
            let info = try skiff("sif", "info", "2", place.file, as: profile)
            #expect(info.standardOutput.contains("arm64"), "\(info)")
        }

        @Test(.cleanHost, arguments: Profile.allCases, ["header", "beyond", "short", "refuse", "abort", "exit"])
        func aFailedChangeLeavesTheFile(profile: Profile, deed: String) throws {
            try need(profile)
            let place = try Place(profile)
            let outcome = try place.edit(deed)
            #expect(
                outcome.end == .exited(255) && outcome.standardError.contains("org.test.edit: edit: "), "\(outcome)")
            let deadline = Date(timeIntervalSinceNow: 5)
            while try !place.isAsBefore(), Date() < deadline { usleep(5_000) }
            #expect(try place.isAsBefore())
            #expect(try place.edit("append").isSuccess)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func keepsItsBounds(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let hostile = try place.edit("hostile")
            #expect(hostile.standardOutput == "refused 40 of 40, called 0, open 16\n", "\(hostile)")
            #expect(try place.edit("uncommitted").isSuccess)
            #expect(try place.isAsBefore())
            let readOnly = try place.edit("read-only", "1")
            #expect(readOnly.standardError.contains("it is open for reading only"), "\(readOnly)")
            let nested = try place.edit("nested")
            #expect(nested.standardOutput.hasPrefix("nested -8\n"), "\(nested)")
            // A helper writes its part, and nothing behind it.
            let helper = try place.edit("helper", "0", "10")
            #expect(helper.standardOutput.hasPrefix("stopped\n"), "\(helper)")
            #expect(try place.dump(5) == "helpedghij")
            let launch = try skiffCommand(
                ["exec", "--try-edit", try Images.shared.get().directory, "true"], as: profile
            ) { $0.words[0] = place.program }.run()
            #expect(launch.isSuccess && launch.standardError.contains("not in a launch"), "\(launch)")
            guard profile == .user else { return }
            try chmod(place.file, 0o444)
            let refused = try place.edit("append")
            #expect(refused.end == .exited(255) && refused.standardError.contains("permission denied"), "\(refused)")
            #expect(try place.edit("list").isSuccess)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func aSignatureHoldsOrDoesNot(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let signed = Stage.repository + "/Tests/Vectors/sif/one-group-signed-dsse.sif"
            try FileManager.default.removeItem(atPath: place.file)
            try FileManager.default.copyItem(atPath: signed, toPath: place.file)
            try chmod(place.file, 0o666)
            let listed = try place.edit("list")
            #expect(listed.standardOutput.contains("type 4005"), "\(listed)")
            // The host leaves it to the plugin, as `sif add` does.
            #expect(try place.edit("append").isSuccess)
        }

        /// Killed while the bytes are written, by the plugin or its helper, or before they are seen.
        @Test(.cleanHost, arguments: Profile.allCases, ["wait", "slow-helper", "wait-commit"])
        func aKilledEditLeavesTheFile(profile: Profile, deed: String) throws {
            try need(profile)
            let place = try Place(profile)
            for signal in [SIGKILL, SIGTERM, SIGINT] {
                let running = try place.command(deed, place.file, "0", "300000").start()
                #expect(running.waitForOutput("ready"))
                #expect(try !place.isAsBefore())
                // Everything that belongs to the command but the one that watches.
                for entry in ProcessTable.current() where entry.session == running.pid {
                    kill(entry.pid, signal)
                }
                _ = try running.wait(seconds: 15)
                let deadline = Date(timeIntervalSinceNow: 5)
                while try !place.isAsBefore(), Date() < deadline { usleep(5_000) }
                #expect(try place.isAsBefore(), "\(signal)")
            }
        }

        /// Two edits of one file wait for each other.
        @Test(arguments: Profile.allCases) func editsTakeTurns(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let running = try (0..<6).map { _ in try place.command("append", place.file, "0", "50000").start() }
            for process in running { #expect(try process.wait(seconds: 30).isSuccess) }
            for id in 4...9 { #expect(try place.dump(id) == Self.letters(50000)) }
        }
    }
}
