import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.host.limits/1`: what a plugin takes from a container, and what of the user's limits stays.
    @Suite(.cleanHost) struct PluginLimits {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("limits")
            try installation.add(
                "org.test.limits", from: "limits.c",
                manifest: """
                    phases = prepare, mounts, pre_exec
                    [flag]
                    name = limit
                    type = string
                    help = limit something
                    handler = limit
                    signature = i:cs
                    """)
            return installation
        }

        private func run(_ limit: String, _ script: String, _ flags: [String] = [], as profile: Profile = .root)
            throws -> Outcome
        {
            try need(profile)
            let installation = try Self.installation.get()
            let words = ["exec", "--limit", limit] + flags + [try Images.shared.get().directory]
            return try skiffCommand(words + ["/bin/sh", "-c", script], as: profile) {
                $0.words[0] = installation.program
            }.run()
        }

        private static let host = ["--bind", "/sys/fs/cgroup/:/c"]
        private static func value(_ file: String) -> String {
            let controller = file.prefix { $0 != "." }
            return "cat /c/\(controller)$(sed -n s/^[0-9]*:\(controller)://p /proc/self/cgroup)/\(file)"
        }

        @Test(.needs(.cgroups)) func theLowestLimitCounts() throws {
            for (limit, flags, wanted) in [
                ("processes", [], "30"), ("processes", ["--pids-limit", "20"], "20"),
                ("many", ["--pids-limit", "20"], "20"),
                ("processes", ["--pids-limit", "-1"], "30"), ("nothing", ["--pids-limit", "20"], "20"),
            ] as [(String, [String], String)] {
                let outcome = try run(limit, Self.value("pids.max"), Self.host + flags)
                #expect(outcome.isSuccess && outcome.line == wanted, "\(outcome)")
            }
            for (flags, wanted) in [([], "50000"), (["--cpus", "0.2"], "20000"), (["--cpus", "1"], "50000")] {
                let outcome = try run("processors", Self.value("cpu.cfs_quota_us"), Self.host + flags)
                #expect(outcome.isSuccess && outcome.line == wanted, "\(outcome)")
            }
            let plan = try run("processes", "true", ["--explain"])
            #expect(plan.standardOutput.contains("pids.limit = 30 (test, org.test.limits)"), "\(plan)")
        }

        @Test(.needs(.cgroups)) func devicesThatWereAdded() throws {
            let look = """
                for node in zero fuse loop-control; do (: </dev/$node) 2>/dev/null && echo reads $node; done
                (: >>/dev/fuse) 2>/dev/null && echo writes fuse; true
                """
            let alone = try run("devices", look)
            #expect(alone.isSuccess && alone.line == "reads zero\nreads fuse", "\(alone)")
            let path = try WorkDirectory.make(for: .root) + "/cgroups.toml"
            let rule = "[[devices]]\nallow = true\ntype = \"a\"\n[[devices]]\nallow = false\ntype = \"c\"\nmajor = 10\n"
            try writeFile(path, Array(rule.utf8), mode: 0o644)
            let both = try run("devices", look, ["--apply-cgroups", path])
            #expect(both.isSuccess && both.line == "reads zero", "\(both)")
        }

        @Test(arguments: Profile.allCases) func whatIsRefused(profile: Profile) throws {
            for (limit, message) in [
                ("zero", "cannot limit the container to 0"), ("unknown", "this skiff does not know it"),
                ("part", "the container's devices are not limited"),
            ] {
                let outcome = try run(limit, "echo started", as: profile)
                #expect(
                    outcome.end == .exited(255) && outcome.standardOutput.isEmpty
                        && outcome.standardError.contains(message), "\(outcome)")
            }
            #expect(try run("late", "echo started", as: profile).line == "started")
        }

        /// A limit that cannot be had is not passed over because a plugin wants it.
        @Test(.needs(.cgroups, .user)) func limitsThatCannotBeHad() throws {
            for (limit, message) in [
                ("processes", "cgroups of version 1 are root's"), ("devices", "only root does"),
            ] {
                let outcome = try run(limit, "echo started", as: .user)
                #expect(
                    outcome.end == .exited(255) && outcome.standardOutput.isEmpty
                        && outcome.standardError.contains(message), "\(outcome)")
            }
            let high = try run("high", "echo started")
            #expect(high.end == .exited(255) && high.standardError.contains("version 1 have no such file"), "\(high)")
        }
    }
}
