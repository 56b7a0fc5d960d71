import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.doctor/1`: plugins say what they need of the host.
    @Suite(.cleanHost) struct PluginDoctors {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("doctors")
            let manifest = "extensions = skiff.doctor/1\ndraft-ok = yes"
            try installation.add("org.test.tells", from: "doctor.c", manifest: manifest)
            for deed in ["exit", "fail", "level"] {
                try installation.add("org.test.\(deed)", from: "doctor.c", manifest: manifest, ["-DDEED=\"\(deed)\""])
            }
            return installation
        }

        @Test(arguments: Profile.allCases) func tellsWhatPluginsFind(profile: Profile) throws {
            try need(profile)
            let program = try Self.installation.get().program
            func doctor(_ flags: [String]) throws -> Outcome {
                try skiffCommand(["doctor"] + flags, as: profile) { $0.words[0] = program }.run()
            }
            let text = try doctor([])
            #expect(text.end == .exited(1), "\(text)")
            for line in [
                "ok       thing       there is a thing\n",
                "fault    thing       another one is broken\\nFATAL: forged\n",
                "Effect: nothing works\n", "Cure:   thingctl repair as root\n",
                "plugin org.test.exit cannot be examined: plugin org.test.exit: examine: it ended the process with status 0",
                "plugin org.test.fail cannot be examined: plugin org.test.fail: examine: cannot look at the thing",
                "plugin org.test.level cannot be examined: plugin org.test.level: examine: a finding has the unknown level 9",
            ] { #expect(text.standardOutput.contains(line), "\(line): \(text)") }
            #expect(!text.standardOutput.contains("printed by a plugin"), "\(text)")
            let json = try doctor(["--json"])
            #expect(
                json.standardOutput.contains("\"cure\": \"thingctl repair as root\"")
                    && !json.standardOutput.contains("printed by a plugin"), "\(json)")
        }
    }
}
