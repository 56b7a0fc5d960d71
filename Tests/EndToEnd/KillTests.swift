import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// kill -9 of any process at any moment: nothing is left, nothing hangs.
    @Suite struct Kill {
        enum Victim: String, CaseIterable, Sendable { case skiff, server, contained }

        /// The points of `LaunchStep` at which a debug build can stop.
        private static let steps = [
            "planned", "server-started", "cloned", "mapped", "sources", "session", "fuse-mounted", "image", "root",
            "mounts", "pivoted", "environment", "exec", "running",
        ]

        @Test(arguments: Profile.allCases, steps) func atEveryStep(profile: Profile, step: String) throws {
            try need(profile)
            let image = try ImageKind.squashfs.path(for: profile)
            // Root's image is mounted by the kernel, and its plain start is one process from end to end.
            let victims = profile == .root ? [Victim.skiff] : Victim.allCases
            let exists = profile == .user || !["server-started", "fuse-mounted", "running"].contains(step)
            for victim in victims {
                let before = Leftovers.now()
                let running = try skiffCommand(["exec", image, "sleep", "0.1"], as: profile) {
                    $0.environment["SKIFF_STOP_AT"] = step
                }.start()
                #expect(waitForStop(running) == exists, "whether a process stopped at \(step)")
                if let pid = find(victim, of: running) { kill(pid, SIGKILL) }
                resume(running)
                try expectEnd(running, before, victim, "at \(step)")
            }
        }

        @Test(arguments: Profile.allCases, Victim.allCases)
        func atRandomMoments(profile: Profile, victim: Victim) throws {
            try need(profile)
            if victim == .server && profile == .root { return }  // the kernel serves root's images
            let image = try ImageKind.squashfs.path(for: profile)
            // A shim makes three processes for root, too.
            let words = (profile == .root ? ["exec", "--pid"] : ["exec"]) + [image, "sleep", "0.1"]
            var generator = SystemRandomNumberGenerator()
            var killed = 0
            for _ in 0..<50 {
                let before = Leftovers.now()
                let running = try skiffCommand(words, as: profile).start()
                let delay = UInt32.random(in: 0..<60_000, using: &generator)
                usleep(delay)
                if let pid = find(victim, of: running), kill(pid, SIGKILL) == 0 { killed += 1 }
                try expectEnd(running, before, victim, "after \(delay) µs")
            }
            #expect(killed > 10, "too few of the 50 runs had a \(victim) to kill: \(killed)")
        }

        private func expectEnd(_ running: RunningCommand, _ before: Leftovers, _ victim: Victim, _ moment: String)
            throws
        {
            let outcome = try running.wait(seconds: 15)
            #expect(outcome.end != nil, "hangs when \(victim) is killed \(moment): \(outcome)")
            let excess = Leftovers.settled(from: before, sessions: [running.pid])
            #expect(excess.isEmpty, "\(victim) killed \(moment) left \(excess)")
        }

        private func family(_ running: RunningCommand) -> [ProcessEntry] {
            let all = ProcessTable.current()
            return all.filter { $0.pid == running.pid || $0.session == running.pid || $0.parent == running.pid }
        }

        private func waitForStop(_ running: RunningCommand) -> Bool {
            for _ in 0..<200 {
                let family = family(running)
                if family.contains(where: { $0.state == "T" }) { return true }
                if !family.contains(where: { $0.pid == running.pid && $0.state != "Z" }) { return false }
                usleep(5_000)
            }
            return false
        }

        private func resume(_ running: RunningCommand) {
            for entry in family(running) where entry.state == "T" { kill(entry.pid, SIGCONT) }
        }

        private func find(_ victim: Victim, of running: RunningCommand) -> pid_t? {
            switch victim {
            case .skiff: running.pid
            case .server: family(running).first { $0.command == "skiff-mount" }?.pid
            case .contained:
                family(running).first { $0.parent == running.pid && $0.command != "skiff-mount" }?.pid
            }
        }
    }
}
