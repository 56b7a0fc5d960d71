import Testing

@testable import Core

@Suite struct LoginSettingsTests {
    @Test(arguments: [
        ("", false), ("[Login]\nKillUserProcesses=yes", true), ("KillUserProcesses = 1 ", true),
        ("#KillUserProcesses=yes", false), ("KillUserProcesses=yes\nKillUserProcesses=no", false),
        ("KillUserProcesses=yes\nKillExcludeUsers=root me", false),
        ("KillUserProcesses=yes\nKillExcludeUsers=", true),
        ("KillUserProcesses=yes\nKillOnlyUsers=you", false), ("KillUserProcesses=yes\nKillOnlyUsers=you me", true),
    ]) func whoIsKilled(file: String, isKilled: Bool) {
        #expect(LoginSettings.killsProcesses(of: "me", files: [file]) == isKilled)
    }

    @Test func filesHaveAnOrder() {
        #expect(LoginSettings.killsProcesses(of: "me", files: ["KillUserProcesses=no", "KillUserProcesses=yes"]))
        #expect(!LoginSettings.killsProcesses(of: "root", files: ["KillUserProcesses=yes"]))
    }
}
