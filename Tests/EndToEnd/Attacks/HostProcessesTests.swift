import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between processes that hold something of the host and the programs of a container. `/attack reach`
    /// tries every process that it sees in every way that it knows: /proc/PID/root, cwd, fd, mem, ptrace, pidfd_getfd,
    /// setns, ….
    @Suite(.cleanHost) struct HostProcesses {
        enum Image: String, CaseIterable, Sendable {
            case directory, sif

            func path() throws -> String {
                switch self {
                case .directory: try AttackRoot.directory.get()
                case .sif: try AttackRoot.image.get()
                }
            }
        }

        static let isolations: [[String]] = [
            [], ["--pid"], ["--containall"], ["--pid", "--no-init"], ["--sharens"], ["--sharens", "--containall"],
        ]

        /// Each attempt reaches one of its own processes; otherwise it would prove nothing about others.
        @Test(arguments: FakeRoot.allCases) func theAttemptsWork(root: FakeRoot) throws {
            try root.needed()
            let outcome = try exec(["--fakeroot"] + root.flags, "control", image: .directory)
            #expect(outcome.values["ways"]?.isEmpty == false, "\(outcome)")
            #expect(outcome.values["works"] == outcome.values["ways"], "\(outcome)")
        }

        @Test(arguments: FakeRoot.allCases, Image.allCases) func fakerootReachesNothing(root: FakeRoot, image: Image)
            throws
        {
            try root.needed()
            if image == .sif { try need(.fuse) }
            for flags in Self.isolations { try expectNothing(["--fakeroot"] + root.flags + flags, image: image) }
        }

        /// Without capabilities the kernel's rules for users hold, and the namespace of the container is not the
        /// host's.
        @Test(arguments: Image.allCases) func usersReachNothing(image: Image) throws {
            try need(.user, .userNamespaces)
            if image == .sif { try need(.fuse) }
            for flags in Self.isolations + [["--userns"], ["--userns", "--add-caps", "all"]] {
                try expectNothing(flags, image: image)
            }
        }

        /// Real root may look into everything by right. Even so, our process that stays in its container holds nothing.
        @Test func initHoldsNothingForRoot() throws {
            try need(.root)
            for flags in [["--pid"], ["--containall"]] {
                let outcome = try exec(flags, "reach", image: .directory, as: .root)
                let reached = outcome.values["reached"] ?? ""
                #expect(reached.hasPrefix("1:appinit:root,"), "\(outcome)")
                #expect(!reached.contains(" "), "\(outcome)")
                let script = "for f in /proc/1/fd/*; do readlink $f; done"
                let words = ["exec"] + flags + [try AttackRoot.directory.get(), "sh", "-c", script]
                let held = try skiffCommand(words, as: .root).run()
                #expect(held.line.hasPrefix("pipe:") && !held.line.contains("\n"), "\(held)")
            }
        }

        @Test func rootInAUserNamespaceReachesNothing() throws {
            try need(.root, .userNamespaces)
            for flags in Self.isolations { try expectNothing(["--userns"] + flags, image: .directory, as: .root) }
        }

        @Test(arguments: Profile.allCases) func programHoldsNothing(profile: Profile) throws {
            try need(profile)
            var all = [[], ["--pid"]]
            // The caller's own descriptors stay.
            let given = try Command([try AttackRoot.program(), "holds"], as: profile).run().values.keys
            if profile == .user {
                try need(.userNamespaces)
                all += [["--fakeroot"], ["--fakeroot", "--ignore-subuid"], ["--fakeroot", "--containall"]]
            }
            for flags in all {
                let outcome = try exec(flags, "holds", image: .directory, as: profile)
                #expect(outcome.isSuccess, "\(outcome)")
                #expect(outcome.values["root"] == "/" && outcome.values["exe"] == "/attack", "\(outcome)")
                #expect(Set(outcome.values.keys) == Set(given), "\(outcome)")
            }
        }

        /// The owner of the installation could write to a program of it that runs inside, through the process's file.
        @Test(arguments: Profile.allCases) func theStaticShellIsACopy(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let image = try Images.shared.get().changed("shell-\(profile)", from: Images.shared.get().bare) { copy in
                try writeFile(copy + "/attack", try readFile(AttackRoot.program()), mode: 0o755)
                try writeFile(copy + "/script", Array("#!/bin/sh\n/attack holds; exit 0\n".utf8), mode: 0o755)
                for name in ["/attack", "/script"] { try Linux.chmod(copy + name, 0o755) }
            }
            let outcome = try skiffCommand(["exec", image, "/script"], as: profile).run()
            #expect(outcome.isSuccess && outcome.values["parent"]?.hasPrefix("/memfd:") == true, "\(outcome)")
        }

        // MARK: builds

        @Test(arguments: FakeRoot.allCases) func definitionsReachNothing(root: FakeRoot) throws {
            try root.needed()
            let definition = """
                Bootstrap: localimage
                From: \(try AttackRoot.directory.get())
                %post
                    exec /attack reach
                %test
                    exec /attack reach

                """
            let outcome = try build(definition, "image.def", root.flags)
            #expect(outcome.isSuccess, "\(outcome)")
            expectReaches(outcome, 2)
        }

        @Test(arguments: FakeRoot.allCases) func dockerfilesReachNothing(root: FakeRoot) throws {
            try root.needed()
            let text = """
                FROM scratch
                COPY base /
                RUN exec /attack reach
                RUN ["/attack", "reach"]
                USER joe
                RUN exec /attack reach

                """
            let outcome = try build(text, "Dockerfile", root.flags) { command in
                let copy = ["/bin/cp", "-r", try AttackRoot.directory.get(), command.directory + "/base"]
                #expect(try Command(copy, as: .user).run().isSuccess)
            }
            #expect(outcome.isSuccess, "\(outcome)")
            expectReaches(outcome, 3)
        }

        /// `$$` is a process that exists, /proc is that of this namespace, and services work until the step ends.
        @Test(arguments: Profile.allCases) func stepsHaveProcessesOfTheirOwn(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let definition = """
                Bootstrap: localimage
                From: \(try AttackRoot.directory.get())
                %post
                    test "$(readlink /proc/self)" != "$$"
                    kill -0 $$
                    test "$(readlink /proc/$$/exe)" = /bin/busybox
                    sleep 60 &
                    kill -0 $!
                    test "$(ls -d /proc/[0-9]* | wc -l)" -le 8
                    (sleep 61; echo late > /late) </dev/null >/dev/null 2>&1 &
                    echo "service=$!"
                %test
                    test "$(ls -d /proc/[0-9]* | wc -l)" -le 8

                """
            let outcome = try build(definition, "image.def", [], as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(outcome.standardOutput.contains("service="), "\(outcome)")
        }

        /// Where no /proc can be mounted, as in most containers, a step sees the host's processes but reaches none.
        /// This is reported, and what a step leaves behind ends with it.
        @Test(arguments: FakeRoot.allCases) func sharedProcessesAreNotReached(root: FakeRoot) throws {
            try root.needed()
            try need(.root)
            let definition = """
                Bootstrap: localimage
                From: \(try AttackRoot.directory.get())
                %post
                    (trap '' TERM HUP; sleep 60 </dev/null >/dev/null 2>&1) &
                    /attack watch 60 </dev/null >/dev/null 2>&1 &
                    kill -0 $$
                    /attack reach > /reached
                    grep -c . /reached
                %test
                    exec /attack reach

                """
            let outcome = try build(definition, "image.def", root.flags) { $0.cover() }
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(
                outcome.standardError.contains("Scripts see all processes, because a /proc of their own"), "\(outcome)")
            expectReaches(outcome, 1)
            let seen = outcome.values["seen"].flatMap { Int($0) } ?? 0
            #expect(seen > 5, "\(outcome)")
        }

        // MARK: set-up

        /// An attacker who is already root of the container's user namespace while the container is set up: no process
        /// of the launch is open to him at any step.
        @Test(arguments: FakeRoot.allCases) func setUpIsClosed(root: FakeRoot) throws {
            try root.needed()
            try need(.root, .fuse)
            let image = try AttackRoot.image.get()
            let words = ["exec", "--fakeroot"] + root.flags
            let program = [image, "/attack", "holds"]
            for step in ["mapped", "sources", "session", "fuse-mounted", "root", "mounts"] + Self.lastSteps {
                try expectClosed(words + program, at: step, processes: 3)
            }
            for step in Self.lastSteps { try expectClosed(words + ["--containall"] + program, at: step, processes: 4) }
        }

        /// PID 1 of a namespace cannot be stopped from inside, so only these steps can be examined where there is one.
        private static let lastSteps = ["environment", "exec"]

        @Test(arguments: FakeRoot.allCases) func setUpOfAStepIsClosed(root: FakeRoot) throws {
            try root.needed()
            try need(.root)
            let folder = try WorkDirectory.make(for: .user)
            let definition = "Bootstrap: localimage\nFrom: \(try AttackRoot.directory.get())\n%post\n    true\n"
            try writeFile(folder + "/image.def", Array(definition.utf8), mode: 0o644)
            let words = ["build", "-F", "--no-cache"] + root.flags + [folder + "/image.sif", folder + "/image.def"]
            for step in Self.lastSteps { try expectClosed(words, at: step, processes: 7) }
            for step in ["sources", "session", "mounts", "pivoted"] + Self.lastSteps {
                try expectClosed(words, at: step, processes: 5) { $0.cover() }
            }
        }

        // MARK: helpers

        private func exec(_ flags: [String], _ verb: String, image: Image, as profile: Profile = .user) throws
            -> Outcome
        {
            try skiffCommand(["exec"] + flags + [try image.path(), "/attack", verb], as: profile).run()
        }

        private func expectNothing(_ flags: [String], image: Image, as profile: Profile = .user) throws {
            let outcome = try exec(flags, "reach", image: image, as: profile)
            #expect(outcome.isSuccess && outcome.values["reached"] == "", "\(outcome)")
            // An attack that sees nothing reaches nothing: without a PID namespace at least the test itself is there.
            let seen = outcome.values["seen"].flatMap { Int($0) } ?? -1
            let hasOwn = flags.contains("--pid") || flags.contains("--containall")
            #expect(hasOwn ? seen == (flags.contains("--no-init") ? 0 : 1) : seen > 2, "\(outcome)")
            if profile == .user { #expect(outcome.values["nnp"] == "1", "\(outcome)") }
        }

        private func expectReaches(_ outcome: Outcome, _ count: Int) {
            let lines = outcome.standardOutput.split(separator: "\n").filter { $0.hasPrefix("reached=") }
            #expect(lines == Array(repeating: "reached=", count: count), "\(outcome)")
        }

        private func build(
            _ text: String, _ name: String, _ flags: [String], as profile: Profile = .user,
            change: (inout Command) throws -> Void = { _ in }
        ) throws -> Outcome {
            let folder = try WorkDirectory.make(for: profile)
            try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o644)
            let words = ["build", "--no-cache"] + flags + [folder + "/image.sif", folder + "/" + name]
            var command = try skiffCommand(words, as: profile)
            command.seconds = 60
            command.directory = folder
            try change(&command)
            return try command.run()
        }

        /// Stops a launch at a step, joins the user namespace of the stopped process, and attacks the whole launch.
        private func expectClosed(
            _ words: [String], at step: String, processes: Int, change: (inout Command) -> Void = { _ in }
        ) throws {
            let running = try skiffCommand(words, as: .user) {
                $0.environment["SKIFF_STOP_AT"] = step
                change(&$0)
            }.start()
            let stopped = try #require(waitForStop(running), "nothing stopped at \(step)")
            let all = family(of: running.pid).filter { ProcessTable.entry($0).map { $0.state != "Z" } ?? false }
            #expect(all.count >= processes, "\(all.compactMap(ProcessTable.entry))")
            let user = try #require(Profile.user.record)
            let attack = [try AttackRoot.program(), "join", String(stopped), String(user.uid), String(user.gid)]
            let outcome = try Command(attack + all.map { String($0) }, as: .root).run()
            #expect(outcome.isSuccess && outcome.values["reached"] == "", "at \(step): \(outcome)")
            #expect(outcome.values["seen"] == String(all.count), "at \(step): \(outcome)")
            kill(stopped, SIGCONT)
            let end = try running.wait(seconds: 60)
            #expect(end.isSuccess, "after \(step): \(end)")
        }

        private func waitForStop(_ running: RunningCommand) -> pid_t? {
            for _ in 0..<2000 {
                if let found = family(of: running.pid).first(where: { ProcessTable.entry($0)?.state == "T" }) {
                    return found
                }
                usleep(10_000)
            }
            return nil
        }
    }
}

extension Command {
    /// Runs the command where the kernel mounts no other /proc, since part of the present one is covered. Needs root.
    fileprivate mutating func cover() {
        let script = "mount -t tmpfs none /proc/tty && exec \"$@\""
        words = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh"] + profile.switching + words
        profile = .root
    }
}
