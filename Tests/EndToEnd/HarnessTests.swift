import CLinux
import TestSupport
import Testing

extension EndToEnd {
    /// The harness must detect what goes wrong, or the other tests prove nothing.
    @Suite struct Harness {
        @Test(arguments: Profile.allCases) func runsAsTheProfile(profile: Profile) throws {
            try need(profile)
            let outcome = try Command(["/usr/bin/id", "-u"], as: profile).run()
            #expect(outcome.isSuccess && outcome.line == profile.record.map { "\($0.uid)" }, "\(outcome)")
        }

        @Test func tellsExitFromSignal() throws {
            #expect(try Command(["/bin/sh", "-c", "exit 7"], as: .current).run().end == .exited(7))
            #expect(try Command(["/bin/sh", "-c", "kill -USR1 $$"], as: .current).run().end == .signaled(SIGUSR1))
        }

        @Test func endsWhatHangs() throws {
            let before = Leftovers.now()
            let running = try Command(["/bin/sh", "-c", "sleep 50 & sleep 51"], as: .current).start()
            #expect(try running.wait(seconds: 0.2).end == nil)
            #expect(Leftovers.settled(from: before, sessions: [running.pid]).isEmpty)
        }

        @Test func noticesWhatIsLeft() throws {
            let before = Leftovers.now()
            let command = try Command(["/bin/sh", "-c", "exec sleep 40"], as: .current).start()
            // In the middle of execve(2) a process has no arguments.
            let isNoticed = (0..<500).contains { _ in
                let excess = Leftovers.settled(from: before, sessions: [command.pid], seconds: 0)
                return excess.processes.contains { $0.contains("sleep 40") } || usleep(10_000) != 0
            }
            #expect(isNoticed)
            try command.signal(SIGKILL)
            #expect(try command.wait(seconds: 5).end == .signaled(SIGKILL))
            #expect(Leftovers.settled(from: before, sessions: [command.pid]).isEmpty)
        }
    }
}
