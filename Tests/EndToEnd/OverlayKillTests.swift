import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Everything that writes to an overlay is killed at random moments, `SKIFF_TEST_KILLS` times each (3), by `Tests/Peers/check-kills`.
    @Suite struct OverlayKills {
        @Test(
            .cleanHost, .needs(.python, .fuse, .overlay, .mke2fs), arguments: Profile.allCases,
            ["server", "command", "container"])
        func losesNothingThatWasSynchronized(profile: Profile, victim: String) throws {
            try need(profile)
            try need(profile.mounting)
            // Root's server is the kernel.
            if profile == .root && victim == "server" { return }
            let folder = try WorkDirectory.make(for: profile)
            let rounds = environmentValue("SKIFF_TEST_KILLS").flatMap { Int($0) } ?? 3
            var command = try skiffCommand([], as: profile) {
                $0.directory = folder
                $0.environment["TMPDIR"] = folder
            }
            command.words.insert(
                contentsOf: [
                    "/usr/bin/python3", Stage.repository + "/Tests/Peers/check-kills", "--rounds", String(rounds),
                    "--victim", victim,
                ], at: 0)
            let outcome = try command.run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(outcome.standardOutput.contains("check-kills: \(rounds) kills (\(victim) \(rounds))"), "\(outcome)")
        }
    }
}
