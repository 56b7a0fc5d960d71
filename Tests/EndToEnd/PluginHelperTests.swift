import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Helper processes of plugins: their lives, and their ends in every way that a command can end.
    @Suite struct PluginHelpers {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("helpers")
            for (id, flag, phases, defines) in [
                ("org.test.helpers", "", "prepare", []),
                ("org.test.stopping", "stopping-", "prepare, stopped", ["-DWITH_STOPPED"]),
            ] {
                try installation.add(
                    id, from: "helpers.c",
                    manifest: """
                        phases = \(phases)
                        [flag]
                        name = \(flag)directory
                        type = path
                        help = where it writes
                        handler = directory
                        signature = i:cp
                        [flag]
                        name = \(flag)helper
                        type = string
                        help = what it starts
                        handler = helper
                        signature = i:cs
                        """, defines)
            }
            return installation
        }

        /// A launch with a helper, and what the plugin wrote.
        private struct Place {
            let work: String
            let profile: Profile

            init(_ profile: Profile) throws {
                self.profile = profile
                work = try WorkDirectory.make(for: profile)
            }

            func command(_ helper: String, _ words: [String], flag: String = "", flags: [String] = []) throws -> Command
            {
                let program = try PluginHelpers.installation.get().program
                return try skiffCommand(
                    ["exec", "--\(flag)directory", work, "--\(flag)helper", helper] + flags
                        + [try Images.shared.get().directory] + words, as: profile
                ) { $0.words[0] = program }
            }

            var log: [String] {
                let bytes = (try? readFile(work + "/log")) ?? []
                return String(bytes: bytes).split(separator: "\n").map(String.init)
            }

            var pid: pid_t? {
                (try? readFile(work + "/pid")).flatMap { pid_t(String(bytes: $0).trimmingCharacters(in: .newlines)) }
            }

            var isHelperAlive: Bool { pid.map { isAccessible("/proc/\($0)", F_OK) } ?? false }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func livesAsLongAsTheContainer(profile: Profile) throws {
            try need(profile)
            for flags in [[], ["--pid"], ["--fakeroot"]] {
                let place = try Place(profile)
                let outcome = try place.command(
                    "lives", ["/bin/sh", "-c", "kill -0 $0 2>/dev/null; exit 5"], flags: flags
                ).run()
                #expect(outcome.end == .exited(5), "\(outcome)")
                #expect(place.log == ["start 0"])
                #expect(isAccessible(place.work + "/bye", F_OK), "it could say goodbye")
                #expect(!place.isHelperAlive)
            }
        }

        /// The starter of an instance has ended long before.
        @Test(.cleanHost, arguments: Profile.allCases) func livesAsLongAsTheInstance(profile: Profile) throws {
            let instances = try InstancePlace(profile)
            let place = try Place(profile)
            var command = try instances.command([
                "instance", "start", "--stopping-directory", place.work, "--stopping-helper", "lives",
                try Images.shared.get().directory, "a",
            ])
            command.words[0] = try PluginHelpers.installation.get().program
            let started = try command.run()
            #expect(started.isSuccess && place.log == ["start 0"] && place.isHelperAlive, "\(started)")
            try instances.stop("a")
            #expect(place.log.last?.hasPrefix("stopped after goodbye ") == true, "\(place.log)")
            #expect(!place.isHelperAlive)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func endsBeforeStoppedIsCalled(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let outcome = try place.command("lives", ["false"], flag: "stopping-").run()
            #expect(outcome.end == .exited(1), "\(outcome)")
            #expect(place.log == ["start 0", "stopped after goodbye 1"])
        }

        @Test(.cleanHost, arguments: Profile.allCases) func endsWithALaunchThatFails(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let outcome = try place.command("lives", ["/no/such/program"]).run()
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(isAccessible(place.work + "/bye", F_OK) && !place.isHelperAlive)
            let refused = try Place(profile)
            let late = try refused.command("lives", ["true"], flags: ["-B", "/no/such/place"]).run()
            #expect(late.end == .exited(255) && !refused.isHelperAlive, "\(late)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func explainLeavesNothing(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let outcome = try place.command("lives", ["true"], flag: "stopping-", flags: ["--explain"]).run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(place.log == ["start 0", "stopped after goodbye -1"] && !place.isHelperAlive)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func ignoringTheGraceDoesNotHelp(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let outcome = try place.command("stubborn", ["true"]).run()
            #expect(outcome.isSuccess && place.pid != nil && !place.isHelperAlive, "\(outcome)")
        }

        /// The kernel ends it with the process that waits.
        @Test(.cleanHost, arguments: Profile.allCases) func endsWithAKilledLaunch(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let script =
                "\"$@\" & skiff=$!; until test -s \(place.work)/pid; do sleep 0.02; done; sleep 0.2; kill -9 $skiff; wait"
            let command = try place.command("lives", ["sleep", "100"])
            var killed = command
            killed.words = ["/bin/sh", "-c", script, "test"] + command.words
            _ = try killed.run()
            for _ in 0..<100 where place.isHelperAlive { usleep(20_000) }
            #expect(place.pid != nil && !place.isHelperAlive)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func failuresHaveReasons(profile: Profile) throws {
            try need(profile)
            for (helper, status, reason) in [
                ("dies", -4, "cannot start /bin/sh: it ended at once"),
                ("never-ready", -10, "cannot start /bin/sh: it was not ready in time"),
            ] {
                let place = try Place(profile)
                let outcome = try place.command(helper, ["true"]).run()
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("plugin org.test.helpers: prepare: " + reason), "\(outcome)")
                #expect(place.log == ["start \(status)"] && !place.isHelperAlive)
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func runsToTheEndOrToItsTime(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            #expect(try place.command("run", ["true"]).run().isSuccess)
            #expect(place.log == ["out 7", "run 0"])
            let slow = try Place(profile)
            #expect(try slow.command("slow", ["true"]).run().isSuccess)
            #expect(slow.log == ["nothing -1", "run -10"] && !slow.isHelperAlive)
            let ended = try Place(profile)
            #expect(try ended.command("ended", ["true"]).run().isSuccess)
            #expect(ended.log == ["ended 137"])
        }

        /// Root gets no program that a caller has put first.
        @Test(arguments: Profile.allCases) func findsPrograms(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let script =
                "printf '#!/bin/sh\\n' >\(place.work)/only-in-path; chmod 755 \(place.work)/only-in-path; PATH=\(place.work):$PATH; exec \"$@\""
            let command = try place.command("find", ["true"])
            var found = command
            found.words = ["/bin/sh", "-c", script, "test"] + command.words
            let outcome = try found.run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(place.log.first?.hasSuffix("/sh 0") == true, "\(place.log)")
            #expect(
                place.log.dropFirst() == ["missing 1", "slash -1", "\(profile == .root ? "not found" : "found") 0"])
        }
    }
}
