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

        private func expect(_ scenario: String, _ words: [String], _ profile: Profile) throws {
            try need(profile)
            try need(.python)
            let outcome = try skiffCommand(words, as: profile).onTerminal(scenario).run()
            #expect(outcome.isSuccess, "\(outcome)")
        }
    }
}
