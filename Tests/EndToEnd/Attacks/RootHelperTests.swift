import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between skiff-root, which acts in place of a container's programs, and these programs.
    @Suite(.cleanHost) struct RootHelper {
        // MARK: calls that block

        /// Calls on a FUSE file system whose server does not answer: others are answered, a caller can be killed, and the
        /// command ends while some still wait.
        @Test(arguments: [FakeRoot.ranges, .supervised], [[], ["--pid"]])
        func blockedCallsDelayNobody(root: FakeRoot, flags: [String]) throws {
            try root.needed()
            try need(.fuse)
            let words =
                ["exec", "--fakeroot", "--contain", "--bind", "/dev/fuse"] + root.flags + flags + [
                    try AttackRoot.directory.get()
                ]
            let before = Leftovers.now()
            let start = Date()
            let outcome = try skiffCommand(words + ["/attack", "block"], as: .user) { $0.seconds = 30 }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(outcome.values["others"] == "answered" && outcome.values["killed"] == "ended", "\(outcome)")
            #expect(Date().timeIntervalSince(start) < 15, "\(outcome)")
            // A process that lives on without a PID namespace lets go after a few seconds, and everything of ours with
            // it.
            let left = Leftovers.settled(from: before, seconds: 15)
            #expect(left.isEmpty, "\(left)")
        }

        // MARK: the caller's output

        /// `$(skiff exec …)` comes back when the program has ended, not when its background processes have.
        @Test(arguments: FakeRoot.allCases) func outputIsNotKept(root: FakeRoot) throws {
            try root.needed()
            let image = try AttackRoot.directory.get()
            let before = Leftovers.now()
            for stream in ["", " 2>&1"] {
                let skiff = try skiffCommand(["exec", "--fakeroot"] + root.flags + [image], as: .user)
                let script = """
                    x=$("$@" sh -c 'sleep 8 </dev/null >/dev/null 2>&1 & echo hi'\(stream)); echo "[$x]"
                    """
                var command = skiff
                command.words = ["/bin/sh", "-c", script, "sh"] + skiff.words
                let start = Date()
                let outcome = try command.run()
                #expect(outcome.standardOutput.hasSuffix("hi]\n"), "\(outcome)")
                #expect(Date().timeIntervalSince(start) < 6, "\(outcome)")
            }
            #expect(Leftovers.settled(from: before, seconds: 15).isEmpty)
        }

        /// Nor is any descriptor kept that the caller lent it.
        @Test(arguments: [FakeRoot.ranges, .supervised]) func descriptorsAreNotKept(root: FakeRoot) throws {
            try root.needed()
            try need(.root)
            let running = try skiffCommand(
                ["exec", "--fakeroot"] + root.flags + [
                    try AttackRoot.directory.get(), "sh", "-c", "echo ready; sleep 2",
                ], as: .user
            ) {
                $0.words = ["/bin/sh", "-c", "exec \"$@\" 7>&1 8</etc/hosts", "sh"] + $0.words
            }.start()
            defer { _ = try? running.wait(seconds: 10) }
            #expect(running.waitForOutput("ready"))
            let helper = try #require(find("skiff-root", of: running))
            let held = try descriptors(of: helper).filter {
                $0.hasPrefix("/") && !["/", "/dev/null"].contains($0) && !$0.hasPrefix("/memfd:")
            }
            #expect(held.isEmpty, "\(held)")
        }

        // MARK: who has given up a right

        @Test func landlockBindsWhatIsDoneInItsPlace() throws {
            try FakeRoot.supervised.needed()
            let outcome = try landlock(.supervised)
            for key in ["open", "mkdir", "symlink", "fifo", "child", "executed"] {
                #expect(outcome.values[key] == "EACCES", "\(key): \(outcome)")
            }
            // The kernel knows only one id.
            #expect(outcome.values["chown"] == "EINVAL", "\(outcome)")
        }

        @Test func landlockBindsDevicesWithTrueIDs() throws {
            try FakeRoot.ranges.needed()
            let outcome = try landlock(.ranges)
            for key in ["open", "mkdir", "child", "executed"] {
                #expect(outcome.values[key] == "EACCES", "\(key): \(outcome)")
            }
        }

        private func landlock(_ root: FakeRoot) throws -> Outcome {
            let directory = try AttackRoot.copy()
            let words = ["exec", "--fakeroot", "--writable"] + root.flags + [directory, "/attack", "landlock", "/mnt"]
            let outcome = try skiffCommand(words, as: .user).run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(outcome.values["before.chown"] == "0", "\(outcome)")
            // Landlock's answer, or the kernel's to a process that has no right to make device nodes.
            for key in ["node", "nodeat"] {
                #expect(["EACCES", "EPERM"].contains(outcome.values[key] ?? ""), "\(key): \(outcome)")
            }
            let folder = try open(directory + "/mnt", O_RDONLY | O_DIRECTORY)
            #expect(try entries(of: folder.raw).map(\.text) == ["there"])
            return outcome
        }

        /// With real ids, a process that setuid(2) has made another user gets no device node from root's helper.
        @Test func otherUsersMakeNoDevices() throws {
            try FakeRoot.ranges.needed()
            let directory = try AttackRoot.copy()
            let outcome = try skiffCommand(
                [
                    "exec", "--fakeroot", "--writable", directory, "sh", "-c",
                    "mknod /mnt/root c 1 3; su joe -c 'mknod /mnt/joe c 1 3'; su joe -c 'mknod /tmp/joe c 1 3'; ls /mnt",
                ], as: .user
            ).run()
            #expect(outcome.standardOutput == "root\n", "\(outcome)")
            let refused = outcome.standardError.split(separator: "\n").count { $0.hasPrefix("mknod: ") }
            #expect(refused == 2, "\(outcome)")
        }

        // MARK: signals

        /// Without a PID namespace a program of the same user can signal everything of the launch. Whatever it kills,
        /// the command ends, and nothing is left.
        @Test(arguments: ["skiff-root", "skiff-mount"], [SIGKILL, SIGSEGV])
        func signalledHelpersHoldNobodyUp(name: String, signal: CInt) throws {
            try FakeRoot.supervised.needed()
            try need(.fuse)
            let before = Leftovers.now()
            let words = ["exec", "--fakeroot", "--ignore-subuid", try AttackRoot.image.get()]
            let outcome = try skiffCommand(
                words + ["/attack", "signal", String(signal), name], as: .user
            ) { $0.seconds = 40 }.run()
            #expect(outcome.end != nil, "\(outcome)")
            #expect(outcome.values["sent"].flatMap { Int($0) } ?? 0 > 0, "\(outcome)")
            #expect(Leftovers.settled(from: before).isEmpty)
        }

        /// Inside a PID namespace nothing of the launch can be signalled but PID 1, which ignores it.
        @Test(arguments: FakeRoot.allCases) func initIsNotKilled(root: FakeRoot) throws {
            try root.needed()
            let words = ["exec", "--fakeroot", "--pid"] + root.flags + [try AttackRoot.directory.get()]
            let script = "kill -9 1; kill -STOP 1; sleep 0.2; echo alive"
            let outcome = try skiffCommand(words + ["sh", "-c", script], as: .user).run()
            #expect(outcome.isSuccess && outcome.line == "alive", "\(outcome)")
        }

        /// It dies quietly: the user sees only the program's own output.
        @Test func nothingIsSaidOfItsDeath() throws {
            try FakeRoot.supervised.needed()
            let words = ["-q", "exec", "--fakeroot", "--ignore-subuid", try AttackRoot.directory.get()]
            let outcome = try skiffCommand(
                words + ["sh", "-c", "/attack signal 9 skiff-root; chown 1:1 /tmp; echo $?"], as: .user
            ).run()
            #expect(outcome.isSuccess && outcome.line.hasSuffix("\n1"), "\(outcome)")
            #expect(outcome.standardError.split(separator: "\n").count == 1, "\(outcome)")
            #expect(outcome.standardError.contains("Function not implemented"), "\(outcome)")
        }

        // MARK: helpers

        private func find(_ name: String, of running: RunningCommand) -> pid_t? {
            for _ in 0..<500 {
                let found = family(of: running.pid).first { ProcessTable.entry($0)?.command == name }
                if let found { return found }
                usleep(10_000)
            }
            return nil
        }

        private func descriptors(of pid: pid_t) throws -> [String] {
            let folder = try open("/proc/\(pid)/fd", O_RDONLY | O_DIRECTORY)
            return try entries(of: folder.raw).compactMap { try? readLink($0.text, at: folder.raw) }
        }
    }
}
