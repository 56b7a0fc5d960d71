import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.container/2`: a plugin works on the container's namespaces while its first process waits.
    @Suite struct PluginContainers {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("holding")
            try installation.add(
                "org.test.container", from: "container.c",
                manifest: """
                    phases = prepare, entered, pre_exec, stopped
                    extensions = skiff.container/2
                    draft-ok = yes
                    [flag]
                    name = hold
                    type = string
                    help = what it does
                    handler = hold
                    signature = i:cs
                    [flag]
                    name = hold-log
                    type = path
                    help = where it writes
                    handler = hold-log
                    signature = i:cp
                    """)
            return installation
        }

        private func run(_ what: String, _ script: String, _ flags: [String] = [], as profile: Profile) throws
            -> (outcome: Outcome, log: [String])
        {
            let work = try WorkDirectory.make(for: profile)
            let program = try Self.installation.get().program
            let outcome = try skiffCommand(
                ["exec", "--hold", what, "--hold-log", work + "/log"] + flags
                    + [try Images.shared.get().directory, "/bin/sh", "-c", script], as: profile
            ) { $0.words[0] = program }.run()
            let log = String(bytes: (try? readFile(work + "/log")) ?? [])
            return (outcome, log.split(separator: "\n").map(String.init))
        }

        private static let tail = ["message from entered 12", "message from pre_exec 13", "running 0"]

        @Test(.cleanHost, arguments: Profile.allCases) func worksWhileTheContainerWaits(profile: Profile) throws {
            try need(profile)
            for flags in [[], ["--pid"], ["--fakeroot"], ["--fakeroot", "--ignore-subuid"], ["--userns"]] {
                // The program stays until the command knows that it runs.
                let (outcome, log) = try run(
                    "works", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; uname -n; sleep 0.3; exit 9", flags,
                    as: profile)
                #expect(outcome.end == .exited(9) && !outcome.standardError.contains("plugin"), "\(flags): \(outcome)")
                #expect(outcome.standardOutput == "42\nfrom-outside\n", "\(flags): \(outcome)")
                let hasUser = profile != .root || flags == ["--userns"]
                #expect(
                    log == ["created 1", "user \(hasUser ? 1 : 0)"] + Self.tail + ["stopped 9"], "\(flags): \(log)")
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func failuresEndTheCommand(profile: Profile) throws {
            try need(profile)
            for (what, reason) in [
                ("fails", "created: cannot create what is asked"),
                ("refuses", "created: cannot go inside: file exists. This is the hint"),
                ("hangs", "created: cannot work inside: it took longer than 200 ms"),
                ("leaves", "created: cannot work inside: it called exit"),
                ("crashes", "created: cannot work inside: it was ended by signal 11"),
            ] {
                let (outcome, log) = try run(what, "echo never", as: profile)
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(what): \(outcome)")
                #expect(outcome.standardError.contains("plugin org.test.container: \(reason)"), "\(what): \(outcome)")
                #expect(log.first == "created 1" && log.last == "stopped 255" && log.count == 3, "\(what): \(log)")
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func mayEndAContainerThatRuns(profile: Profile) throws {
            try need(profile)
            for flags in [[], ["--pid"]] {
                let (outcome, log) = try run("ends", "sleep 100", flags, as: profile)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("running: cannot let this run"), "\(outcome)")
                #expect(log.suffix(2) == ["running 0", "stopped 255"], "\(log)")
            }
        }

        /// What the child says comes before what becomes of it.
        @Test(.cleanHost, arguments: Profile.allCases) func aLaunchThatFailsIsToldOnce(profile: Profile) throws {
            try need(profile)
            let (outcome, log) = try run("works", "", ["-B", "/etc:/etc/passwd"], as: profile)
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(log.first == "created 1" && log.last == "stopped 255", "\(log)")
        }
    }
}
