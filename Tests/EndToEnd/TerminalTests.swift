import CLinux
import Linux
import Testing

extension EndToEnd {
    /// A real terminal and job control; `Tests/Inside/terminal.py` types.
    @Suite struct Terminal {
        @Test(arguments: Profile.allCases, ["shell", "resize"])
        func shellOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["shell", try Images.shared.get().directory], profile)
        }

        @Test(arguments: Profile.allCases, ["interrupt", "suspend"])
        func programOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["exec", try Images.shared.get().directory], profile)
        }

        /// With a server to reap, skiff stays as a parent and must pass the keys on all the same.
        @Test(arguments: Profile.allCases, ["interrupt", "suspend"])
        func watchedProgramOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["exec", try ImageKind.squashfs.path(for: profile)], profile)
        }

        @Test(arguments: Profile.allCases, ["interrupt", "suspend"])
        func programOfAShimOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["exec", "--pid", try Images.shared.get().directory], profile)
        }

        @Test(arguments: Profile.allCases) func buildAsksBeforeItReplaces(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let target = folder + "/image.sif"
            for (name, text) in [("image.sif", "old"), ("a.def", "Bootstrap: scratch\n")] {
                try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o644)
                if profile == .user, let user = profile.record { try chown(folder + "/" + name, user.uid, user.gid) }
            }
            let words = ["build", target, folder + "/a.def"]
            try expect("decline", words, profile)
            #expect(try readFile(target) == Array("old".utf8))
            try expect("agree", words, profile)
            #expect(try readFile(target).count > 4096)
        }

        private func expect(_ scenario: String, _ words: [String], _ profile: Profile) throws {
            try need(profile)
            try need(.python)
            let outcome = try skiffCommand(words, as: profile).onTerminal(scenario).run()
            #expect(outcome.isSuccess, "\(outcome)")
        }
    }
}
