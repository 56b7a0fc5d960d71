import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.devices/1`: names of `--device` that plugins know.
    @Suite(.cleanHost) struct PluginDevices {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("devices")
            let manifest = "extensions = skiff.devices/1"
            try installation.add("org.test.things", from: "devices.c", manifest: manifest)
            try installation.add(
                "org.test.others", from: "devices.c", manifest: manifest, ["-DKIND=\"test.org/other\""])
            return installation
        }

        private func skiff(_ words: [String], as profile: Profile, _ program: String? = nil) throws -> Outcome {
            let program = try program ?? Self.installation.get().program
            return try skiffCommand(words, as: profile) { $0.words[0] = program }.run()
        }

        private func shell(_ flags: [String], _ script: String, as profile: Profile, _ program: String? = nil) throws
            -> Outcome
        {
            try skiff(
                ["exec"] + flags + [try Images.shared.get().directory, "/bin/sh", "-c", script], as: profile, program)
        }

        @Test(arguments: Profile.allCases) func nodesLinksGroupsAndVariables(profile: Profile) throws {
            try need(profile)
            let look = "test -c /dev/thing/zero && test -c /dev/first-thing && echo $THING"
            for name in ["test.org/thing=whole", "test.org/other=whole"] {
                let outcome = try shell(["--contain", "--device", name], look, as: profile)
                #expect(outcome.isSuccess && outcome.standardOutput == "whole\n", "\(name): \(outcome)")
                let plan = try shell(["--explain", "--contain", "--device", name], "true", as: profile)
                #expect(plan.standardOutput.contains("device \(name.dropLast(6))"), "\(plan)")
                #expect(plan.standardOutput.contains("--device"), "\(plan)")
            }
        }

        /// Only root can make nodes, and only in a /dev of the container's own.
        @Test(arguments: Profile.allCases) func nodesOfTheirOwn(profile: Profile) throws {
            try need(profile)
            let name = "test.org/thing=owned"
            let look = "stat -c '%F %t:%T %a %u:%g' /dev/owned && echo x >/dev/owned && echo written"
            let outcome = try shell(["--contain", "--device", name], look, as: profile)
            let refused = try shell(["--device", name], look, as: profile)
            for outcome in profile == .root ? [refused] : [outcome, refused] {
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
                #expect(outcome.standardError.contains("cannot change owner or mode of device /dev/null"), "\(outcome)")
            }
            let odd = try shell(["--contain", "--device", "test.org/thing=setuid"], look, as: profile)
            #expect(odd.standardError.contains("with mode 4640: it has bits other than 666"), "\(odd)")
            if profile != .root { return }
            #expect(outcome.standardOutput == "character special file 1:3 640 12:34\nwritten\n", "\(outcome)")
            let plan = try shell(["--explain", "--contain", "--device", name], look, as: profile)
            #expect(plan.standardOutput.contains("a character device 1:3 of 12:34, mode 0640"), "\(plan)")
        }

        @Test(arguments: Profile.allCases) func laterDirectoriesWin(profile: Profile) throws {
            try need(profile)
            let work = try WorkDirectory.make(for: profile)
            for name in ["one", "two"] {
                try makeDirectory(work + "/" + name, mode: 0o755)
                try writeFile(work + "/\(name)/x.device", [], mode: 0o644)
            }
            let outcome = try shell(
                ["--device", "test.org/thing=x", "--cdi-dirs", "\(work)/one,\(work)/two"], "echo $THING", as: profile)
            #expect(outcome.isSuccess && outcome.standardOutput == "\(work)/two\n", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func whatNobodyKnowsIsRefused(profile: Profile) throws {
            try need(profile)
            let stock = try Stage.shared.get().prefix + "/bin/skiff"
            for (program, name) in [
                (nil, "test.org/thing=x"), (nil, "nothing"), (stock, "test.org/thing=whole"),
            ] {
                let outcome = try shell(["--device", name], "echo never", as: profile, program)
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(name): \(outcome)")
                #expect(
                    outcome.standardError.contains(
                        "cannot use device \(name): no plugin that is installed and enabled knows it"),
                    "\(name): \(outcome)")
            }
            let broken = try shell(["--device", "test.org/thing=broken"], "echo never", as: profile)
            #expect(broken.end == .exited(255) && broken.standardOutput.isEmpty, "\(broken)")
            #expect(
                broken.standardError.contains("plugin org.test.things: --device test.org/thing=broken: cannot read"),
                "\(broken)")
        }

        @Test(arguments: Profile.allCases) func listsWhatPluginsKnow(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(["plugin", "devices"], as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(
                outcome.standardOutput.split(separator: "\n").sorted() == [
                    "test.org/other=bro\\nken", "test.org/other=whole", "test.org/thing=bro\\nken",
                    "test.org/thing=whole",
                ], "\(outcome)")
            let json = try skiff(["plugin", "devices", "--json"], as: profile)
            #expect(json.isSuccess && json.standardOutput.contains("\"plugin\": \"org.test.others\""), "\(json)")
            let none = try skiff(["plugin", "devices"], as: profile, try Stage.shared.get().prefix + "/bin/skiff")
            #expect(none.isSuccess && none.standardOutput.isEmpty, "\(none)")
        }
    }
}
