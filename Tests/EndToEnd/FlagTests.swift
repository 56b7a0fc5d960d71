import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Flags of launches that no other suite is about, and that each flag is in some suite (Docs/spec/cli.md §2.1).
    @Suite struct Flags {
        private func exec(
            _ flags: [String], _ script: String, as profile: Profile, change: (inout Command) -> Void = { _ in }
        ) throws -> Outcome {
            let image = try Images.shared.get().directory
            return try skiffCommand(["exec"] + flags + [image, "/bin/sh", "-c", script], as: profile, change: change)
                .run()
        }

        @Test(arguments: Profile.allCases) func variablesStayOutside(profile: Profile) throws {
            try need(profile)
            let outcome = try exec(["--no-env", "ONE,TWO"], "echo $ONE.$TWO.$THREE.$FOUR", as: profile) {
                for name in ["ONE", "TWO", "THREE"] { $0.environment[name] = "host" }
                $0.environment["APPTAINERENV_TWO"] = "given"
                $0.environment["FOUR"] = "four"
            }
            #expect(outcome.line == ".given.host.four", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func umasks(profile: Profile) throws {
            try need(profile)
            for (flags, wanted) in [([], "0077"), (["--no-umask"], "0022")] {
                let outcome = try exec(flags, "umask", as: profile) {
                    $0.words = ["/bin/sh", "-c", "umask 077; exec \"$@\"", "sh"] + $0.words
                }
                #expect(outcome.line == wanted, "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func processesOfTheHostAreSeenWithNoPid(profile: Profile) throws {
            try need(profile)
            let own = try readLink("/proc/self/ns/pid")
            let script = "readlink /proc/self/ns/pid"
            #expect(try exec(["--containall", "--no-pid"], script, as: profile).line == own)
            #expect(try exec(["--containall"], script, as: profile).line != own)
        }

        @Test(arguments: Profile.allCases) func capabilitiesAreDropped(profile: Profile) throws {
            try need(profile)
            // CAP_CHOWN is bit 0, CAP_KILL bit 5.
            let flags = (profile == .root ? [] : ["--fakeroot"]) + ["--drop-caps", "CAP_CHOWN,cap_kill"]
            let outcome = try inside(flags, tell: ["ids"], as: profile)
            for name in ["CapEff", "CapPrm", "CapBnd"] {
                let set = try #require(outcome.values["status." + name].flatMap { UInt64($0, radix: 16) }, "\(outcome)")
                #expect(set & 0b10_0001 == 0 && set & 0b10 != 0, "\(name) of \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func setUserIDProgramsAreRootsToAllow(profile: Profile) throws {
            try need(profile)
            // The fifth field is where it is mounted, the sixth how.
            let script = "grep -c '^[0-9]* [0-9]* [^ ]* [^ ]* / [^ ]*nosuid' /proc/self/mountinfo"
            let outcome = try exec(["--allow-setuid"], script, as: profile)
            if profile == .root {
                #expect(outcome.line == "0", "\(outcome)")
            } else {
                #expect(outcome.end == .exited(255) && outcome.standardError.contains("root"), "\(outcome)")
            }
            let without = try exec([], script, as: profile)
            #expect(without.line == "1", "\(without)")
        }

        @Test(arguments: Profile.allCases) func librariesOfTheHost(profile: Profile) throws {
            try need(profile)
            let library = try WorkDirectory.make(for: profile) + "/libown.so.1"
            try writeFile(library, Array("own\n".utf8), mode: 0o644)
            let script = "cat /.singularity.d/libs/libown.so.1; echo $LD_LIBRARY_PATH"
            let outcome = try exec(["--containlibs", library], script, as: profile)
            #expect(outcome.standardOutput == "own\n/.singularity.d/libs\n", "\(outcome)")
            let missing = try exec(["--containlibs", library + ".2"], "true", as: profile)
            #expect(!missing.isSuccess && missing.standardError.contains("libown.so.1.2"), "\(missing)")
        }

        @Test(arguments: Profile.allCases) func whereImagesAreUnpacked(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let image = try Images.shared.get().sif
            let words = ["exec", "--unsquash", "--tmpdir", folder, image, "ls", "-a", folder]
            let outcome = try skiffCommand(words, as: profile) { $0.environment["APPTAINER_TMPDIR"] = nil }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty, "nothing of it stays")
            let missing = try skiffCommand(
                ["exec", "--unsquash", "--tmpdir", folder + "/none", image, "true"], as: profile
            ).run()
            #expect(missing.end == .exited(255) && missing.standardError.contains(folder + "/none"), "\(missing)")
        }

        @Test(.needs(.cgroups)) func theKernelKillsNobodyWhenTold() throws {
            try need(.root)
            let script = "cat /c/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)/memory.oom_control"
            let flags = ["--memory", "64m", "--oom-kill-disable", "--bind", "/sys/fs/cgroup/:/c"]
            #expect(try exec(flags, script, as: .root).standardOutput.hasPrefix("oom_kill_disable 1\n"))
        }

        /// The driver of the host is found as with `--nv`; here only who asks for it.
        @Test(arguments: Profile.allCases) func driversAreNotAskedForTwice(profile: Profile) throws {
            try need(profile)
            let alone = try exec(["--compat32"], "true", as: profile)
            #expect(alone.isSuccess && alone.standardError.contains("Ignoring --compat32"), "\(alone)")
            let always = try WorkDirectory.make(for: profile) + "/own.conf"
            try writeFile(always, Array("always use nv = yes\n".utf8), mode: 0o644)
            let image = try Images.shared.get().directory
            let explain = ["exec", "--explain"]
            let on = try skiffCommand(["--config", always] + explain + [image, "true"], as: profile).run()
            let off = try skiffCommand(["--config", always] + explain + ["--no-nv", image, "true"], as: profile).run()
            let plain = try skiffCommand(explain + [image, "true"], as: profile).run()
            let isWarned = on.standardError.contains("nv files")
            #expect(on.isSuccess && (isWarned || on.standardOutput.contains("GPU")), "\(on)")
            #expect(off.isSuccess && !off.standardOutput.contains("GPU"), "\(off)")
            #expect(off.standardError == plain.standardError, "\(off)")
        }

        @Test(arguments: Profile.allCases) func namesAreAskedFor(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("exec", "--docker-login", "docker://127.0.0.1:1/none", "true", as: profile)
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect((outcome.standardError + outcome.standardOutput).contains("Username"), "\(outcome)")
        }

        private static let absent: [(String, [String])] = [
            ("exec", ["--fusemount", "container:true /mnt"]), ("exec", ["--nvccli"]), ("exec", ["--rocm"]),
            ("exec", ["--no-rocm"]), ("exec", ["--intel-hpu"]), ("run", ["--runscript-timeout", "1m"]),
            ("instance start", ["--dmtcp-launch", "x"]), ("instance start", ["--dmtcp-restart", "x"]),
        ]

        @Test(arguments: Profile.allCases, absent.indices) func whatIsNotHereSaysWhy(profile: Profile, index: Int)
            throws
        {
            try need(profile)
            let (verb, flag) = Self.absent[index]
            let words = verb.split(separator: " ").map(String.init) + flag + [try Images.shared.get().directory, "x"]
            let outcome = try skiffCommand(words, as: profile).run()
            #expect(outcome.end == .exited(1) && outcome.standardOutput.isEmpty, "\(outcome)")
            let line = outcome.standardError.split(separator: "\n").first ?? ""
            #expect(line.contains("flag \(flag[0]) is not available in skiff "), "\(outcome)")
            #expect(line.split(separator: ": ").count == 3, "no reason: \(outcome)")
        }

        /// A flag of a launch that is in no file of this folder has no test that drives the program with it.
        @Test func everyFlagOfALaunchIsDriven() throws {
            let page = String(
                decoding: try readFile(repository + "/Docs/compatibility.md", limit: 1 << 20), as: UTF8.self)
            let sections = page.components(separatedBy: "\n## ").filter { $0.hasPrefix("Flags ") }
            let flags = sections.joined().split(separator: "\n").compactMap { row in
                row.hasPrefix("| `--") ? row.split(separator: "`")[1] : nil
            }
            #expect(flags.count > 80, "the page is another one")
            let folder = repository + "/Tests/EndToEnd"
            let files = try #require(FileManager.default.enumerator(atPath: folder))
            var code = ""
            for case let file as String in files where file.hasSuffix(".swift") {
                code += String(decoding: try readFile(folder + "/" + file, limit: 1 << 20), as: UTF8.self)
            }
            for flag in flags {
                let isDriven = ["\"", " ", "="].contains {
                    code.contains("\"\(flag)\($0)") || code.contains(" \(flag)\($0)")
                }
                #expect(isDriven, "\(flag) is in no end-to-end test")
            }
        }
    }
}
