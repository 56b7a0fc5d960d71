import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Records of what plugins have done on the host, in every way that a command can end.
    @Suite struct PluginUndo {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("undoing")
            try installation.add(
                "org.test.undo", from: "undo.c",
                manifest: """
                    phases = prepare, stopped
                    [flag]
                    name = deed
                    type = string
                    help = what it does
                    handler = deed
                    signature = i:cs
                    [flag]
                    name = deed-place
                    type = path
                    help = where it does it
                    handler = deed-place
                    signature = i:cp
                    """)
            return installation
        }

        private struct Place {
            let work: String
            let profile: Profile

            init(_ profile: Profile) throws {
                self.profile = profile
                work = try WorkDirectory.make(for: profile)
            }

            func command(_ deed: String, _ words: [String], flags: [String] = []) throws -> Command {
                let program = try PluginUndo.installation.get().program
                return try skiffCommand(
                    ["exec", "--deed", deed, "--deed-place", work] + flags + [try Images.shared.get().directory]
                        + words,
                    as: profile
                ) {
                    $0.words[0] = program
                    $0.environment["APPTAINER_CONFIGDIR"] = work + "/configuration"
                }
            }

            func has(_ name: String) -> Bool { (try? status(work + "/" + name, follow: false)) != nil }

            var records: [String] {
                ((try? FileManager.default.contentsOfDirectory(atPath: work + "/configuration/undo/" + hostname()))
                    ?? [])
            }

            /// Kills the command with all its processes, those that run code of plugins first.
            func kill(_ command: Command, when ready: String) throws {
                var killed = command
                let script = """
                    "$@" & skiff=$!; until \(ready); do sleep 0.02; done; sleep 0.2
                    kill -9 $(cat /proc/$skiff/task/$skiff/children) $skiff; wait
                    """
                killed.words = ["/bin/sh", "-c", script, "test"] + command.words
                _ = try killed.run()
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func isUndoneInReverse(profile: Profile) throws {
            try need(profile)
            for (words, end) in [(["false"], 1), (["/no/such/program"], 255)] {
                let place = try Place(profile)
                let outcome = try place.command("files", words).run()
                #expect(outcome.end == .exited(CInt(end)), "\(outcome)")
                #expect(
                    !outcome.standardError.contains("not undone") && !outcome.standardError.contains("cannot remove"))
                #expect(!place.has("made") && place.has("order") && place.records.isEmpty)
                #expect(try readFile(place.work + "/input") == Array("given".utf8))
            }
            let place = try Place(profile)
            let explained = try place.command("files", ["true"], flags: ["--explain"]).run()
            #expect(explained.isSuccess && !place.has("made") && place.records.isEmpty, "\(explained)")
            // A plan that cannot be made.
            let refused = try place.command("files", ["true"], flags: ["-S", "relative"]).run()
            #expect(refused.end == .exited(255) && !place.has("made") && place.records.isEmpty, "\(refused)")
            // A later failure of the launch.
            let failed = try place.command("files", ["true"], flags: ["-B", "/no/such/place"]).run()
            #expect(failed.end == .exited(255) && !place.has("made") && place.records.isEmpty, "\(failed)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func theNextCommandTakesBackWhatAKilledOneLeft(profile: Profile)
            throws
        {
            try need(profile)
            let place = try Place(profile)
            try place.kill(
                try place.command("files", ["sleep", "100"]), when: "test -e \(place.work)/made/file")
            #expect(place.has("made/file") && place.records.count == 1)
            // A command that lives keeps its own.
            let other = try place.command("none", ["true"]).run()
            #expect(other.isSuccess, "\(other)")
            #expect(!place.has("made") && place.has("order") && place.records.isEmpty)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func theDoctorTakesItBackToo(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            try place.kill(
                try place.command("files", ["sleep", "100"]), when: "test -e \(place.work)/made/file")
            func doctor(_ words: String...) throws -> Outcome {
                try skiffCommand(["doctor"] + words, as: profile) {
                    $0.environment["APPTAINER_CONFIGDIR"] = place.work + "/configuration"
                }.run()
            }
            let told = try doctor()
            let record = place.work + "/configuration/undo/\(hostname())/" + (place.records.first ?? "none")
            #expect(told.standardOutput.contains("\(record) was left by"), "\(told)")
            #expect(place.has("made/file"))
            let cleaned = try doctor("--clean")
            #expect(cleaned.standardOutput.contains("removed \(record)"), "\(cleaned)")
            #expect(!place.has("made") && place.records.isEmpty)
        }

        /// What ran code of the plugin may have begun to take things back when it was killed, too.
        @Test(.cleanHost, arguments: Profile.allCases) func theNextCommandGoesOnWhereAKilledOneWas(profile: Profile)
            throws
        {
            try need(profile)
            let place = try Place(profile)
            var command = try place.command("files", ["sleep", "100"])
            let script = """
                "$@" & skiff=$!; until test -e \(place.work)/made/file; do sleep 0.02; done; sleep 0.2; kill -9 $skiff; wait
                """
            command.words = ["/bin/sh", "-c", script, "test"] + command.words
            _ = try command.run()
            // Killed with its parent, it may be there for a moment.
            for _ in 0..<50 {
                #expect(try place.command("none", ["true"]).run().isSuccess)
                if place.records.isEmpty { break }
                usleep(50_000)
            }
            #expect(!place.has("made") && place.records.isEmpty)
        }

        @Test(.cleanHost, .needs(.root)) func interfacesAndMountsGo() throws {
            let place = try Place(.root)
            let program = try place.command("interface", ["true"])
            var inside = program
            // In a network namespace of the test's own.
            inside.words =
                ["/usr/bin/unshare", "--net", "/bin/sh", "-c", "\"$@\" && ip -o link | grep -c skifftest", "test"]
                + program.words
            let outcome = try inside.run()
            #expect(outcome.line == "0", "\(outcome)")
            let mounted = try place.command("mount", ["true"]).run()
            #expect(mounted.isSuccess, "\(mounted)")
            let mounts = try readFile("/proc/self/mountinfo")
            #expect(!String(bytes: mounts).contains(place.work + "/mounted"))
        }

        @Test(arguments: Profile.allCases) func badRecordsAreRefused(profile: Profile) throws {
            try need(profile)
            for deed in ["relative", "slash", "kind"] {
                let place = try Place(profile)
                let outcome = try place.command(deed, ["true"]).run()
                #expect(outcome.end == .exited(255), "\(deed): \(outcome)")
                #expect(outcome.standardError.contains("cannot write down what to undo"), "\(deed): \(outcome)")
            }
        }
    }
}
