import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Exit codes and signals: Docs/spec/cli.md §1.4. Scripts and schedulers rely on them.
    @Suite struct Exit {
        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func passesTheProgramsStatus(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            for code in [0, 1, 7, 126, 127, 255] {
                let outcome = try skiff("exec", kind.path(for: profile), "/inside", "exit", "\(code)", as: profile)
                #expect(outcome.end == .exited(CInt(code)), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func diesOfTheProgramsSignal(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            for number in [SIGTERM, SIGUSR1, SIGKILL, SIGHUP] {
                let outcome = try skiff("exec", kind.path(for: profile), "/inside", "signal", "\(number)", as: profile)
                #expect(outcome.end == .signaled(number), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func shimTurnsASignalIntoAStatus(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(
                "exec", "--pid", Images.shared.get().directory, "/inside", "signal", "15", as: profile)
            #expect(outcome.end == .exited(143), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func missingCommandIs255(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("exec", Images.shared.get().directory, "no-such-command", as: profile)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("no-such-command"), "\(outcome)")
            #expect(outcome.standardError.hasPrefix("FATAL:   "), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func missingImageIs255(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("exec", "/no/such/image.sif", "true", as: profile)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("/no/such/image.sif"), "\(outcome)")
        }

        @Test(arguments: [
            ["exec"], ["exec", "/"], ["run"], ["exec", "--no-such-flag", "/", "true"],
        ])
        func wrongUsageIs1(arguments: [String]) throws {
            let outcome = try skiffCommand(arguments, as: .current).run()
            #expect(outcome.end == .exited(1), "\(outcome)")
            #expect(outcome.standardError.contains("Error for command"), "\(outcome)")
        }

        @Test func unknownVerbIs1() throws {
            let outcome = try skiff("no-such-verb", as: .current)
            #expect(outcome.end == .exited(1) && outcome.standardError.contains("no-such-verb"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func signalReachesTheProgram(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let command = try skiffCommand(
                ["exec", try kind.path(for: profile), "/inside", "sleep", "50"], as: profile)
            let running = try command.start()
            #expect(running.waitForOutput("sleeping"))
            try running.signal(SIGTERM)
            #expect(try running.wait(seconds: 10).end == .signaled(SIGTERM))
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func ignoredSignalLeavesTheProgramRunning(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let script = "trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.05; done"
            let running = try skiffCommand(["exec", try kind.path(for: profile), "sh", "-c", script], as: profile)
                .start()
            #expect(running.waitForOutput("ready"))
            try running.signal(SIGUSR1)
            let outcome = try running.wait(seconds: 10)
            #expect(outcome.end == .exited(9) && outcome.standardOutput.contains("caught"), "\(outcome)")
        }
    }
}
