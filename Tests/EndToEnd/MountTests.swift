import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Binds and the default mounts: Docs/spec/runtime.md §2.
    @Suite struct Mounts {
        @Test(arguments: Profile.allCases) func bindsAFile(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            try writeFile(folder + "/given", Array("from the host\n".utf8), mode: 0o644)
            let image = try Images.shared.get().directory
            for target in ["/mnt/new", "/deep/er/new", "/etc/hosts"] {
                let outcome = try skiff("exec", "-B", "\(folder)/given:\(target)", image, "cat", target, as: profile)
                #expect(outcome.isSuccess && outcome.line == "from the host", "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func readOnlyBindRefusesWrites(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let image = try Images.shared.get().directory
            let write = ["/inside", "write", "/mnt/x", "text"]
            let refused = try skiffCommand(["exec", "-B", "\(folder):/mnt:ro", image] + write, as: profile).run()
            #expect(refused.values["errno"] == "\(EROFS)", "\(refused)")
            let allowed = try skiffCommand(["exec", "--bind", "\(folder):/mnt", image] + write, as: profile).run()
            #expect(allowed.isSuccess, "\(allowed)")
            #expect(try readFile(folder + "/x") == Array("text".utf8))
        }

        @Test(arguments: Profile.allCases) func missingSourceIsFatal(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(
                "exec", "-B", "/no/such/source:/mnt", Images.shared.get().directory, "true", as: profile)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("/no/such/source"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func imageIsReadOnly(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(
                "exec", Images.shared.get().directory, "/inside", "write", "/usr/new", "text", as: profile)
            #expect(outcome.values["errno"] == "\(EROFS)", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func currentDirectoryComesAlong(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let outcome = try inside(tell: "process", as: profile) { $0.directory = folder }
            #expect(outcome.values["cwd"] == folder, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func cwdFlagChoosesTheDirectory(profile: Profile) throws {
            try need(profile)
            let outcome = try inside("--cwd", "/usr", tell: "process", as: profile)
            #expect(outcome.values["cwd"] == "/usr", "\(outcome)")
            let old = try inside("--pwd", "/mnt", tell: "process", as: profile)
            #expect(old.values["cwd"] == "/mnt", "\(old)")
            let missing = try inside("--cwd", "/no/such", tell: "process", as: profile)
            #expect(missing.end == .exited(255), "\(missing)")
        }

        @Test(arguments: Profile.allCases) func homeIsBound(profile: Profile) throws {
            try need(profile)
            let home = try #require(profile.record?.home)
            let outcome = try inside(tell: "mounts", "environment", as: profile)
            #expect(outcome.mountPoints.contains(home), "\(outcome)")
            #expect(outcome.values["env.HOME"] == home, "\(outcome)")
            let without = try inside("--no-home", tell: "mounts", as: profile)
            #expect(!without.mountPoints.contains(home), "\(without)")
        }

        /// The texts of Apptainer 1.4.5.
        @Test(arguments: Profile.allCases) func relativeDestinationsAreRefused(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let image = try Images.shared.get().directory
            func run(_ flags: String...) throws -> Outcome {
                try skiffCommand(["exec"] + flags + [image, "sh", "-c", "echo $HOME"], as: profile) {
                    $0.directory = folder
                }.run()
            }
            for (flags, text) in [
                (
                    ["--home", "./rel"],
                    "failed to add \(folder)/rel as session directory: path rel is not an absolute path"
                ),
                (["--home", "/tmp:rel"], "failed to add /tmp as session directory: path rel is not an absolute path"),
                (["--home", "/tmp:"], "failed to add /tmp as session directory: path . is not an absolute path"),
                (
                    ["--scratch", "/here,rel/a"],
                    "could not bind scratch directory scratch/rel/a into container: destination must be an absolute path"
                ),
                (
                    ["--scratch", "rel", "--workdir", folder],
                    "could not bind scratch directory \(folder)/scratch/rel into container: destination must be an "
                        + "absolute path"
                ),
            ] {
                let outcome = try skiffCommand(["exec"] + flags + [image, "true"], as: profile) {
                    $0.directory = folder
                }.run()
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError == "FATAL:   container creation failed: \(text)\n", "\(outcome)")
            }
            let many = try run("--home", "a:b:c")
            #expect(
                many.end == .exited(255)
                    && many.standardError
                        == "FATAL:   While setting home directory: home argument has incorrect number of elements: 3\n",
                "\(many)")
            // Where nothing is mounted, nothing is refused.
            #expect(try run("--no-home", "--home", "rel").line == "rel")
            #expect(try run("--home", ":/here").line == "/here")
            #expect(try run("--scratch", "").isSuccess)
        }

        @Test(arguments: Profile.allCases) func homeFlagMovesIt(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            try writeFile(folder + "/marker", Array("here\n".utf8), mode: 0o644)
            let outcome = try skiff(
                "exec", "--home", "\(folder):/new/home", Images.shared.get().directory, "sh", "-c",
                "echo $HOME; cat $HOME/marker", as: profile)
            #expect(outcome.line == "/new/home\nhere", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func containHidesTheHost(profile: Profile) throws {
            try need(profile)
            let home = try #require(profile.record?.home)
            let outcome = try skiff(
                "exec", "--contain", Images.shared.get().directory, "sh", "-c",
                "ls -A /tmp; ls -A /var/tmp; ls -A \(home); ls /dev; pwd; echo x >/tmp/x && cat /tmp/x", as: profile
            ) { $0.directory = "/tmp" }
            #expect(outcome.isSuccess, "\(outcome)")
            let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
            #expect(!lines.contains { $0.hasPrefix(WorkDirectory.prefix) }, "\(outcome)")
            #expect(lines.suffix(2) == [home, "x"], "\(outcome)")
            for name in ["fd", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "zero"] {
                #expect(lines.contains(name), "\(name) is missing: \(outcome)")
            }
            #expect(!lines.contains("fuse") && !lines.contains("loop-control"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func workdirKeepsWhatContainWrites(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let outcome = try skiff(
                "exec", "--contain", "--workdir", folder, Images.shared.get().directory, "sh", "-c",
                "echo kept >/tmp/file; echo too >/var/tmp/file", as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try readFile(folder + "/tmp/file") == Array("kept\n".utf8))
            #expect(try readFile(folder + "/var_tmp/file") == Array("too\n".utf8))
        }

        @Test(arguments: Profile.allCases) func passwdKnowsTheCaller(profile: Profile) throws {
            try need(profile)
            let record = try #require(profile.record)
            let outcome = try skiff("exec", Images.shared.get().directory, "cat", "/etc/passwd", as: profile)
            let lines = outcome.standardOutput.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("\(record.name):x:\(record.uid):") }, "\(outcome)")
            #expect(lines.contains("image:x:77:77:of the image:/:/bin/false"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func nothingOfTheRunIsWrittenIntoTheImage(profile: Profile) throws {
            try need(profile)
            let images = try Images.shared.get()
            let before = try listing(images.directory)
            _ = try skiff("exec", "-B", "/etc:/new/place", images.directory, "true", as: profile)
            #expect(try listing(images.directory) == before)
        }

        private func listing(_ folder: String) throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        }
    }
}

extension Outcome {
    /// The mount points in the reporter's mountinfo, in order.
    var mountPoints: [String] {
        values.filter { $0.key.hasPrefix("mount.") }.values.compactMap { line in
            let fields = line.split(separator: " ")
            return fields.count > 4 ? String(fields[4]) : nil
        }
    }
}
