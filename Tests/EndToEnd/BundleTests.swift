import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `oci`: containers of bundles by runc or crun, and bundles of images (Docs/spec/cli.md §16).
    @Suite struct Bundles {
        /// A bundle of the small Linux, whose program is a script of the test's.
        private final class Bundle {
            let path: String
            let id = "skiff-test-\(UInt32.random(in: .min ... .max))"
            let folder: String

            init(_ script: String? = nil, terminal: Bool = false) throws {
                folder = try WorkDirectory.make(for: .root)
                path = folder + "/bundle, one:two"
                let mounted = try skiff("oci", "mount", Images.shared.get().sif, path, as: .root)
                #expect(mounted.isSuccess && mounted.standardError.isEmpty, "\(mounted)")
                if let script { try change(script, terminal) }
            }

            deinit {
                _ = try? skiff("oci", "kill", "--force", id, as: .root)
                _ = try? skiff("oci", "delete", id, as: .root)
                _ = try? skiff("oci", "umount", path, as: .root)
            }

            private func change(_ script: String, _ terminal: Bool) throws {
                let file = URL(fileURLWithPath: path + "/config.json")
                var top = try #require(
                    try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
                var process = try #require(top["process"] as? [String: Any])
                process["terminal"] = terminal
                process["args"] = ["/bin/sh", "-c", script]
                top["process"] = process
                try JSONSerialization.data(withJSONObject: top).write(to: file)
            }

            func oci(_ verb: String, _ flags: [String] = [], _ more: [String] = [], input: String? = nil) throws
                -> Outcome
            {
                var command = try skiffCommand(["oci", verb] + flags + [id] + more, as: .root) { $0.directory = folder }
                if let input {
                    command.words =
                        ["/bin/sh", "-c", "printf '%s' \"$1\" | { shift; exec \"$@\"; }", "sh", input] + command.words
                }
                return try command.run()
            }

            func status() throws -> String? {
                let state = try oci("state")
                guard state.isSuccess else { return nil }
                let top = try JSONSerialization.jsonObject(with: Data(state.standardOutput.utf8)) as? [String: Any]
                return top?["status"] as? String
            }

            func waits(for wanted: String) throws -> Bool {
                for _ in 0..<100 {
                    if try status() == wanted { return true }
                    pause(milliseconds: 50)
                }
                return false
            }

            func umount() throws {
                let outcome = try skiff("oci", "umount", path, as: .root)
                #expect(outcome.isSuccess && !isAccessible(path, F_OK), "\(outcome)")
            }
        }

        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func aBundleOfAnImageRuns() throws {
            let bundle = try Bundle("echo out; echo err >&2; cat; touch /etc/new; exit 7")
            let ran = try bundle.oci("run", ["--bundle", "bundle, one:two"], input: "typed\n")
            #expect(
                ran.end == .exited(7) && ran.standardOutput == "out\ntyped\n" && ran.standardError == "err\n", "\(ran)")
            #expect(try bundle.status() == nil)
            #expect(isAccessible(bundle.path + "/overlay/upper/etc/new", F_OK))
            try bundle.umount()
        }

        /// The configuration that is made is one that a runtime takes as it is: with a terminal.
        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func theProgramHasATerminal() throws {
            let bundle = try Bundle(
                "test -t 0 && test -t 1 && echo terminal; read line; echo got $line", terminal: true)
            let ran = try bundle.oci("run", ["-b", bundle.path], input: "typed\n")
            #expect(
                ran.isSuccess && ran.standardOutput.contains("terminal") && ran.standardOutput.contains("got typed"),
                "\(ran)")
            try bundle.umount()
            let plain = try Bundle()
            let started = try plain.oci("run", ["-b", plain.path], input: "exit 5\n")
            #expect(started.isSuccess && started.standardOutput.contains("There is no runscript"), "\(started)")
            try plain.umount()
        }

        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func aLifeStepByStep() throws {
            let bundle = try Bundle("echo begun; read line; echo end $line; exit 9")
            let (log, pidFile) = (bundle.folder + "/log", bundle.folder + "/pid")
            let made = try bundle.oci(
                "create", ["-b", bundle.path, "-l", log, "--log-format", "json", "--pid-file", pidFile])
            #expect(made.isSuccess && made.standardOutput.isEmpty && made.standardError.isEmpty, "\(made)")
            #expect(try bundle.status() == "created")
            let pid = try #require(pid_t(String(decoding: try readFile(pidFile), as: UTF8.self)))
            #expect(ProcessTable.entry(pid) != nil)
            let twice = try bundle.oci("create", ["-b", bundle.path])
            #expect(
                twice.end == .exited(255) && twice.standardError.contains("container \(bundle.id) already exists"),
                "\(twice)")
            let link = bundle.folder + "/link"
            try makeSymlink(bundle.path, at: link)
            for path in [bundle.path, link] {
                let busy = try skiff("oci", "umount", path, as: .root)
                #expect(
                    busy.end == .exited(255) && busy.standardError.contains("container \(bundle.id) uses it"), "\(busy)"
                )
            }
            #expect(try bundle.oci("start").isSuccess)
            let again = try bundle.oci("start")
            #expect(
                again.end == .exited(255)
                    && again.standardError.hasPrefix("FATAL:   cannot start container \(bundle.id): "), "\(again)")
            let inside = try bundle.oci("exec", [], ["/bin/sh", "-c", "cat; exit 3"], input: "inner")
            #expect(inside.end == .exited(3) && inside.standardOutput == "inner", "\(inside)")
            #expect(try bundle.oci("pause").isSuccess)
            #expect(try bundle.status() == "paused")
            #expect(try bundle.oci("resume").isSuccess)
            #expect(try bundle.status() == "running")
            try writeFile(bundle.folder + "/limits", Array(#"{"pids": {"limit": 50}}"#.utf8), mode: 0o644)
            let updated = try bundle.oci("update", ["--from-file", bundle.folder + "/limits"])
            #expect(updated.isSuccess, "\(updated)")
            let attached = try bundle.oci("attach", input: "here\n")
            #expect(attached.end == .exited(9) && attached.standardOutput == "end here\n", "\(attached)")
            #expect(try bundle.waits(for: "stopped"))
            // Who comes too late gets the code all the same.
            #expect(try bundle.oci("attach").end == .exited(9))
            #expect(try bundle.oci("delete").isSuccess)
            #expect(try bundle.oci("attach").standardError.contains("it does not run"))
            let lines = String(decoding: try readFile(log), as: UTF8.self).split(separator: "\n")
            #expect(
                lines.count == 2 && lines[0].hasPrefix(#"{"time":"2"#)
                    && lines[0].hasSuffix(#""stream":"stdout","log":"begun"}"#), "\(lines)")
            try bundle.umount()
        }

        @Test(
            .cleanHost, .needs(.root, .loop, .overlay, .runc),
            arguments: [["--force"], ["-s", "KILL"], ["-t", "1"], []])
        func killing(flags: [String]) throws {
            let bundle = try Bundle("trap '' TERM; trap 'exit 4' HUP; echo begun; while :; do sleep 1; done")
            #expect(try bundle.oci("create", ["-b", bundle.path, "-l", bundle.folder + "/log"]).isSuccess)
            #expect(try bundle.oci("start").isSuccess)
            for _ in 0..<100 where ((try? readFile(bundle.folder + "/log")) ?? []).isEmpty { pause(milliseconds: 20) }
            // The signal as a word.
            let killed = try bundle.oci("kill", flags, flags.isEmpty ? ["SIGHUP"] : [])
            #expect(killed.isSuccess, "\(killed)")
            #expect(try bundle.waits(for: "stopped"))
            #expect(try bundle.oci("attach").end == .exited(flags.isEmpty ? 4 : 137))
            #expect(try bundle.oci("delete").isSuccess)
            try bundle.umount()
        }

        /// A signal of the caller's is the program's.
        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func signalsAreHandedOn() throws {
            let bundle = try Bundle("trap 'echo got; exit 6' TERM; echo begun; while :; do sleep 0.1; done")
            let running = try skiffCommand(["oci", "run", "-b", bundle.path, bundle.id], as: .root).start()
            #expect(running.waitForOutput("begun"))
            try running.signal(SIGTERM)
            let ended = try running.wait(seconds: 20)
            #expect(ended.end == .exited(6) && ended.standardOutput.hasSuffix("got\n"), "\(ended)")
            try bundle.umount()
        }

        /// What a killed client leaves goes on, and can be attached to, ended and removed.
        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func aKilledClientLosesNothing() throws {
            let bundle = try Bundle("echo begun; sleep 2; echo again; exit 8")
            let running = try skiffCommand(["oci", "create", "-b", bundle.path, bundle.id], as: .root).run()
            #expect(running.isSuccess)
            let client = try skiffCommand(["oci", "attach", bundle.id], as: .root).start()
            #expect(try bundle.oci("start").isSuccess)
            #expect(client.waitForOutput("begun"))
            try client.signal(SIGKILL)
            _ = try client.wait(seconds: 10)
            let second = try bundle.oci("attach")
            #expect(second.end == .exited(8) && second.standardOutput == "again\n", "\(second)")
            #expect(try bundle.oci("delete").isSuccess)
            try bundle.umount()
        }

        /// What the keeper does not end by is not what its program does not end by.
        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func noSignalIsIgnored() throws {
            func ignored(_ status: String) throws -> UInt64 {
                let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("SigIgn:") })
                return try #require(UInt64(line.dropFirst(7).filter { $0 != "\t" }, radix: 16))
            }
            let own = try ignored(String(decoding: try readFile("/proc/self/status"), as: UTF8.self))
            let bundle = try Bundle("cat /proc/self/status")
            let ran = try bundle.oci("run", ["-b", bundle.path])
            // Busybox' shell ignores SIGQUIT by itself.
            let kept = [SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGTSTP].reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }
            #expect(try ran.isSuccess && ignored(ran.standardOutput) & ~own & kept == 0, "\(ran)")
            try bundle.umount()
        }

        /// Nobody else may exchange what root mounts on, and nothing that only looks like a bundle is taken apart.
        @Test(.cleanHost, .needs(.root, .user, .loop, .overlay)) func aBundleIsRootsAlone() throws {
            let folder = try WorkDirectory.make(for: .user)
            let (theirs, trap) = (folder + "/theirs", folder + "/trap")
            let record = try #require(Profile.user.record)
            for path in [theirs, trap] {
                try makeDirectory(path, mode: 0o777)
                try chown(path, record.uid, record.gid)
            }
            let mounted = try skiff("oci", "mount", Images.shared.get().sif, theirs, as: .root)
            #expect(mounted.isSuccess, "\(mounted)")
            #expect(try status(theirs).uid == 0 && status(theirs).mode & 0o7777 == 0o700)
            #expect(try skiff("oci", "umount", theirs, as: .root).isSuccess && !isAccessible(theirs, F_OK))
            try writeFile(trap + "/.skiff-oci-mount", [], mode: 0o600)
            try makeSymlink("/proc", at: trap + "/rootfs")
            let refused = try skiff("oci", "umount", trap, as: .root)
            #expect(
                refused.end == .exited(255) && refused.standardError.contains("'oci mount' has not made it"),
                "\(refused)"
            )
            #expect(isAccessible("/proc/self", F_OK) && isAccessible(trap + "/.skiff-oci-mount", F_OK))
        }

        @Test(.cleanHost, .needs(.root, .loop, .overlay, .runc)) func badInputChangesNothing() throws {
            let folder = try WorkDirectory.make(for: .root)
            try makeDirectory(folder + "/empty")
            try makeDirectory(folder + "/damaged")
            try writeFile(folder + "/damaged/config.json", Array(#"{"process": {"#.utf8), mode: 0o644)
            try makeDirectory(folder + "/full")
            try writeFile(folder + "/full/file", [], mode: 0o644)
            let sif = try Images.shared.get().sif
            let directory = try Images.shared.get().directory
            for (words, code, reason) in [
                (["create", "x"], 1, "required flag(s) \"bundle\" not set"),
                (["create", "-b", folder + "/none", "x"], 255, "it has no config.json that can be read: no such file"),
                (["create", "-b", folder + "/empty", "x"], 255, "it has no config.json"),
                (["run", "-b", folder + "/damaged", "x"], 255, "config.json is not valid JSON at byte 13"),
                (["state", "../x"], 255, "cannot use container ../x: its name has letters"),
                (["state", "--", "-x"], 255, "cannot use container -x: its name has letters"),
                (["state", "runtime"], 255, "cannot use container runtime"),
                (["delete", "nobody"], 255, "cannot delete container nobody: container does not exist"),
                (["attach", "nobody"], 255, "cannot attach to container nobody: it does not run"),
                (["update", "nobody"], 1, "required flag(s) \"from-file\" not set"),
                (["mount", sif, folder + "/full"], 255, "cannot make bundle \(folder)/full: directory not empty"),
                (["mount", directory, folder + "/new"], 255, "it is no image file with squashfs or ext3"),
                (["mount", folder + "/none", folder + "/new"], 255, "no such file or directory"),
                (["umount", folder + "/full"], 255, "'oci mount' has not made it"),
            ] as [([String], Int32, String)] {
                let outcome = try skiffCommand(["oci"] + words, as: .root).run()
                #expect(outcome.end == .exited(code) && outcome.standardError.contains(reason), "\(words): \(outcome)")
            }
            #expect(!isAccessible(folder + "/new", F_OK))
            // What the runtime says of a bundle.
            let bundle = try Bundle("true")
            try writeFile(
                bundle.path + "/config.json",
                Array(#"{"ociVersion": "1.0.2", "process": {"args": ["x"], "cwd": "/"}}"#.utf8), mode: 0o644)
            let refused = try bundle.oci("create", ["-b", bundle.path])
            #expect(
                refused.end == .exited(255)
                    && refused.standardError.hasPrefix("FATAL:   cannot create container \(bundle.id): "), "\(refused)")
            #expect(try bundle.status() == nil)
            try bundle.umount()
        }

        @Test(.needs(.root)) func aMissingRuntimeIsNamed() throws {
            let file = try WorkDirectory.make(for: .current) + "/skiff.conf"
            try writeFile(file, Array("binary path = /nowhere\n".utf8), mode: 0o644)
            let outcome = try skiff("--config", file, "oci", "state", "x", as: .root)
            #expect(
                outcome.end == .exited(255)
                    && outcome.standardError.contains(
                        "neither runc nor crun is installed. Install the Debian package runc or crun"),
                "\(outcome)")
        }

        @Test(.needs(.user), arguments: ["state", "delete", "attach"]) func theyAreForRoot(verb: String) throws {
            let outcome = try skiff("oci", verb, "x", as: .user)
            #expect(
                outcome.end == .exited(255)
                    && outcome.standardError == "FATAL:   \"oci \(verb)\" command requires root privileges\n",
                "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func checkpointsNeedDMTCP(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("checkpoint", "list", as: profile)
            #expect(
                outcome.end == .exited(1) && outcome.standardError.contains("it needs DMTCP, which must be installed"),
                "\(outcome)")
        }
    }
}
