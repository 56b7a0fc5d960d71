import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff-runtime`: containers of bundles on skiff's own plan and launch.
    @Suite(.cleanHost) struct Runtime {
        private func need(_ profile: Profile) throws {
            try TestSupport.need(profile.facility)
            if profile == .user { try TestSupport.need(.userNamespaces) }
        }

        @Test(arguments: Profile.allCases) func aLifeStepByStep(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["sh", "-c", "echo begun; sleep 60"], as: profile)
            try bundle.write()
            let creating = try bundle.command(["create", "--pid-file", "pid", bundle.id]).start()
            #expect(try bundle.waits(for: "created"))
            let state = try #require(try bundle.state())
            #expect(state["ociVersion"] as? String == "1.0.2" && state["bundle"] as? String == bundle.folder)
            #expect(state["id"] as? String == bundle.id)
            let pid = try #require(state["pid"] as? Int)
            #expect(String(decoding: try readFile(bundle.folder + "/pid"), as: UTF8.self) == "\(pid)")
            #expect(ProcessTable.entry(pid_t(pid)) != nil && creating.text("stdout").isEmpty)
            let again = try bundle.run("create", bundle.id)
            #expect(
                again.end == .exited(1) && again.standardError.contains("a container of that name exists"), "\(again)")
            let early = try bundle.run("exec", bundle.id, "sh", "-c", "echo $A $$; tty")
            if profile == .root {
                #expect(early.end == .exited(1) && early.standardOutput.hasPrefix("b "), "\(early)")
            } else {
                #expect(early.standardError.contains("Before it is started, only root can enter it"), "\(early)")
            }
            let started = try bundle.run("start", bundle.id)
            #expect(started.isSuccess && started.standardError.isEmpty, "\(started)")
            #expect(creating.waitForOutput("begun"))
            #expect(try bundle.status() == "running")
            let second = try bundle.run("start", bundle.id)
            #expect(second.standardError.contains("cannot start container \(bundle.id): it is running"), "\(second)")
            let refused = try bundle.run("delete", bundle.id)
            #expect(refused.standardError.contains("it is running. Kill it first"), "\(refused)")
            #expect(try bundle.run("list", "-q").standardOutput == bundle.id + "\n")
            #expect(try bundle.run("ps", bundle.id).standardOutput.contains("sleep 60"))
            let inside = try bundle.run(
                "exec", "--cwd", "/tmp", "-e", "C=d", bundle.id, "sh", "-c", "echo $A $C $PWD; exit 3")
            #expect(inside.end == .exited(3) && inside.standardOutput == "b d /tmp\n", "\(inside)")
            #expect(try bundle.run("kill", bundle.id, "KILL").isSuccess)
            #expect(try bundle.waits(for: "stopped"))
            let late = try bundle.run("kill", bundle.id)
            #expect(late.standardError.contains("container not running"), "\(late)")
            #expect(try bundle.run("delete", bundle.id).isSuccess)
            let gone = try bundle.run("state", bundle.id)
            #expect(gone.standardError.contains("container does not exist"), "\(gone)")
            _ = try creating.wait(seconds: 5)
        }

        @Test(arguments: Profile.allCases) func runEndsAsTheProgram(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["sh", "-c", "echo out; echo err >&2; exit 7"], as: profile)
            let outcome = try bundle.runOnce()
            #expect(
                outcome.end == .exited(7) && outcome.standardOutput == "out\n" && outcome.standardError == "err\n",
                "\(outcome)")
            let told = try RuntimeBundle(
                ["sh", "-c", "trap 'echo told; exit 4' USR1; echo up; while :; do sleep 0.05; done"], as: profile)
            try told.write()
            let waiting = try told.command(["run", told.id]).start()
            #expect(waiting.waitForOutput("up"))
            try waiting.signal(SIGUSR1)
            let ended = try waiting.wait(seconds: 10)
            #expect(ended.end == .exited(4) && ended.standardOutput == "up\ntold\n", "\(ended)")
            #expect(try told.state() == nil)
        }

        @Test(arguments: Profile.allCases) func theProgramHasWhatTheBundleSays(profile: Profile) throws {
            try need(profile)
            let script = """
                id -u; id -g; umask; pwd; uname -n; echo $A $HOME; ulimit -n
                grep -e Cap -e NoNew /proc/self/status; cat /proc/self/oom_score_adj; ls /proc/self/fd | wc -l
                """
            let bundle = try RuntimeBundle(["/bin/busybox", "sh", "-c", script], as: profile)
            bundle.set("process", "cwd", "/new/place")
            bundle.set("process", "oomScoreAdj", 500)
            bundle.set("process", "rlimits", [["type": "RLIMIT_NOFILE", "soft": 77, "hard": 99]])
            bundle.set("process", "user", ["uid": 0, "gid": 0, "umask": 0o77])
            let caps = ["CAP_CHOWN", "CAP_KILL"]
            bundle.set(
                "process", "capabilities",
                [
                    "bounding": caps, "effective": ["CAP_KILL"], "permitted": caps, "inheritable": caps,
                    "ambient": ["CAP_KILL"],
                ])
            var command = try {
                try bundle.write(); return try bundle.command(["run", bundle.id])
            }()
            // Whatever the caller has open stays outside (CVE-2024-21626).
            command.words = ["/bin/bash", "-c", "exec 7</ 8</etc/passwd; exec \"$@\"", "bash"] + command.words
            let outcome = try command.run()
            let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
            #expect(
                lines == [
                    "0", "0", "0077", "/new/place", "box", "b /root", "77", "CapInh:\t0000000000000021",
                    "CapPrm:\t0000000000000021", "CapEff:\t0000000000000021", "CapBnd:\t0000000000000021",
                    "CapAmb:\t0000000000000020", "NoNewPrivs:\t1", "500", "4",
                ], "\(outcome)")
        }

        /// Another user than root has what is ambient, and groups.
        @Test(.needs(.root)) func anotherUserHasItsGroups() throws {
            let bundle = try RuntimeBundle(
                ["/bin/busybox", "sh", "-c", "id; grep Cap /proc/self/status; echo x >/dev/stderr"], as: .root)
            bundle.set("process", "user", ["uid": 77, "gid": 78, "additionalGids": [79, 80]])
            let caps = ["CAP_KILL"]
            bundle.set(
                "process", "capabilities",
                ["bounding": caps, "effective": caps, "permitted": caps, "inheritable": caps, "ambient": caps])
            let outcome = try bundle.runOnce()
            #expect(outcome.standardOutput.contains("uid=77(image) gid=78 groups=79,80"), "\(outcome)")
            #expect(outcome.standardOutput.contains("CapEff:\t0000000000000020") && outcome.isSuccess, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func mountsHaveTheirOptions(profile: Profile) throws {
            try need(profile)
            let script = """
                cut -d' ' -f 5,6 /proc/self/mountinfo | grep -e '^/data ' -e '^/mem ' -e '^/ ' | sort
                cat /data/file /mem/kept; (echo x >/data/new) 2>/dev/null || echo closed
                (echo x >/etc/new) 2>/dev/null || echo root closed; ls /deep/below
                head -c1 /proc/keys | wc -c; ls /sys/firmware | wc -l; (echo x >/proc/sys/kernel/domainname) 2>&1 | wc -l
                """
            let bundle = try RuntimeBundle(["/bin/busybox", "sh", "-c", script], as: profile)
            try makeDirectory(bundle.root + "/mem")
            try writeFile(bundle.root + "/mem/kept", Array("kept\n".utf8), mode: 0o644)
            try makeDirectory(bundle.folder + "/host")
            try writeFile(bundle.folder + "/host/file", Array("shown\n".utf8), mode: 0o644)
            bundle.configuration["root"] = ["path": "rootfs", "readonly": true]
            bundle.add(mount: [
                "destination": "/data", "source": "host", "options": ["rbind", "ro", "nosuid", "nodev", "rprivate"],
            ])
            bundle.add(mount: [
                "destination": "/mem", "type": "tmpfs", "source": "mem", "options": ["tmpcopyup", "noexec", "slave"],
            ])
            bundle.add(mount: [
                "destination": "/deep/below/file", "type": "bind", "source": "host/file", "options": ["bind"],
            ])
            let outcome = try bundle.runOnce()
            #expect(
                outcome.standardOutput == """
                    / ro,relatime
                    /data ro,nosuid,nodev,relatime
                    /mem rw,noexec,relatime
                    shown
                    kept
                    closed
                    root closed
                    file
                    0
                    0
                    1

                    """, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func hooksRunInOrder(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["sh", "-c", "echo program >>/log/order"], as: profile)
            let log = bundle.folder + "/log"
            try makeDirectory(log, mode: 0o777)
            try Linux.chmod(log, 0o777)
            bundle.add(mount: ["destination": "/log", "type": "bind", "source": log, "options": ["bind"]])
            func hook(_ kind: String, _ file: String) -> [[String: Any]] {
                [
                    [
                        "path": "/bin/sh", "timeout": 5, "env": ["KIND=\(kind)"],
                        "args": [
                            "sh", "-c", "read -r state; echo $KIND ${state#*status} | cut -d'\"' -f 1,3 >>\(file)",
                        ],
                    ]
                ]
            }
            bundle.configuration["hooks"] = [
                "prestart": hook("prestart", log + "/order"), "createRuntime": hook("createRuntime", log + "/order"),
                "createContainer": hook("createContainer", log + "/order"),
                "startContainer": hook("startContainer", "/log/order").map { hook in
                    var hook = hook
                    hook["args"] = ["sh", "-c", "read -r state; echo startContainer created >>/log/order"]
                    return hook
                }, "poststart": hook("poststart", log + "/order"), "poststop": hook("poststop", log + "/order"),
            ]
            let outcome = try bundle.runOnce()
            #expect(outcome.isSuccess && outcome.standardError.isEmpty, "\(outcome)")
            let lines = String(decoding: try readFile(log + "/order"), as: UTF8.self).split(separator: "\n").map {
                $0.filter { $0 != "\"" && $0 != ":" && $0 != "," }
            }
            let early = [
                "prestart creating", "createRuntime creating", "createContainer creating", "startContainer created",
            ]
            #expect(Array(lines.prefix(4)) == early, "\(lines)")
            // The program runs while poststart does.
            #expect(Set(lines.dropFirst(4).dropLast()) == ["poststart running", "program"], "\(lines)")
            #expect(lines.last == "poststop stopped", "\(lines)")
        }

        @Test(arguments: Profile.allCases, ["createRuntime", "createContainer", "startContainer"])
        func aHookThatFailsEndsTheContainer(profile: Profile, kind: String) throws {
            try need(profile)
            for script in ["exit 9", "sleep 30"] where script == "exit 9" || kind == "createContainer" {
                let bundle = try RuntimeBundle(["sh", "-c", "echo never"], as: profile)
                bundle.configuration["hooks"] = [
                    kind: [["path": "/bin/sh", "args": ["sh", "-c", script], "timeout": 1] as [String: Any]]
                ]
                let outcome = try bundle.runOnce()
                #expect(outcome.end == .exited(1) && outcome.standardOutput.isEmpty, "\(outcome)")
                let reason = script == "exit 9" ? "ended with exit code 9" : "onnection timed out"
                #expect(
                    outcome.standardError.contains("hooks.\(kind)[0]") && outcome.standardError.contains(reason),
                    "\(outcome)")
                #expect(try bundle.state() == nil)
            }
        }

        @Test(.needs(.python), arguments: Profile.allCases) func theTerminalGoesToTheConsoleSocket(profile: Profile)
            throws
        {
            try need(profile)
            let bundle = try RuntimeBundle(
                [
                    "/bin/busybox", "sh", "-c",
                    "tty; stty size; ls -l /dev/console | cut -c1; read line; echo got $line",
                ],
                as: profile)
            bundle.set("process", "terminal", true)
            bundle.set("process", "consoleSize", ["height": 33, "width": 99])
            let nobody = try bundle.runOnce()
            #expect(nobody.end == .exited(1) && nobody.standardError.contains("--console-socket"), "\(nobody)")
            let script = """
                import array, os, socket, subprocess, sys
                server = socket.socket(socket.AF_UNIX); server.bind("console"); server.listen(1)
                child = subprocess.Popen(sys.argv[1:])
                peer, _ = server.accept()
                _, parts, _, _ = peer.recvmsg(64, socket.CMSG_SPACE(4))
                master = array.array("i", parts[0][2])[0]
                os.write(master, b"typed\\n")
                text = b""
                try:
                    while True:
                        part = os.read(master, 4096)
                        if not part: break
                        text += part
                except OSError: pass
                print(text.decode().replace("\\r", ""), end="")
                sys.exit(child.wait())
                """
            var command = try bundle.command(["run", "--console-socket", "console", bundle.id])
            command.words = ["/usr/bin/python3", "-c", script] + command.words
            let outcome = try command.run()
            #expect(outcome.isSuccess, "\(outcome)")
            for line in ["/dev/pts/0", "33 99", "c", "got typed"] {
                #expect(outcome.standardOutput.split(separator: "\n").contains { $0 == line }, "\(line): \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func filtersOfSystemCallsHold(profile: Profile) throws {
            try need(profile)
            for keeps in [true, false] {
                let bundle = try RuntimeBundle(
                    ["/bin/busybox", "sh", "-c", "mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status"], as: profile)
                bundle.set("process", "noNewPrivileges", keeps)
                bundle.set(
                    "linux", "seccomp",
                    [
                        "defaultAction": "SCMP_ACT_ALLOW",
                        "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28]],
                    ] as [String: Any])
                let outcome = try bundle.runOnce()
                #expect(
                    outcome.standardOutput.contains("No space left on device")
                        && outcome.standardOutput.contains("Seccomp:\t2"), "\(outcome)")
            }
        }

        @Test(.needs(.root, .cgroups)) func limitsHold() throws {
            let bundle = try RuntimeBundle(
                ["/bin/busybox", "sh", "-c", "cat /proc/self/cgroup; cat /cg/pids/pids.max; head -c1 /dev/kmsg"],
                as: .root)
            bundle.set("linux", "cgroupsPath", "skiff-test-\(bundle.id)")
            bundle.set(
                "linux", "resources",
                ["pids": ["limit": 33], "devices": [["allow": false, "access": "rwm"]]] as [String: Any])
            bundle.set("linux", "devices", [["type": "c", "path": "/dev/kmsg", "major": 1, "minor": 11]])
            bundle.add(mount: ["destination": "/cg", "type": "cgroup", "source": "cgroup", "options": ["ro"]])
            let outcome = try bundle.runOnce()
            #expect(
                outcome.standardOutput.contains("/skiff-test-\(bundle.id)\n")
                    && outcome.standardOutput.hasSuffix("33\n") && outcome.standardError.contains("not permitted"),
                "\(outcome)")
            bundle.set("linux", "resources", ["hugepageLimits": [["pageSize": "3MB", "limit": 1]]] as [String: Any])
            let refused = try bundle.runOnce()
            #expect(refused.end == .exited(1) && refused.standardError.contains("hugepageLimits"), "\(refused)")
        }

        @Test(.needs(.root, .cgroups)) func limitsChangeAndUseIsTold() throws {
            let bundle = try RuntimeBundle(["sh", "-c", "echo begun; sleep 60"], as: .root)
            let name = "skiff-test-\(bundle.id)"
            bundle.set("linux", "cgroupsPath", "/" + name)
            bundle.set("linux", "resources", ["pids": ["limit": 33]])
            try bundle.write()
            let creating = try bundle.command(["create", bundle.id]).start()
            #expect(try bundle.waits(for: "created"))
            func limit(_ file: String) throws -> String {
                String(
                    decoding: try readFile("/sys/fs/cgroup/\(file.prefix { $0 != "." })/\(name)/\(file)"), as: UTF8.self
                )
            }
            #expect(try limit("pids.max") == "33\n")
            let changed = try bundle.run(
                "update", "--pids-limit", "44", "--memory", "50m", "--cpu-share", "512", bundle.id)
            #expect(changed.isSuccess && changed.standardError.isEmpty, "\(changed)")
            #expect(try limit("pids.max") == "44\n" && limit("memory.limit_in_bytes") == "52428800\n")
            #expect(try limit("cpu.shares") == "512\n")
            try #"{"pids": {"limit": 55}, "memory": {"limit": 41943040}}"#.write(
                toFile: bundle.folder + "/limits", atomically: true, encoding: .utf8)
            #expect(try bundle.run("update", "-r", "limits", bundle.id).isSuccess)
            #expect(try limit("pids.max") == "55\n" && limit("memory.limit_in_bytes") == "41943040\n")
            for (words, reason) in [
                ([], "no limit is given"), (["--memory", "much"], "'much' is no size"),
                (["-r", "limits", "--pids-limit", "1"], "beside flags"), (["-r", "config.json"], "limits"),
                (["--cpuset-cpus", "4000"], "cannot set cpu.cpus"), (["--cpu-share", "1"], "out of range"),
            ] {
                let refused = try bundle.command(["update"] + words + [bundle.id]).run()
                #expect(refused.end == .exited(1), "\(refused)")
                #expect(refused.standardError.contains(reason) || words == ["-r", "config.json"], "\(refused)")
            }
            #expect(try limit("pids.max") == "55\n")
            #expect(try bundle.run("start", bundle.id).isSuccess && creating.waitForOutput("begun"))
            let told = try bundle.run("events", "--stats", bundle.id)
            let event = try JSONSerialization.jsonObject(with: Data(told.standardOutput.utf8)) as? [String: Any]
            let data = event?["data"] as? [String: Any]
            let memory = (data?["memory"] as? [String: Any])?["usage"] as? [String: Any]
            let processes = data?["pids"] as? [String: Any]
            #expect(event?["type"] as? String == "stats" && event?["id"] as? String == bundle.id, "\(told)")
            #expect(processes?["limit"] as? Int == 55 && processes?["current"] as? Int ?? 0 >= 1, "\(told)")
            #expect(memory?["limit"] as? Int == 41_943_040 && memory?["usage"] as? Int ?? 0 > 0, "\(told)")
            let again = try bundle.command(["events", "--interval", "10ms", bundle.id]).start()
            #expect(again.waitForOutput("\n{\"type\":\"stats\""))
            #expect(try bundle.run("kill", bundle.id, "KILL").isSuccess)
            #expect(try again.wait(seconds: 30).isSuccess)
            #expect(try bundle.waits(for: "stopped"))
            for words in [["events", "--stats", bundle.id], ["update", "--pids-limit", "5", bundle.id]] {
                #expect(try bundle.command(words).run().end == .exited(1))
            }
            #expect(
                try bundle.run("events", "--interval", "soon", bundle.id).standardError.contains("no time such as 5s"))
            _ = try creating.wait(seconds: 5)
        }

        /// Where there is no systemd, or cgroups of version 1 beside, nothing starts.
        @Test(arguments: Profile.allCases) func scopesAreSystemds(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["echo", "started"], as: profile)
            for (path, reason) in [
                ("a/b", "it is SLICE:PREFIX:NAME"), ("a:b", "it is SLICE:PREFIX:NAME"),
                ("a:b:", "it is SLICE:PREFIX:NAME"),
                ("a:b:c.slice", "a container is a scope"), ("a.slice:../b:c", "is no name of a unit"),
                (":skiff:\(bundle.id)", "cannot have systemd make skiff-\(bundle.id).scope: "),
            ] {
                bundle.set("linux", "cgroupsPath", path)
                try bundle.write()
                var command = try bundle.command(["run", bundle.id])
                command.words.insert("--systemd-cgroup", at: command.words.count - 2)
                let outcome = try command.run()
                #expect(outcome.end == .exited(1) && outcome.standardOutput.isEmpty, "\(outcome)")
                #expect(outcome.standardError.contains(reason), "\(outcome)")
            }
        }

        /// What `spec` writes runs.
        @Test(arguments: Profile.allCases) func aConfigurationToBeginWith(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle([], as: profile)
            let flags = profile == .root ? [] : ["--rootless"]
            let written = try bundle.command(["spec"] + flags).run()
            #expect(written.isSuccess && written.standardOutput.isEmpty, "\(written)")
            let path = bundle.folder + "/config.json"
            let again = try bundle.run("spec", "--bundle", bundle.folder)
            #expect(again.end == .exited(1) && again.standardError.contains("file exists. Remove it first"), "\(again)")
            let text = String(decoding: try readFile(path), as: UTF8.self)
            // A test has no terminal to give.
            try text.replacing("\"terminal\": true", with: "\"terminal\": false").replacing("\"sh\"", with: "\"id\"")
                .write(
                    toFile: path, atomically: true, encoding: .utf8)
            let outcome = try bundle.run("run", bundle.id)
            #expect(outcome.isSuccess && outcome.standardOutput.hasPrefix("uid=0"), "\(outcome)")
        }

        // MARK: - bad input

        @Test(arguments: Profile.allCases) func aProgramThatIsNotThereIsToldAtOnce(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["nosuch"], as: profile)
            let log = bundle.folder + "/log.json"
            try bundle.write()
            var command = try bundle.command(["create", bundle.id])
            command.words.insert(contentsOf: ["--log", log, "--log-format", "json"], at: command.words.count - 2)
            let outcome = try command.run()
            #expect(outcome.end == .exited(1), "\(outcome)")
            #expect(outcome.standardError.contains("executable file not found in $PATH"), "\(outcome)")
            let line = try JSONSerialization.jsonObject(with: Data(try readFile(log))) as? [String: Any]
            #expect(line?["level"] as? String == "error")
            #expect((line?["msg"] as? String)?.contains("executable file not found") == true)
            #expect(try bundle.state() == nil)
        }

        @Test(arguments: Profile.allCases) func whatCannotBeDoneIsNamed(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["true"], as: profile)
            bundle.set("linux", "intelRdt", ["closID": "x"])
            let outcome = try bundle.runOnce()
            #expect(
                outcome.end == .exited(1) && outcome.standardError.contains("config.json: linux.intelRdt: "),
                "\(outcome)")
            for words in [
                ["create", "../x"], ["state", "a/b"], ["create", "--no-pivot", "x"], ["spec", "-b", "/nowhere"],
                ["kill", bundle.id, "NOSUCH"], ["create", "-b", "/nowhere", "x"], ["run", "--preserve-fds", "3", "x"],
            ] {
                let refused = try bundle.command(words).run()
                #expect(refused.end == .exited(1) && !refused.standardError.isEmpty, "\(refused)")
            }
            #expect(try bundle.run("list", "--quiet").standardOutput.isEmpty)
            #expect(try bundle.run("delete", "--force", "nosuch").isSuccess)
        }

        /// Links of the root file system lead nowhere else (CVE-2021-30465, CVE-2023-27561, CVE-2025-31133).
        @Test(arguments: Profile.allCases) func hostileRootsAreRefusedOrContained(profile: Profile) throws {
            try need(profile)
            for (link, refused) in [("/proc", true), ("/sys", true), ("/dev", false)] {
                let bundle = try RuntimeBundle(["/bin/busybox", "ls", "/dev/null"], as: profile)
                let outside = bundle.folder + "/outside"
                try makeDirectory(outside, mode: 0o777)
                try FileManager.default.removeItem(atPath: bundle.root + link)
                try makeSymlink("../../../../../../.." + outside, at: bundle.root + link)
                let outcome = try bundle.runOnce()
                #expect(outcome.isSuccess != refused, "\(link): \(outcome)")
                if refused { #expect(outcome.standardError.contains("mount"), "\(outcome)") }
                #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty, "\(link)")
            }
            let bundle = try RuntimeBundle(["/bin/busybox", "ls", "/tmp"], as: profile)
            let outside = bundle.folder + "/outside"
            try makeDirectory(outside, mode: 0o777)
            try makeSymlink(outside, at: bundle.root + "/place")
            bundle.add(mount: ["destination": "/place/a", "type": "tmpfs", "source": "tmpfs"])
            bundle.add(mount: ["destination": "/../../../tmp/b", "type": "tmpfs", "source": "tmpfs"])
            let outcome = try bundle.runOnce()
            #expect(outcome.isSuccess && outcome.standardOutput.hasPrefix("b\n"), "\(outcome)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
            for place in ["/proc/self/fd", "/proc/sys", "/proc"] {
                let covering = try RuntimeBundle(["true"], as: profile)
                covering.add(mount: ["destination": place, "type": "tmpfs", "source": "tmpfs"])
                let found = try covering.runOnce()
                #expect(!found.isSuccess && found.standardError.contains("mounts[6] on \(place)"), "\(found)")
            }
            // The runtime's own program is no program of an image (CVE-2019-5736).
            let own = try RuntimeBundle(["/proc/self/exe"], as: profile)
            let found = try own.runOnce()
            #expect(!found.isSuccess && found.standardOutput.isEmpty, "\(found)")
        }

        // MARK: - ends

        @Test(arguments: Profile.allCases) func ofManyCreatorsOneSucceeds(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["sleep", "60"], as: profile)
            try bundle.write()
            let running = try (0..<6).map { _ in try bundle.command(["create", bundle.id]).start() }
            #expect(try bundle.waits(for: "created"))
            var lost = 0
            for command in running.prefix(6) {
                let errors = { command.text("stderr") }
                for _ in 0..<300 where errors().isEmpty && ProcessTable.entry(command.pid)?.state != "Z" {
                    pause(milliseconds: 10)
                }
                if errors().contains("a container of that name exists") { lost += 1 }
            }
            #expect(lost == 5)
            #expect(try bundle.run("delete", "--force", bundle.id).isSuccess)
            for command in running { _ = try command.wait(seconds: 5) }
        }

        /// Whatever is killed, and when: what is left is stopped, and `delete` clears it.
        @Test(arguments: Profile.allCases, ["cloned", "mapped", "mounts", "pivoted"])
        func killedWhileItIsMade(profile: Profile, step: String) throws {
            try need(profile)
            for victim in ["command", "child"] {
                let bundle = try RuntimeBundle(["sleep", "60"], as: profile)
                // The kernel stops no PID 1, and without a PID namespace a user has no /proc.
                bundle.removeProcessNamespace()
                try bundle.write()
                var command = try bundle.command(["create", bundle.id])
                command.environment["SKIFF_STOP_AT"] = step
                let running = try command.start()
                var child: ProcessEntry?
                for _ in 0..<500 {
                    child = ProcessTable.current().first {
                        $0.state == "T" && ($0.session == running.pid || $0.parent == running.pid)
                    }
                    if child != nil { break }
                    pause(milliseconds: 10)
                }
                let stopped = try #require(child, "nothing stopped at \(step)")
                #expect(try bundle.status() == "creating")
                if step == "mounts" && victim == "command" {
                    let locked = try bundle.run("delete", "--force", bundle.id)
                    #expect(
                        !locked.isSuccess && locked.standardError.contains("another command is at work"), "\(locked)")
                }
                kill(victim == "child" ? stopped.pid : stopped.parent, SIGKILL)
                _ = try running.wait(seconds: 5)
                if victim == "command" {
                    #expect(try bundle.waits(for: "stopped"))
                    #expect(try bundle.run("delete", bundle.id).isSuccess)
                }
                #expect(try bundle.state() == nil)
            }
        }

        @Test(arguments: Profile.allCases) func killedAfterwards(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["sleep", "60"], as: profile)
            for starts in [false, true] {
                try bundle.write()
                let made = try bundle.command(["create", bundle.id]).start()
                #expect(try bundle.waits(for: "created"))
                if starts { #expect(try bundle.run("start", bundle.id).isSuccess) }
                let pid = try #require(try bundle.state()?["pid"] as? Int)
                kill(pid_t(pid), SIGKILL)
                #expect(try bundle.waits(for: "stopped"))
                let late = try bundle.run("start", bundle.id)
                #expect(late.standardError.contains("it is stopped"), "\(late)")
                #expect(try bundle.run("delete", bundle.id).isSuccess)
                _ = try made.wait(seconds: 5)
            }
            // Who waits takes the container along.
            let running = try bundle.command(["run", bundle.id]).start()
            #expect(try bundle.waits(for: "running"))
            kill(running.pid, SIGKILL)
            _ = try running.wait(seconds: 5)
            #expect(try bundle.waits(for: "stopped"))
            #expect(try bundle.run("delete", bundle.id).isSuccess)
        }

        /// Who makes the parent of a store first could put another one into its place later.
        @Test(arguments: Profile.allCases) func storesLieInNobodyElsesDirectory(profile: Profile) throws {
            try need(profile)
            let bundle = try RuntimeBundle(["true"], as: profile)
            try bundle.write()
            // State of skiff is trusted where it belongs to its user, or to root.
            let place = bundle.folder + "/open"
            try makeDirectory(place, mode: 0o777)
            try Linux.chmod(place, 0o777)
            var command = try bundle.command(["run", bundle.id])
            command.words[2] = place + "/state"
            let outcome = try command.run()
            #expect(outcome.end == .exited(1), "\(outcome)")
            #expect(outcome.standardError.contains("cannot use \(place): "), "\(outcome)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
        }

        /// Nothing but the gate leads to a program that waits, when what is known of it is damaged. Root's cgroups, which only the
        /// record names, stay then.
        @Test func aDamagedRecordIsClearedAway() throws {
            try need(.user)
            let bundle = try RuntimeBundle(["sleep", "60"], as: .user)
            try bundle.write()
            let made = try bundle.command(["create", bundle.id]).start()
            #expect(try bundle.waits(for: "created"))
            let pid = try #require(try bundle.state()?["pid"] as? Int)
            let process = try openPidFD(pid_t(pid))
            try writeFile("\(bundle.folder)/state/\(bundle.id)/record", Array("junk".utf8), mode: 0o600)
            for words in [["start"], ["delete"]] {
                let outcome = try bundle.command(words + [bundle.id]).run()
                #expect(outcome.standardError.contains("is damaged: delete --force clears it away"), "\(outcome)")
            }
            #expect(try bundle.run("delete", "--force", bundle.id).isSuccess)
            #expect(try waitReadable(process.raw, milliseconds: 5000), "its first process stays")
            _ = try made.wait(seconds: 5)
        }

        // MARK: - compared

        /// The container's view is that of runc, on the same bundle.
        @Test(.needs(.root, .runc)) func theViewIsThatOfRunc() throws {
            let script = """
                cut -d' ' -f 4-6 /proc/self/mountinfo | sed 's/,rel[a-z]*//' | sort; id; env | sort; umask; pwd; uname -n
                grep -e Cap -e NoNew -e Seccomp -e SigIgn -e Groups /proc/self/status; ls -ln /dev | sed 's/ [A-Z].*[0-9]:[0-9][0-9]//'
                """
            let bundle = try RuntimeBundle(["/bin/busybox", "sh", "-c", script], as: .root)
            bundle.set("linux", "maskedPaths", [String]())
            let ours = try bundle.runOnce()
            #expect(ours.isSuccess, "\(ours)")
            var command = Command(
                ["/usr/bin/env", "runc", "--root", bundle.folder + "/runc", "run", bundle.id], as: .root)
            command.directory = bundle.folder
            let theirs = try command.run()
            #expect(theirs.isSuccess && ours.standardOutput == theirs.standardOutput, "\(ours)\n\(theirs)")
        }
    }
}
