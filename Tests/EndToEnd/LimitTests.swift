import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What a container may use: flags, `--apply-cgroups`, instances (Docs/spec/runtime.md §11). Version 2 of the kernel's
    /// interface is Scripts/check-vm's.
    @Suite(.cleanHost) struct Limits {
        private func run(_ flags: [String], _ script: String, as profile: Profile = .root) throws -> Outcome {
            try need(profile)
            return try skiffCommand(
                ["exec"] + flags + [try Images.shared.get().directory, "/bin/sh", "-c", script], as: profile
            ).run()
        }

        private func file(_ text: String, for profile: Profile = .root) throws -> String {
            let path = try WorkDirectory.make(for: profile) + "/cgroups.toml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        /// Shows files of the container's cgroups.
        private func values(_ files: [String]) -> String {
            files.map { file in
                let controller = file.prefix { $0 != "." }
                return "cat /c/\(controller)$(sed -n s/^[0-9]*:\(controller)://p /proc/self/cgroup)/\(file)"
            }.joined(separator: "; ")
        }

        private static let hostCgroups = ["--bind", "/sys/fs/cgroup/:/c"]

        @Test(.needs(.cgroups)) func flagsReachTheKernel() throws {
            let flags = [
                "--memory", "50m", "--memory-swap", "80m", "--memory-reservation", "40m", "--cpus", "0.5",
                "--cpu-shares",
                "512", "--cpuset-cpus", "0", "--cpuset-mems", "0", "--pids-limit", "20",
            ]
            let files = [
                "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes",
                "cpu.cfs_quota_us",
                "cpu.cfs_period_us", "cpu.shares", "cpuset.cpus", "cpuset.mems", "pids.max",
            ]
            let outcome = try run(flags + Self.hostCgroups, values(files))
            let wanted = ["52428800", "83886080", "41943040", "50000", "100000", "512", "0", "0", "20"]
            #expect(
                outcome.isSuccess && outcome.standardOutput.split(separator: "\n").map(String.init) == wanted,
                "\(outcome)")
            let plan = try skiffCommand(
                ["exec", "--explain"] + flags + [try Images.shared.get().directory, "true"], as: .root
            ).run()
            #expect(
                plan.standardOutput.contains("limits\n") && plan.standardOutput.contains("(--memory 50m)"), "\(plan)")
        }

        @Test(.needs(.cgroups)) func limitsAct() throws {
            let full = try run(["--memory", "20m"], "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo alive")
            #expect(full.end == .exited(137) || full.end == .signaled(SIGKILL), "\(full)")
            #expect(full.standardError.contains("(--memory 20m)"), "\(full)")
            let many = try run(
                ["--pids-limit", "5", "--pid"], "sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait")
            #expect(!many.isSuccess && many.standardError.contains("fork"), "\(many)")
        }

        @Test(.needs(.cgroups)) func limitsOfAFile() throws {
            let toml = """
                [memory]
                limit = 50000000
                [pids]
                limit = 30
                [[devices]]
                allow = true
                type = "c"
                major = 1
                minor = 5
                access = "r"
                """
            let outcome = try run(
                ["--apply-cgroups", try file(toml), "--pid"] + Self.hostCgroups,
                values(["memory.limit_in_bytes", "pids.max"]) + "; head -c 3 /dev/zero | wc -c; : > /dev/full")
            #expect(outcome.standardOutput == "49999872\n30\n3\n", "\(outcome)")
            #expect(!outcome.isSuccess && outcome.standardError.contains("/dev/full"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func aFileIsRead(profile: Profile) throws {
            try need(profile)
            let path = try file("[memory]\nlimit = 5\nlimits = 6\n", for: profile)
            let wrong = try run(["--apply-cgroups", path], "echo started", as: profile)
            #expect(
                wrong.end == .exited(255) && wrong.standardOutput.isEmpty
                    && wrong.standardError.hasPrefix("FATAL:   cannot use \(path), line 3: [memory] has no 'limits'"),
                "\(wrong)")
            let both = try run(["--apply-cgroups", path, "--pids-limit", "5"], "echo started", as: profile)
            #expect(
                both.end == .exited(255)
                    && both.standardError == "FATAL:   cannot apply a cgroups TOML file while using limit flags\n",
                "\(both)")
            let missing = try run(["--apply-cgroups", "/nowhere.toml"], "echo started", as: profile)
            #expect(missing.end == .exited(255) && missing.standardError.contains("/nowhere.toml"), "\(missing)")
            let device = try run(["--apply-cgroups", "/dev/zero"], "echo started", as: profile)
            #expect(device.end == .exited(255) && device.standardOutput.isEmpty, "\(device)")
        }

        /// Root obeys no file of somebody else.
        @Test(.needs(.root, .user)) func aFileOfAnotherUser() throws {
            let path = try file("[pids]\nlimit = 5\n", for: .user)
            try Linux.chown(path, try #require(Profile.user.record).uid, 0)
            let outcome = try run(["--apply-cgroups", path], "echo started")
            #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
            #expect(outcome.standardError.contains(path), "\(outcome)")
        }

        @Test(
            arguments: Profile.allCases,
            [
                (["--memory", "abc"], "invalid memory value: invalid size: 'abc'"),
                (["--memory-swap", "-2"], "invalid memory-swap value: invalid size: '-2'"),
                (["--memory-reservation", "x"], "invalid memory-reservation value: invalid size: 'x'"),
                (["--cpus", "abc"], "invalid cpus value: can't convert abc to decimal"),
                (["--cpus", "0"], "cpus value must be in range 0.01 - \(allowedCPUs())"),
                (["--cpu-shares", "1"], "cpu-shares value must be in range 2 - 262144"),
                (["--cpuset-cpus", "x"], "invalid cpuset-cpus value: 'x' is no list such as 0-2,4"),
                (["--blkio-weight", "5"], "blkio-weight must be in range 10-1000"),
                (
                    ["--blkio-weight-device", "foo"],
                    "blkio-weight-device specifications must be in <device>:<weight> format"
                ),
                (["--blkio-weight-device", "/dev/null:5"], "blkio-device-weight must be in range 10-1000"),
                (["--blkio-weight-device", "/nowhere:100"], "while examining device: no such file or directory"),
                (["--pids-limit", "-5"], "invalid pids-limit: -5"),
            ]) func wrongValuesStartNothing(profile: Profile, value: ([String], String)) throws
        {
            let outcome = try run(value.0, "echo started", as: profile)
            #expect(
                outcome.end == .exited(255) && outcome.standardOutput.isEmpty
                    && outcome.standardError == "FATAL:   \(value.1)\n", "\(outcome)")
        }

        /// Where a limit cannot be had, nothing starts, and nothing is left.
        @Test(.needs(.cgroups)) func whatTheKernelRefuses() throws {
            for flags in [
                ["--cpuset-cpus", "4000"], ["--memory", "50m", "--memory-swap", "40m"], ["--memory-swap", "40m"],
            ] {
                let outcome = try run(flags, "echo started")
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
                #expect(outcome.standardError.hasPrefix("FATAL:   cannot set "), "\(outcome)")
            }
        }

        @Test(.needs(.cgroups, .user)) func usersHaveNoneOfVersionOne() throws {
            let outcome = try run(["--pids-limit", "20"], "echo started", as: .user)
            #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
            #expect(outcome.standardError.contains("(--pids-limit)"), "\(outcome)")
            #expect(outcome.standardError.contains("systemd.unified_cgroup_hierarchy=1"), "\(outcome)")
        }

        /// What a killed command leaves, the next one removes.
        @Test(.needs(.cgroups)) func killedCommands() throws {
            let image = try Images.shared.get().directory
            let running = try skiffCommand(
                ["exec", "--pids-limit", "20", image, "/bin/sh", "-c", "echo up; exec sleep 100"], as: .root
            ).start()
            #expect(running.waitForOutput("up"))
            try running.signal(SIGKILL)
            _ = try running.wait(seconds: 10)
            let place = "/sys/fs/cgroup/pids" + (try Self.ownPath("pids")) + "/skiff-\(running.pid)-"
            func left() -> [String] { globPaths(place + "*").filter { access($0, F_OK) == 0 } }
            #expect(left().count == 1)
            let listed = try skiffCommand(["doctor"], as: .root).run()
            #expect(listed.standardOutput.contains(place), "\(listed)")
            let cleaned = try skiffCommand(["doctor", "--clean"], as: .root).run()
            #expect(cleaned.standardOutput.contains("removed " + place), "\(cleaned)")
            #expect(left().isEmpty)
        }

        private static func ownPath(_ controller: String) throws -> String {
            let text = String(decoding: try readFile("/proc/self/cgroup"), as: UTF8.self)
            let line = text.split(separator: "\n").first { $0.contains(":\(controller):") } ?? ""
            let path = line.split(separator: ":", maxSplits: 2).last.map(String.init) ?? "/"
            return path == "/" ? "" : path
        }

        // MARK: - instances

        @Test(.needs(.cgroups)) func instancesKeepTheirLimits() throws {
            let place = try InstancePlace(.root)
            try place.start("a", ["--pids-limit", "30", "--memory", "60m"])
            let joined = try place.run(
                ["exec", "--memory", "1m", "instance://a", "/bin/sh", "-c", "grep -c skiff- /proc/self/cgroup"])
            #expect(joined.isSuccess && joined.standardOutput == "2\n", "\(joined)")
            #expect(
                joined.standardError
                    == "WARNING: Resource limits & cgroups configuration are only applied to instances at instance start.\n",
                "\(joined)")
            let many = try place.exec("a", "/bin/sh", "-c", "for i in $(seq 40); do sleep 3 & done; wait")
            #expect(!many.isSuccess && many.standardError.contains("fork"), "\(many)")
            let plan = try place.run(["exec", "--explain", "instance://a", "true"])
            #expect(plan.standardOutput.contains("(--pids-limit)"), "\(plan)")
            let shown = try place.run(["instance", "stats", "--no-stream", "a"])
            #expect(shown.standardOutput.contains(" / 60MiB"), "\(shown)")
            try place.stop("a")
        }

        /// Without limits an instance has a cgroup for its statistics.
        @Test(.needs(.cgroups)) func instancesAreCounted() throws {
            let place = try InstancePlace(.root)
            try place.start("a")
            #expect(try place.exec("a", "true").isSuccess)
            let shown = try place.run(["instance", "stats", "--no-stream", "a"])
            #expect(
                shown.isSuccess && shown.standardOutput.hasPrefix("INSTANCE NAME    CPU USAGE    MEM USAGE / LIMIT"),
                "\(shown)")
            let json = try place.run(["instance", "stats", "--no-stream", "--json", "a"])
            let value = try JSONSerialization.jsonObject(with: Data(json.standardOutput.utf8)) as? [String: Any]
            let processes = (value?["pids_stats"] as? [String: Any])?["current"] as? Int ?? 0
            #expect(processes >= 2, "\(json)")
            try place.stop("a")
        }

        @Test(.needs(.cgroups)) func killedKeepers() throws {
            let place = try InstancePlace(.root)
            try place.start("a", ["--pids-limit", "30"])
            let keeper = try place.keeper("a")
            try sendSignal(SIGKILL, to: keeper)
            #expect(try place.names().isEmpty)
            for _ in 0..<200 where ProcessTable.entry(keeper) != nil { usleep(10_000) }
            #expect(try run(["--pids-limit", "20"], "true").isSuccess)
        }
    }
}
