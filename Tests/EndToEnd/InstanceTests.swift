import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `instance start|run|list|stop|stats|logs`, and programs in one (Docs/instances.md).
    @Suite(.cleanHost) struct Instances {
        private static let kinds: [[String]] = [
            [], ["--containall"], ["--ipc", "--uts"], ["--writable-tmpfs"], ["--net", "--network", "none"],
            ["--userns"],
            ["--fakeroot"], ["--fakeroot", "--ignore-subuid"], ["--fakeroot", "--containall"],
        ]

        // MARK: - The life of one

        @Test(arguments: Profile.allCases, kinds) func anInstanceStaysUntilItIsStopped(
            profile: Profile, flags: [String]
        )
            throws
        {
            if flags.contains("--userns") || flags.contains("--fakeroot") { try need(.userNamespaces) }
            let place = try InstancePlace(profile)
            try place.start("web", flags, ["one", "two words"])
            #expect(place.wait(for: "instance: web web start", in: "web.out"))
            #expect(place.log("web.out").hasPrefix("args: one two words\n"))
            let pid = try place.pid("web")
            #expect(ProcessTable.entry(pid)?.arguments.trimmingCharacters(in: .whitespaces) == "appinit")
            let keeper = try #require(ProcessTable.entry(try place.keeper("web")))
            #expect(keeper.arguments.hasPrefix("Apptainer instance: \(profile.record?.name ?? "") [web]"), "\(keeper)")
            let image = try InstancePlace.image("service", InstancePlace.service)
            let list = try place.run(["instance", "list"])
            let column = String(repeating: " ", count: max(3, String(pid).count) + 4 - String(pid).count)
            #expect(
                list.standardOutput.hasSuffix("web              \(pid)\(column)      \(image)\n"), "\(list)")
            let inside = try place.exec("web", "sh", "-c", "echo $APPTAINER_INSTANCE $APPTAINER_COMMAND; ps; exit 7")
            #expect(inside.end == .exited(7) && inside.standardOutput.hasPrefix("web exec\n"), "\(inside)")
            #expect(inside.standardOutput.contains("startscript"), "\(inside)")
            let stopped = try place.run(["instance", "stop", "web"])
            #expect(
                stopped.isSuccess
                    && stopped.standardError == "INFO:    Stopping web instance of \(image) (PID=\(pid))\n",
                "\(stopped)")
            #expect(place.log("web.out").hasSuffix("got INT\n"))
            #expect(try place.names().isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.state).isEmpty)
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases) func imagesOfAllKinds(profile: Profile, kind: ImageKind)
            throws
        {
            let place = try InstancePlace(profile)
            let image = try kind.path(for: profile)
            // Without a startscript the container stays all the same; what skiff builds has one.
            let started = try place.run(["instance", "start", image, "a"])
            let note = kind == .sif ? "" : "INFO:    No instance start script found in container\n\n"
            #expect(
                started.isSuccess && started.standardError == note + "INFO:    instance started successfully\n",
                "\(started)")
            #expect(try place.exec("a", "cat", "/etc/hosts").isSuccess)
            #expect(try place.run(["shell", "instance://a"]).isSuccess)
            try place.stop("a")
            guard kind != .sif else { return }
            let run = try place.run(["instance", "run", image, "b", "-c", "echo $APPTAINER_COMMAND $0; sleep 100", "x"])
            #expect(run.isSuccess, "\(run)")
            #expect(place.wait(for: "run x", in: "b.out"))
            try place.stop("b")
        }

        @Test(arguments: Profile.allCases) func extractedImagesAreRemovedAtTheEnd(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try ImageKind.sif.path(for: profile)
            let started = try place.run(["instance", "start", "--unsquash", image, "a"])
            #expect(started.isSuccess, "\(started)")
            #expect(try place.exec("a", "cat", "/etc/hosts").isSuccess)
            try place.stop("a")
        }

        @Test(arguments: Profile.allCases) func theScriptMayEnd(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("short", "#!/bin/sh\necho said >&2\nexit 7\n")
            let started = try place.run(["instance", "start", image, "a"])
            #expect(
                started.isSuccess && started.standardError == "said\n\nINFO:    instance started successfully\n",
                "\(started)")
            #expect(try place.names() == ["a"])
            #expect(children(of: try place.pid("a")).isEmpty)
            #expect(try place.exec("a", "true").isSuccess)
            try place.stop("a", [])
        }

        @Test(arguments: Profile.allCases) func whatCannotStartLeavesNothing(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let broken = try InstancePlace.image("broken", "#!/bin/nonesuch\n")
            let failed = try place.run(["instance", "start", broken, "a"])
            #expect(failed.end == .exited(255) && failed.standardError.contains("/bin/nonesuch"), "\(failed)")
            #expect(
                failed.standardError.hasSuffix(
                    "FATAL:   while executing starter: failed to start instance: exit status 255\n"), "\(failed)")
            let image = try InstancePlace.image("service", InstancePlace.service)
            let missing = try place.run(["instance", "start", "--bind", "/nowhere-at-all", image, "a"])
            #expect(missing.end == .exited(255), "\(missing)")
            #expect(missing.standardError.components(separatedBy: "FATAL").count == 2, "\(missing)")
            #expect(try place.run(["instance", "start", "/nowhere.sif", "a"]).end == .exited(255))
            #expect(try place.names().isEmpty)
            try place.start("a")
            try place.stop("a")
        }

        @Test(arguments: Profile.allCases) func namesAreChecked(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("service", InstancePlace.service)
            for name in ["a b", "../x", "", "a/b", ".."] {
                let outcome = try place.run(["instance", "start", image, name])
                #expect(
                    outcome.end == .exited(255)
                        && outcome.standardError
                            == "FATAL:   while executing starter: while checking instance name: \(name)"
                            + " is not a valid instance name\n",
                    "\(outcome)")
                let entered = try place.run(["exec", "instance://" + name, "true"])
                #expect(
                    entered.end == .exited(255)
                        && entered.standardError
                            == "FATAL:   While setting image/instance: \(name) is not a valid instance name\n",
                    "\(entered)")
            }
            let none = try place.exec("none", "true")
            #expect(
                none.standardError == "FATAL:   While setting image/instance: no instance found with name none\n",
                "\(none)")
            let second = try place.run(["instance", "start", "instance://a", "b"])
            #expect(
                second.end == .exited(255)
                    && second.standardError
                        == "FATAL:   While setting image/instance: starting an instance from another is not allowed\n"
            )
            let boot = try place.run(["instance", "start", "--boot", image, "b"])
            #expect(boot.end == .exited(255) && boot.standardError.contains("boot"), "\(boot)")
        }

        @Test(arguments: Profile.allCases) func aNameIsGivenOnce(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("service", InstancePlace.service)
            let all = try (0..<6).map { _ in try place.command(["instance", "start", image, "a"]).start() }
            let outcomes = try all.map { try $0.wait(seconds: 30) }
            #expect(outcomes.filter(\.isSuccess).count == 1, "\(outcomes)")
            let others = outcomes.filter { !$0.isSuccess }
            #expect(
                others.allSatisfy {
                    $0.end == .exited(255) && $0.standardError == "FATAL:   instance a already exists\n"
                }, "\(others)")
            #expect(try place.names() == ["a"])
            try place.stop("a")
        }

        @Test(arguments: Profile.allCases) func thePIDFileHasTheNumber(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let file = try WorkDirectory.make(for: profile) + "/pid"
            try place.start("a", ["--pid-file", file])
            #expect(try readFile(file) == Array("\(try place.pid("a"))\n".utf8))
            #expect(try status(file).permissions == 0o644)
            let image = try InstancePlace.image("service", InstancePlace.service)
            let refused = try place.run(["instance", "start", "--pid-file", "/nonexist/x", image, "b"])
            #expect(
                refused.isSuccess
                    && refused.standardError.hasSuffix(
                        "WARNING: Failed to write pid file: could not create pid file: open /nonexist/x: no such file or "
                            + "directory\n"),
                "\(refused)")
        }

        // MARK: - What it holds

        /// The starter's session, its directory and its descriptors are not the instance's.
        @Test(arguments: Profile.allCases) func nothingOfTheStarterIsKept(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let folder = try WorkDirectory.make(for: profile)
            let image = try InstancePlace.image("service", InstancePlace.service)
            let program = try Stage.shared.get().program
            // A descriptor that the caller left open, and an output that must reach its end.
            let script = "exec 9<\(folder); \(program) instance start \(image) a 2>&1 | cat"
            let started = try Command(["/bin/sh", "-c", script], as: profile).changed {
                $0.environment["APPTAINER_CONFIGDIR"] = place.configuration
                $0.directory = folder
            }.run()
            #expect(started.standardOutput == "INFO:    instance started successfully\n", "\(started)")
            let keeper = try place.keeper("a")
            #expect(ProcessTable.entry(keeper)?.session == keeper)
            guard effectiveUID() == 0 else { return }
            for process in family(of: keeper) {
                let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap {
                    try? readLink("/proc/\(process)/fd/\($0)")
                }
                #expect(!links.contains { $0.hasPrefix(folder) }, "\(process): \(links)")
            }
            #expect(try readLink("/proc/\(keeper)/cwd") == "/")
            try place.stop("a")
        }

        @Test(arguments: Profile.allCases) func hangupsEndNothing(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("a")
            let keeper = try place.keeper("a")
            for signal in [SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGTSTP] { try sendSignal(signal, to: keeper) }
            usleep(100_000)
            #expect(try place.exec("a", "true").isSuccess)
            try sendSignal(SIGSTOP, to: keeper)
            #expect(try place.exec("a", "true").isSuccess)
            try place.stop("a")
        }

        // MARK: - Ends that nobody asked for

        private static let victims = ["keeper", "init", "program"]

        @Test(arguments: Profile.allCases, victims) func aKilledInstanceIsToldOnce(profile: Profile, victim: String)
            throws
        {
            let place = try InstancePlace(profile)
            try place.start("a")
            let pid = try place.pid("a")
            switch victim {
            case "keeper": try sendSignal(SIGKILL, to: try place.keeper("a"))
            case "init": try sendSignal(SIGKILL, to: pid)
            default:
                // Only the program: the instance stays.
                try sendSignal(SIGKILL, to: try #require(children(of: pid).first))
                usleep(100_000)
                #expect(try place.exec("a", "true").isSuccess)
                return try place.stop("a")
            }
            for _ in 0..<500 where ProcessTable.entry(pid).map({ $0.state != "Z" }) ?? false { usleep(10_000) }
            usleep(200_000)
            let entered = try place.exec("a", "true")
            #expect(entered.end == .exited(255), "\(entered)")
            #expect(
                entered.standardError.hasPrefix("WARNING: instance a has ended by itself or was killed; "), "\(entered)"
            )
            let list = try place.run(["instance", "list"])
            #expect(list.standardError.isEmpty && list.standardOutput.split(separator: "\n").count == 1, "\(list)")
            try place.start("a")
            try place.stop("a")
        }

        @Test func aKilledImageServerHangsNothing() throws {
            try need(.fuse)
            let place = try InstancePlace(.user)
            #expect(try place.run(["instance", "start", try ImageKind.sif.path(for: .user), "a"]).isSuccess)
            let server = try #require(
                children(of: try place.keeper("a")).first {
                    ProcessTable.entry($0)?.command == "skiff-mount"
                })
            try sendSignal(SIGKILL, to: server)
            _ = try place.exec("a", "ls", "/")
            try place.stop("a")
        }

        /// systemd removes a user's files in /dev/shm when the user's last session ends.
        @Test(arguments: Profile.allCases) func aRemovedSocketIsMadeAnew(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("a")
            try removeTree("/dev/shm/skiff-\(profile.record?.uid ?? 0)")
            #expect(try place.exec("a", "true").isSuccess)
            #expect(try place.exec("a", "true").isSuccess)
            try removeTree("/dev/shm/skiff-\(profile.record?.uid ?? 0)")
            try place.stop("a")
        }

        // MARK: - Stopping

        @Test(arguments: Profile.allCases) func signalsReachTheGroup(profile: Profile) throws {
            let place = try InstancePlace(profile)
            for (flags, text) in [(["-s", "15"], "got TERM"), (["--signal", "sigterm"], "got TERM"), ([], "got INT")] {
                try place.start("a")
                #expect(place.wait(for: "instance: a", in: "a.out"))
                try place.stop("a", flags)
                #expect(place.log("a.out").hasSuffix(text + "\n"), "\(flags)")
            }
            try place.start("a")
            try place.stop("a", ["-F"])
            #expect(!place.log("a.out").hasSuffix("got INT\n"))
        }

        /// A shell that starts a command with `&` has it ignore SIGINT.
        @Test(arguments: Profile.allCases) func whatTheCallerIgnoresIsNotIgnored(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("service", InstancePlace.service)
            let program = try Stage.shared.get().program
            let started = try Command(
                ["/bin/sh", "-c", "trap '' INT TERM HUP; \(program) instance start \(image) a"], as: profile
            )
            .changed { $0.environment["APPTAINER_CONFIGDIR"] = place.configuration }.run()
            #expect(started.isSuccess && place.wait(for: "instance: a", in: "a.out"), "\(started)")
            try place.stop("a")
            #expect(place.log("a.out").hasSuffix("got INT\n"))
        }

        @Test(arguments: Profile.allCases) func whatStaysIsKilledAfterATime(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image(
                "deaf", "#!/bin/sh\ntrap '' INT TERM HUP\n(trap '' INT; sleep 1000) &\nwhile :; do sleep 1; done\n")
            #expect(try place.run(["instance", "start", image, "a"]).isSuccess)
            let pid = try place.pid("a")
            let stopped = try place.run(["instance", "stop", "-t", "1", "a"])
            #expect(
                stopped.isSuccess
                    && stopped.standardError == "INFO:    Stopping a instance of \(image) (PID=\(pid))\n"
                        + "INFO:    Killing a instance of \(image) (PID=\(pid)) (Timeout)\n",
                "\(stopped)")
        }

        /// A daemon that left the group of its script.
        @Test(arguments: Profile.allCases) func daemonsGetTheSignalToo(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image(
                "daemon",
                "#!/bin/sh\nsetsid sh -c 'trap \"echo daemon TERM; exit\" TERM; while :; do sleep 0.1; done' &\nexit 0\n"
            )
            #expect(try place.run(["instance", "start", image, "a"]).isSuccess)
            usleep(200_000)
            let stopped = try place.run(["instance", "stop", "-s", "TERM", "a"])
            #expect(stopped.isSuccess && !stopped.standardError.contains("Timeout"), "\(stopped)")
            #expect(place.log("a.out") == "daemon TERM\n")
        }

        @Test(arguments: Profile.allCases) func patternsAndAll(profile: Profile) throws {
            let place = try InstancePlace(profile)
            for name in ["a1", "a2", "b1"] { try place.start(name) }
            #expect(try place.run(["instance", "list", "a[12]"]).standardOutput.split(separator: "\n").count == 3)
            let none = try place.run(["instance", "stop", "z*"])
            #expect(
                none.end == .exited(1)
                    && none.standardError.hasPrefix("Error for command \"stop\": no instance found\n"))
            #expect(try place.run(["instance", "stop"]).end == .exited(1))
            #expect(try place.run(["instance", "stop", "-s", "FOO", "a1"]).end == .exited(255))
            try place.stop("a?")
            #expect(try place.names() == ["b1"])
            let all = try place.run(["instance", "stop", "--all"])
            #expect(all.isSuccess, "\(all)")
            #expect(try place.run(["instance", "stop", "--all"]).end == .exited(1))
        }

        @Test func rootSeesTheInstancesOfUsers() throws {
            try need(.root)
            try need(.user)
            let user = try #require(Profile.user.record)
            let place = try InstancePlace(.user)
            // In the place where the user's home has them.
            let image = try InstancePlace.image("service", InstancePlace.service)
            let name = "skiff-tests-of-\(processID())"
            #expect(try skiffCommand(["instance", "start", image, name], as: .user).run().isSuccess)
            let list = try skiffCommand(["instance", "list", "-u", user.name, name], as: .root).run()
            #expect(list.standardOutput.contains(name), "\(list)")
            #expect(
                try skiffCommand(["instance", "list", name], as: .root).run().standardOutput.contains(name) == false)
            let stopped = try skiffCommand(["instance", "stop", "-u", user.name, name], as: .root).run()
            #expect(stopped.isSuccess, "\(stopped)")
            let gone = try skiffCommand(["instance", "list", "-u", user.name, name], as: .root).run()
            #expect(gone.standardOutput.split(separator: "\n").count == 1, "\(gone)")
            for verb in ["list", "stop"] {
                let refused = try place.run(["instance", verb, "-u", "root", "x"])
                #expect(
                    refused.end == .exited(255)
                        && refused.standardError == "FATAL:   Only root user can \(verb) user's instances\n",
                    "\(refused)")
            }
            for ending in ["err", "out"] {
                try? unlink("\(user.home)/.apptainer/instances/logs/\(hostname())/\(user.name)/\(name).\(ending)")
            }
        }

        // MARK: - Programs in one

        @Test(arguments: Profile.allCases) func endsAndSignalsAreThoseOfTheProgram(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("a")
            #expect(try place.exec("a", "sh", "-c", "exit 3").end == .exited(3))
            #expect(try place.exec("a", "sh", "-c", "kill -9 $$").end == .signaled(SIGKILL))
            #expect(try place.exec("a", "no-such-command").end == .exited(255))
            let waiting = try place.command([
                "exec", "instance://a", "sh", "-c",
                "trap 'echo usr1; exit 4' USR1; echo ready; while :; do sleep 0.1; done",
            ]).start()
            #expect(waiting.waitForOutput("ready"))
            try waiting.signal(SIGUSR1)
            let ended = try waiting.wait(seconds: 10)
            #expect(ended.end == .exited(4) && ended.standardOutput.hasSuffix("usr1\n"), "\(ended)")
            // A program ends with its monitor, and with the instance.
            let killed = try place.command(["exec", "instance://a", "sh", "-c", "echo ready; sleep 1000"]).start()
            #expect(killed.waitForOutput("ready"))
            try killed.signal(SIGKILL)
            _ = try killed.wait(seconds: 10)
            let left = try place.command(["exec", "instance://a", "sh", "-c", "echo ready; sleep 1000"]).start()
            #expect(left.waitForOutput("ready"))
            try place.stop("a", ["-t", "1"])
            #expect(try left.wait(seconds: 10).end != nil)
        }

        @Test(arguments: Profile.allCases, kinds) func theSameRestrictionsHold(profile: Profile, flags: [String]) throws
        {
            if flags.contains("--userns") || flags.contains("--fakeroot") { try need(.userNamespaces) }
            let place = try InstancePlace(profile)
            let script =
                "grep -E 'Cap|NoNew|Seccomp|Uid|Gid' /proc/self/status; readlink /proc/self/ns/mnt /proc/self/ns/user "
                + "/proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/net; echo $HOME $APPTAINER_BIND"
            let image = try InstancePlace.image("tells", "#!/bin/sh\n\(script)\nsleep 1000\n")
            let more = ["--bind", "/usr/share:/mnt"]
            #expect(try place.run(["instance", "start"] + flags + more + [image, "a"]).isSuccess)
            #expect(place.wait(for: "/mnt\n", in: "a.out"))
            let entered = try place.exec("a", "sh", "-c", script)
            #expect(entered.standardOutput == place.log("a.out"), "\(flags) \(entered)")
            try place.stop("a", ["-F"])
        }

        @Test(arguments: Profile.allCases) func flagsOfMountsHaveNoEffect(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("a")
            let mounts = try place.exec("a", "cat", "/proc/self/mountinfo").standardOutput
            let more = try place.run([
                "exec", "--bind", "/usr/share:/mnt", "--contain", "--home", "/usr:/x", "--writable-tmpfs", "--fakeroot",
                "instance://a", "sh", "-c", "cat /proc/self/mountinfo; echo $HOME >&2; id -u >&2",
            ])
            #expect(more.standardOutput == mounts)
            let record = try #require(profile.record)
            #expect(
                more.standardError
                    == "INFO:    --fakeroot ignored when joining instance\nWARNING: Without effect in an instance that "
                    + "runs already, for instance start alone: --bind, --contain, --home, --writable-tmpfs\n"
                    + "\(record.home)\n\(record.uid)\n",
                "\(more)")
            let there = try place.run(["exec", "--cwd", "/usr", "instance://a", "pwd"])
            #expect(there.standardOutput == "/usr\n", "\(there)")
            #expect(try place.run(["exec", "--cwd", "/nowhere", "instance://a", "pwd"]).end == .exited(255))
            let set = try place.run(["exec", "--env", "A=b", "--cleanenv", "instance://a", "sh", "-c", "echo $A"])
            #expect(set.standardOutput == "b\n", "\(set)")
            try place.stop("a")
        }

        @Test(arguments: Profile.allCases) func thePlanIsExplained(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("service", InstancePlace.service)
            let plan = try place.run(["instance", "start", "--explain", image, "a"])
            #expect(
                plan.isSuccess && plan.standardOutput.contains("it stays as instance a, \(place.state)/a.state"),
                "\(plan)")
            #expect(try place.names().isEmpty)
            try place.start("a")
            let entering = try place.run(["exec", "--explain=json", "instance://a", "true"])
            #expect(entering.isSuccess && entering.standardOutput.contains("instance a"), "\(entering)")
            try place.stop("a")
        }

        // MARK: - Logs, statistics

        @Test(arguments: Profile.allCases) func logsAreKept(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("speaks", "#!/bin/sh\necho out; echo err >&2\nsleep 0.5; echo later\n")
            #expect(try place.run(["instance", "start", image, "a"]).isSuccess)
            let following = try place.command(["instance", "logs", "-f", "--out", "a"]).start()
            #expect(following.waitForOutput("later"))
            try place.stop("a")
            #expect(try following.wait(seconds: 10).isSuccess)
            let logs = try place.run(["instance", "logs", "a"])
            #expect(logs.standardOutput == "out\nlater\n" && logs.standardError == "err\n", "\(logs)")
            #expect(try place.run(["instance", "logs", "--err", "a"]).standardOutput.isEmpty)
            #expect(try place.run(["instance", "logs", "none"]).end == .exited(1))
            #expect(try status(place.logs + "/a.err").permissions == 0o600)
            // The next one goes on in them.
            #expect(try place.run(["instance", "start", image, "a"]).isSuccess)
            #expect(place.wait(for: "out\nlater\nout\n", in: "a.out"))
            try place.stop("a")
        }

        /// Root's instances have one (`Limits.instancesAreCounted`).
        @Test(.needs(.cgroups, .user)) func statisticsNeedACgroup() throws {
            let place = try InstancePlace(.user)
            try place.start("a")
            let refused = try place.run(["instance", "stats", "a"])
            #expect(refused.end == .exited(1), "\(refused)")
            #expect(
                refused.standardError.contains(
                    "Error for command \"stats\": stats are only available if cgroups are enabled, see the Apptainer "
                        + "instance user guide for instructions\n"), "\(refused)")
            #expect(try place.run(["instance", "stats", "none"]).standardError.contains("no instance found"))
            try place.stop("a")
        }

        // MARK: - Many

        @Test(arguments: Profile.allCases) func manyAtOnce(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image("service", InstancePlace.service)
            let all = try (0..<20).map { try place.command(["instance", "start", image, "i\($0)"]).start() }
            let outcomes = try all.map { try $0.wait(seconds: 60) }
            #expect(outcomes.allSatisfy { $0.isSuccess }, "\(outcomes.filter { !$0.isSuccess })")
            #expect(try place.names().count == 20)
            #expect(try place.run(["instance", "stop", "-a"]).isSuccess)
        }

        @Test(arguments: Profile.allCases) func roundsLeaveNothing(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image =
                try profile == .user && Facility.fuse.missing == nil
                ? ImageKind.sif.path(for: profile) : InstancePlace.image("service", InstancePlace.service)
            for round in 0..<10 {
                #expect(try place.run(["instance", "start", image, "a"]).isSuccess, "round \(round)")
                try place.stop("a")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.state).isEmpty)
        }
    }
}

extension Command {
    fileprivate func changed(_ change: (inout Command) -> Void) -> Command {
        var command = self
        change(&command)
        return command
    }
}
