import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What can be written, by which user, and what becomes of it: Docs/spec/runtime.md §2.7.
    @Suite struct Writable {
        /// `/etc` belongs to root in the image; the user's namespace knows no root.
        @Test(.needs(.overlay), arguments: Profile.allCases, [ImageKind.squashfs, .sif])
        func memoryLiesAboveDirectoriesOfRoot(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let image = try kind.path(for: profile)
            let script = "echo new >/etc/new && cat /etc/new; rm /etc/hosts.allow; mkdir /made && stat -c %u /made /etc"
            let outcome = try skiff(
                "exec", "--writable-tmpfs", "--no-mount", "bind-paths", image, "sh", "-c", script, as: profile)
            let uid = try #require(profile.record).uid
            #expect(outcome.standardOutput == "new\n\(uid)\n\(uid)\n", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func sandboxWithoutTheCallersHome(profile: Profile) throws {
            try need(profile)
            let box = try WorkDirectory.make(for: profile) + "/box"
            let source = try Images.shared.get().directory
            #expect(try Command(["/bin/cp", "-r", source, box], as: profile).run().isSuccess)
            let script = "echo stays >/etc/new; cd; pwd; touch of-a-test && rm of-a-test; ls -a /home | wc -l"
            let outcome = try skiff(
                "exec", "--writable", "--home", parentPath(box)! + ":/home/of/somebody", box, "sh", "-c", script,
                as: profile)
            #expect(outcome.line == "/home/of/somebody\n3" && outcome.standardError.isEmpty, "\(outcome)")
            #expect(try readFile(box + "/etc/new") == Array("stays\n".utf8))
            #expect(try status(box + "/home").isDirectory && entriesOf(box + "/home").isEmpty)
        }

        private func entriesOf(_ path: String) throws -> [String] {
            let folder = try open(path, O_RDONLY | O_DIRECTORY)
            return try Linux.entries(of: folder.raw).map(\.text)
        }

        private func ext3() throws -> String {
            let file = try WorkDirectory.make(for: .root) + "/image.ext3"
            let source = try Images.shared.get().directory
            let make = "truncate -s 32M \(file) && /sbin/mke2fs -q -t ext3 -d \(source) \(file)"
            #expect(try Command(["/bin/sh", "-c", make], as: .root).run().isSuccess)
            return file
        }

        @Test(.needs(.root, .loop)) func ext3FileOfRootKeepsWhatIsWritten() throws {
            let file = try ext3()
            let home = "--no-home"
            let wrote = try skiff("exec", home, "--writable", file, "sh", "-c", "echo kept >/etc/new", as: .root)
            #expect(wrote.isSuccess, "\(wrote)")
            let read = try skiff("exec", home, file, "sh", "-c", "cat /etc/new; echo no >/etc/new", as: .root)
            #expect(read.line == "kept" && read.end == .exited(1), "\(read)")
            let checked = try Command(["/sbin/e2fsck", "-fn", file], as: .root).run()
            #expect(checked.isSuccess, "\(checked)")
        }

        @Test(.needs(.root, .loop)) func ext3FileHasOneWriterOrManyReaders() throws {
            let file = try ext3()
            let writer = try skiffCommand(
                ["exec", "--no-home", "--writable", file, "/inside", "sleep", "20"], as: .root
            ).start()
            #expect(writer.waitForOutput("sleeping"))
            for (flags, word) in [
                ([], "reading, currently in use for writing"), (["--writable"], "writing, currently in use"),
            ] {
                let second = try skiffCommand(["exec", "--no-home"] + flags + [file, "true"], as: .root).run()
                let text =
                    "FATAL:   can't open \(file) for \(word) by another process. It is in use by loop device loop"
                #expect(second.end == .exited(255) && second.standardError.hasPrefix(text), "\(second)")
                #expect(second.standardError.hasSuffix(" on \(hostname())\n"), "\(second)")
            }
            try writer.signal(SIGKILL)
            _ = try writer.wait(seconds: 10)
            // The kernel ends the mount, and with it the lock, a moment after the last process.
            var last: Outcome?
            for _ in 0..<100 where last?.isSuccess != true {
                last = try skiff("exec", "--no-home", "--writable", file, "true", as: .root)
            }
            #expect(last?.isSuccess == true, "\(String(describing: last))")
            let readers = try skiffCommand(["exec", "--no-home", file, "/inside", "sleep", "20"], as: .root).start()
            #expect(readers.waitForOutput("sleeping"))
            #expect(try skiff("exec", "--no-home", file, "true", as: .root).isSuccess)
            try readers.signal(SIGKILL)
            _ = try readers.wait(seconds: 10)
        }

        @Test(arguments: Profile.allCases) func missingWorkDirectoryIsNotMade(profile: Profile) throws {
            try need(profile)
            let path = try WorkDirectory.make(for: profile) + "/absent"
            let outcome = try skiff(
                "exec", "--contain", "--workdir", path, Images.shared.get().directory, "true", as: profile)
            #expect(
                outcome.end == .exited(255) && outcome.standardError.contains("work directory \(path)"), "\(outcome)")
            #expect(!isAccessible(path, F_OK))
        }
    }
}
