import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `run`, `test` and `shell`, and images without a shell: Docs/spec/runtime.md §6.
    @Suite struct Run {
        private func image(_ name: String, _ script: String, for profile: Profile, from base: String? = nil) throws
            -> String
        {
            try Images.shared.get().changed("\(name)-\(profile)", from: base) { folder in
                try makeDirectories(folder + "/.singularity.d")
                try writeFile(folder + "/.singularity.d/" + name, Array(script.utf8), mode: 0o755)
            }
        }

        @Test(arguments: Profile.allCases) func runscriptGetsItsArguments(profile: Profile) throws {
            try need(profile)
            let image = try image("runscript", "#!/bin/sh\nfor a; do echo \"[$a]\"; done\nexit 5\n", for: profile)
            let outcome = try skiff("run", image, "one", "two words", "--flag", as: profile)
            #expect(outcome.line == "[one]\n[two words]\n[--flag]" && outcome.end == .exited(5), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func testScriptRuns(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(
                "test", image("test", "#!/bin/sh\necho tested; exit 3\n", for: profile), as: profile)
            #expect(outcome.line == "tested" && outcome.end == .exited(3), "\(outcome)")
            let none = try skiff("test", Images.shared.get().directory, as: profile)
            #expect(none.end == .exited(0), "\(none)")
        }

        @Test(arguments: Profile.allCases) func shellReadsCommands(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            try writeFile(folder + "/input", Array("echo from $0; exit 4\n".utf8), mode: 0o644)
            let outcome = try skiff("shell", Images.shared.get().directory, as: profile) {
                $0.input = folder + "/input"
            }
            #expect(outcome.end == .exited(4) && outcome.standardOutput.contains("from"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func imageWithoutShellExecs(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("exec", Images.shared.get().bare, "/inside", "exit", "6", as: profile)
            #expect(outcome.end == .exited(6), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func imageWithoutShellRuns(profile: Profile) throws {
            try need(profile)
            let script = "#!/bin/sh\nexec /inside \"$@\"\n"
            let image = try image("runscript", script, for: profile, from: Images.shared.get().bare)
            let outcome = try skiff("run", image, "exit", "8", as: profile)
            #expect(outcome.end == .exited(8), "\(outcome)")
        }
    }
}
