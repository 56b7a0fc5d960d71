import Testing

extension EndToEnd {
    /// The installed programs start, as both users.
    @Suite struct Start {
        @Test(arguments: Profile.allCases) func tellsItsVersion(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("--version", as: profile)
            #expect(outcome.isSuccess && outcome.standardOutput.hasPrefix("skiff version "), "\(outcome)")
        }
    }
}
