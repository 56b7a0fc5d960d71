import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `--security`, and what it leaves of a program's powers (Docs/spec/runtime.md §10).
    @Suite struct SecurityOptions {
        private static let profile = #"""
            {"defaultAction": "SCMP_ACT_ALLOW",
             "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99}]}
            """#

        private func write(_ text: String, _ name: String = "profile.json") throws -> String {
            let path = try WorkDirectory.make(for: .current) + "/" + name
            try writeFile(path, Array(text.utf8), mode: 0o644)
            return path
        }

        private static let script = """
            grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; mkdir /tmp/made-by-skiff-tests || echo refused
            """

        @Test(arguments: Profile.allCases, [[], ["--pid"], ["--fakeroot"], ["--no-privs"], ["--containall"]])
        func callsAreFiltered(profile: Profile, flags: [String]) throws {
            try need(profile)
            if profile == .root && flags == ["--fakeroot"] { return }
            let file = try write(Self.profile)
            let image = try Images.shared.get().directory
            // The second time, the filter comes out of the cache.
            for _ in 0..<2 {
                let outcome = try skiffCommand(
                    ["exec"] + flags + ["--security", "seccomp:" + file, image, "sh", "-c", Self.script], as: profile
                ).run()
                #expect(outcome.standardOutput.contains("Seccomp:\t2\n"), "\(outcome)")
                #expect(outcome.standardOutput.hasSuffix("refused\n"), "\(outcome)")
                #expect(outcome.standardError.contains("requested address"), "errno 99: \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func theConfigurationFiltersAll(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let own = try write("seccomp profile = \(try write(Self.profile))\n", "own.conf")
            let outcome = try skiff("--config", own, "exec", image, "sh", "-c", Self.script, as: profile)
            #expect(outcome.standardOutput.hasSuffix("refused\n"), "\(outcome)")
            let standard = try write("seccomp profile = default\n", "default.conf")
            let words = [
                "--config", standard, "exec", image, "sh", "-c",
                "grep ^Seccomp: /proc/self/status; swapoff /nonexistent",
            ]
            let shipped = try skiffCommand(words, as: profile).run()
            #expect(shipped.standardOutput.contains("Seccomp:\t2\n"), "\(shipped)")
            #expect(shipped.standardError.contains("ermitted"), "not ENOENT: \(shipped)")
            for lines in ["seccomp profile = relative", "seccomp profile = /nonexistent"] {
                let refused = try skiff("--config", try write(lines, "bad.conf"), "exec", image, "true", as: profile)
                #expect(refused.end == .exited(255), "\(refused)")
            }
        }

        @Test(arguments: Profile.allCases) func instancesKeepTheFilter(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("filtered", ["--security", "seccomp:" + (try write(Self.profile))])
            let outcome = try place.exec("filtered", "sh", "-c", Self.script)
            #expect(outcome.standardOutput.hasSuffix("refused\n"), "\(outcome)")
            try place.stop("filtered")
        }

        @Test(
            arguments: Profile.allCases,
            [
                ("seccomp:/nonexistent.json", "open /nonexistent.json: no such file or directory"),
                ("apparmor:nosuch", "failed to apply security configuration: "),
                ("selinux:nosuch", "failed to apply security configuration: "),
                ("apparmor:a,selinux:b", "you can't specify both an apparmor profile and a selinux label"),
                ("nosuch:x", "cannot use --security nosuch:x"), ("uid:-1", "failed to parse provided UID"),
            ])
        func whatCannotBeDoneIsRefused(profile: Profile, pair: (option: String, text: String)) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let outcome = try skiff("exec", "--security", pair.option, image, "true", as: profile)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains(pair.text), "\(outcome)")
        }

        /// Runs words below a filter under which a system call does nothing and says that it has: a sandbox that lies.
        private static let liar = """
            import ctypes, os, platform, struct, sys
            number = {"x86_64": {"capset": 126, "prctl": 157}, "aarch64": {"capset": 91, "prctl": 167}}[platform.machine()][sys.argv[1]]
            first = int(sys.argv[2])
            code = [(0x20, 0, 0, 0), (0x15, 0, 3 if first >= 0 else 1, number)]
            if first >= 0: code += [(0x20, 0, 0, 16), (0x15, 0, 1, first)]
            code += [(0x06, 0, 0, 0x00050000), (0x06, 0, 0, 0x7fff0000)]
            program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
            filter = struct.pack("HxxxxxxP", len(code), ctypes.addressof(program))
            libc = ctypes.CDLL(None, use_errno=True)
            if os.geteuid() != 0: libc.prctl(38, 1, 0, 0, 0)
            if libc.prctl(22, 2, filter, 0, 0) != 0: sys.exit("no filter: %d" % ctypes.get_errno())
            os.execv(sys.argv[3], sys.argv[3:])
            """

        /// What is to be in force is read back: a kernel that only says so starts nothing.
        @Test(
            .needs(.root, .user, .userNamespaces, .python),
            arguments: [
                (Profile.root, "capset", -1, ["--drop-caps", "CAP_CHOWN"]),
                (.root, "prctl", 24, ["--drop-caps", "CAP_CHOWN"]),
                (.root, "prctl", 38, ["--no-privs"]), (.user, "capset", -1, []), (.user, "capset", -1, ["--fakeroot"]),
            ]) func whatIsNotInForceEndsTheStart(
                profile: Profile, call: String, first: Int, flags: [String]
            ) throws
        {
            var command = try skiffCommand(
                ["exec"] + flags + [try Images.shared.get().directory, "echo", "started"], as: profile)
            #expect(try command.run().standardOutput == "started\n")
            command.words = ["/usr/bin/python3", "-c", Self.liar, call, String(first)] + command.words
            let outcome = try command.run()
            #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
            #expect(outcome.standardError.contains("peration not permitted"), "\(outcome)")
        }

        @Test(.needs(.root), arguments: [[], ["--pid"]]) func rootBecomesAnother(flags: [String]) throws {
            let outcome = try inside(
                flags + ["--security", "uid:4711,gid:4712:4713"], tell: ["ids"], as: .root)
            #expect(outcome.values["uid"] == "4711,4711,4711", "\(outcome)")
            #expect(outcome.values["gid"] == "4712,4712,4712", "\(outcome)")
            #expect(outcome.values["no_new_privs"] == "1", "\(outcome)")
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(outcome.values["status." + set] == "0000000000000000", "\(set): \(outcome)")
            }
            #expect(outcome.values["groups"] == "4712,4713", "\(outcome)")
            let kept = try inside(
                flags + ["--add-caps", "CAP_NET_RAW", "--security", "uid:4711"], tell: ["ids"], as: .root)
            #expect(kept.values["status.CapEff"] == "0000000000002000", "\(kept)")
            #expect(kept.values["status.CapBnd"] == "0000000000002000", "\(kept)")
        }

        @Test(.needs(.root)) func rootInAUserNamespaceHasNoOtherIDs() throws {
            let outcome = try inside(["--userns", "--security", "uid:5"], tell: ["ids"], as: .root)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("one id"), "\(outcome)")
        }

        @Test(.needs(.user)) func usersBecomeNobodyElse() throws {
            for option in ["uid:0", "gid:5"] {
                let outcome = try inside(["--security", option], tell: ["ids"], as: .user)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("requires root privileges"), "\(outcome)")
            }
        }
    }
}
