import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The installed programs start, as both users.
    @Suite struct Start {
        @Test(arguments: Profile.allCases) func tellsItsVersion(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("--version", as: profile)
            #expect(outcome.isSuccess && outcome.standardOutput.hasPrefix("skiff version "), "\(outcome)")
        }
        /// Scripts ask `apptainer --version` and parse the answer (Docs/spec/cli.md §1.1).
        @Test(arguments: ["apptainer", "singularity"]) func answersToItsOtherNames(name: String) throws {
            let program = try Stage.shared.get().prefix + "/bin/" + name
            let outcome = try Command([program, "--version"], as: .current).run()
            #expect(
                outcome.isSuccess && outcome.standardOutput.hasPrefix("apptainer version 1.6.0+skiff."), "\(outcome)")
        }

        @Test(arguments: ["exec", "run", "shell", "test", "build", "inspect", "sif", "plugin"])
        func hasHelpAndAPage(command: String) throws {
            let outcome = try skiff(command, "--help", as: .current)
            #expect(outcome.isSuccess && outcome.standardOutput.contains("Usage:"), "\(outcome)")
            let page = try Stage.shared.get().prefix + "/share/man/man1/skiff-\(command).1"
            #expect(isAccessible(page, R_OK), "no \(page)")
        }

        /// `#!/usr/bin/env run-singularity` is the first line of a SIF.
        @Test(arguments: Profile.allCases) func sifRunsByItself(profile: Profile) throws {
            try need(profile)
            let image = try ImageKind.sif.path(for: profile)
            let bin = try Stage.shared.get().prefix + "/bin"
            var command = Command([bin + "/run-singularity", image], as: profile)
            command.environment["PATH"] = bin + ":/usr/bin:/bin"
            let outcome = try command.run()
            #expect(outcome.isSuccess, "\(outcome)")
        }
    }
}
