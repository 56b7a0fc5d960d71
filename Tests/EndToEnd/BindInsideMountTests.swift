import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Binds whose mount point is missing inside another mount: Docs/spec/runtime.md §2.
    @Suite struct BindInsideMount {
        /// Directories of the host: `job`, which has the file `f`, and others that hold nothing but `kept`.
        private struct Host {
            let profile: Profile
            let folder: String
            /// A name that occurs nowhere in /tmp or in a home.
            let name: String

            init(_ profile: Profile) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                name = "skiff-place-\(getpid())-" + lastComponent(folder)
                try shell("umask 022; mkdir job other third home work; echo j >job/f; echo k >other/kept")
            }

            /// Runs commands of the host in the folder.
            func shell(_ script: String) throws {
                let outcome = try Command(["/bin/sh", "-ec", "cd \"$1\"; " + script, "sh", folder], as: profile).run()
                guard outcome.isSuccess else { throw HarnessError("cannot prepare \(folder): \(outcome)") }
            }

            func run(_ flags: [String], _ image: String, _ script: String) throws -> Outcome {
                try skiffCommand(["exec"] + flags + [image, "sh", "-c", script], as: profile) { $0.directory = folder }
                    .run()
            }

            func entries(_ directory: String) throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: folder + "/" + directory).sorted()
            }

            func remove() { try? removeTree(folder) }
        }

        private static let kinds = [ImageKind.directory, .sif]

        /// The forms in which Apptainer 1.4.5 was seen to do so.
        @Test(arguments: Profile.allCases, kinds)
        func theMissingPlaceIsMade(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            try need(.overlay)
            let (host, image) = (try Host(profile), try kind.path(for: profile))
            defer { host.remove() }
            let home = try #require(profile.record?.home) + "/" + host.name
            let temporary = "/tmp/" + host.name
            defer {
                rmdir(home)
                rmdir(temporary)
            }
            let forms: [(flags: [String], file: String)] = [
                (["-B", "job:\(temporary)"], temporary + "/f"),
                (["-B", "job:\(home)"], home + "/f"),
                (["-H", "\(host.folder)/home:/home/u", "-B", "job:/home/u/data"], "/home/u/data/f"),
                (["-B", "other:/mnt", "-B", "job:/mnt/in"], "/mnt/in/f"),
                (["-B", "other:/mnt", "-B", "job/f:/mnt/file"], "/mnt/file"),
                (["-B", "third:/mnt:ro", "-B", "job:/mnt/in"], "/mnt/in/f"),
                (["-c", "-W", "\(host.folder)/work", "-B", "job:/tmp/in"], "/tmp/in/f"),
                (["--containall", "-B", "job:/tmp/in"], "/tmp/in/f"),
                (["--compat", "-B", "job:/var/tmp/a/in"], "/var/tmp/a/in/f"),
                (["--underlay", "-B", "other:/mnt", "-B", "job:/mnt/under"], "/mnt/under/f"),
                (["--writable-tmpfs", "-B", "other:/mnt", "-B", "job:/mnt/above"], "/mnt/above/f"),
            ]
            for form in forms {
                let outcome = try host.run(form.flags, image, "cat \(form.file)")
                #expect(outcome.isSuccess && outcome.line == "j" && outcome.standardError.isEmpty, "\(outcome)")
            }
            let scratch = try host.run(["-S", temporary], image, "echo >\(temporary)/x && echo ok")
            #expect(scratch.line == "ok", "\(scratch)")
            #expect(try host.entries("other") == ["above", "file", "in", "kept", "under"])
            #expect(try host.entries("third").isEmpty)
        }

        @Test(arguments: Profile.allCases) func placesBelongToTheCaller(profile: Profile) throws {
            try need(profile)
            let (host, image) = (try Host(profile), try Images.shared.get().directory)
            defer { host.remove() }
            let flags = ["-B", "other:/mnt", "-B", "job/f:/mnt/a/b/file", "-B", "job:/mnt/a/./c/../dir/"]
            let outcome = try host.run(flags, image, "cat /mnt/a/b/file /mnt/a/dir/f /mnt/kept; echo new >/mnt/new")
            #expect(outcome.line == "j\nj\nk" && outcome.standardError.isEmpty, "\(outcome)")
            #expect(try host.entries("other") == ["a", "kept", "new"])
            #expect(try host.entries("other/a") == ["b", "dir"])
            for (path, mode) in [("a", 0o755), ("a/b", 0o755), ("a/b/file", 0o644), ("a/dir", 0o755)] {
                let made = try status(host.folder + "/other/" + path)
                let uid = try #require(profile.record).uid
                #expect(made.uid == uid && made.permissions == mode && (made.isDirectory || made.size == 0), "\(path)")
            }
        }

        /// The order of two binds on the command line does not matter.
        @Test(arguments: Profile.allCases, [["rw", "rw"], ["ro", "rw"], ["ro", "ro"], ["rw", "ro"]])
        func bindsNestThreeDeep(profile: Profile, modes: [String]) throws {
            try need(profile)
            let (host, image) = (try Host(profile), try Images.shared.get().directory)
            defer { host.remove() }
            let binds = ["other:/mnt:\(modes[0])", "third:/mnt/x:\(modes[1])", "job:/mnt/x/y", "job/f:/mnt/x/y2"]
            for binds in [binds, binds.reversed(), [binds[2], binds[0], binds[3], binds[1]]] {
                let outcome = try host.run(
                    binds.flatMap { ["-B", $0] }, image, "cat /mnt/x/y/f /mnt/x/y2 /mnt/kept; ls /mnt")
                #expect(outcome.line == "j\nj\nk\nkept\nx" && outcome.standardError.isEmpty, "\(outcome)")
            }
            #expect(try host.entries("other") == (modes[0] == "rw" ? ["kept", "x"] : ["kept"]))
            #expect(try host.entries("third") == (modes[1] == "rw" ? ["y", "y2"] : []))
        }

        /// The container sees a view of the directory; nothing is changed, and nothing that the program makes is lost in it.
        @Test(arguments: Profile.allCases, kinds)
        func readOnlyDirectoryIsNotTouched(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            try need(.overlay)
            let (host, image) = (try Host(profile), try kind.path(for: profile))
            defer { host.remove() }
            try host.shell("mkdir other/deep; echo d >other/deep/d; ln -s kept other/link; mkfifo other/fifo")
            let flags = ["-B", "other:/mnt:ro", "-B", "job:/mnt/in", "-B", "job/f:/mnt/deep/file"]
            let script = """
                cat /mnt/in/f /mnt/deep/file /mnt/deep/d /mnt/link; readlink /mnt/link; ls /mnt
                for i in /mnt /mnt/deep /mnt/in; do echo x 2>/dev/null >$i/new && echo written; done
                """
            for more in [[], ["--underlay"], ["--writable-tmpfs"], ["--contain"]] {
                try? Linux.unlink(host.folder + "/job/new")
                let outcome = try host.run(more + flags, image, script)
                #expect(
                    outcome.line == "j\nj\nd\nk\nkept\ndeep\nfifo\nin\nkept\nlink\nwritten", "\(outcome)")
                #expect(try host.entries("other") == ["deep", "fifo", "kept", "link"])
                #expect(try host.entries("other/deep") == ["d"])
            }
        }

        @Test func directoryOfSomebodyElseIsNotTouched() throws {
            try need(.user)
            let (host, image) = (try Host(.user), try Images.shared.get().directory)
            defer { host.remove() }
            let outcome = try host.run(
                ["-B", "/usr:/mnt", "-B", "job:/mnt/\(host.name)"], image,
                "cat /mnt/\(host.name)/f; ls /mnt/bin >/dev/null && echo shown; echo >/mnt/new")
            #expect(outcome.line == "j\nshown" && outcome.end != .exited(0), "\(outcome)")
            #expect(!isAccessible("/usr/" + host.name, F_OK))
            // The capabilities that the caller has in a user namespace do not count as his own.
            try host.shell("chmod 555 other")
            let own = try host.run(["-B", "other:/mnt", "-B", "job:/mnt/in"], image, "cat /mnt/in/f /mnt/kept")
            #expect(own.line == "j\nk" && own.standardError.isEmpty, "\(own)")
            #expect(try host.entries("other") == ["kept"])
        }

        // MARK: links

        /// cwltool binds to /var/spool/cwl. What the program makes in /tmp stays.
        @Test(arguments: Profile.allCases, kinds)
        func linksOfTheImageToTmpAreFollowed(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            try need(.overlay)
            if kind == .sif { _ = try kind.path(for: profile) }
            let host = try Host(profile)
            defer { host.remove() }
            var image = try Images.shared.get().changed("spool-\(profile)-\(kind)") { copy in
                try removeTree(copy + "/var/tmp")
                try makeSymlink("../../tmp", at: copy + "/var/tmp")
                try makeSymlink("tmp", at: copy + "/var/spool")
            }
            if kind == .sif {
                #expect(try skiffCommand(["build", image + ".sif", image], as: .current).run().isSuccess)
                image += ".sif"
            }
            let script = "cat /var/spool/cwl/f && echo made >/tmp/made && cat /tmp/kept && pwd"
            let binds = [["--bind", "job:/var/spool/cwl:rw", "--bind", "other:/tmp:rw"]]
            for binds in binds + binds.map({ Array($0[2...] + $0[..<2]) }) {
                for more in [["--contain", "--pid", "--ipc"], [], ["--writable-tmpfs"], ["--underlay"]] {
                    let more = more + ["--no-mount", "cwd"]
                    let outcome = try host.run(more + binds + ["--pwd", "/var/spool/cwl"], image, script)
                    #expect(
                        outcome.line == "j\nk\n/var/spool/cwl" && outcome.standardError.isEmpty, "\(outcome)")
                    #expect(try host.entries("other") == ["kept", "made"])
                    try host.shell("rm other/made")
                }
            }
            // Into the container's own and the host's /tmp.
            let place = "/var/spool/" + host.name
            for flags in [["-c"], []] {
                let outcome = try host.run(
                    flags + ["-B", "job:\(place)"], image, "cat \(place)/f; echo t >/var/tmp/\(host.name)-t")
                #expect(outcome.line == "j" && outcome.isSuccess, "\(outcome)")
                #expect(!isAccessible("/tmp/" + host.name, F_OK))
            }
            try? Linux.unlink("/tmp/\(host.name)-t")
        }

        /// A link of the image does not decide where on the host something is made.
        @Test(arguments: Profile.allCases, ["/lead", "/deep/lead", "/lead-to-nothing"])
        func linksOfTheImageMakeNothingOnTheHost(profile: Profile, link: String) throws {
            try need(profile)
            try need(.overlay)
            let host = try Host(profile)
            defer { host.remove() }
            let image = try Images.shared.get().changed("lead-\(profile)-\(lastComponent(link))-\(link.utf8.count)") {
                copy in
                try makeDirectory(copy + "/deep")
                try makeSymlink("/bound", at: copy + "/lead")
                try makeSymlink("../lead", at: copy + "/deep/lead")
                try makeSymlink("/bound/nothing", at: copy + "/lead-to-nothing")
            }
            for more in [[], ["--writable-tmpfs"], ["--underlay"], ["--contain"]] {
                for (source, read) in [("job", "/\(host.name)/f"), ("job/f", "/\(host.name)")] {
                    let outcome = try host.run(
                        more + ["-B", "other:/bound", "-B", "\(source):\(link)/\(host.name)"], image,
                        "cat \(link)\(read) /bound/kept; echo n >/bound/new")
                    #expect(outcome.isSuccess && outcome.line == "j\nk", "\(outcome)")
                    #expect(outcome.standardError.isEmpty, "\(outcome)")
                    #expect(try host.entries("other") == ["kept", "new"])
                    try host.shell("rm other/new")
                }
            }
            // What is written above the image is kept: none of its links is replaced, but covered where the caller
            // cannot write it.
            try host.shell("mkdir overlay")
            let kept = try host.run(
                ["--overlay", "\(host.folder)/overlay", "-B", "other:/bound", "-B", "job:\(link)/in"], image, "true")
            if link == "/deep/lead", profile == .user, effectiveUID() == 0 {
                #expect(kept.isSuccess, "\(kept)")
            } else {
                #expect(kept.end == .exited(255) && kept.standardError.contains("symbolic link"), "\(kept)")
            }
            #expect(try host.entries("other") == ["kept"])
            #expect(try host.entries("overlay/upper").allSatisfy { $0 == "bound" })
        }

        @Test(arguments: Profile.allCases) func linksOfAnotherDirectoryMakeNothingOnTheHost(profile: Profile) throws {
            try need(profile)
            let (host, image) = (try Host(profile), try Images.shared.get().directory)
            defer { host.remove() }
            try host.shell(
                "ln -s /mnt third/link; ln -s ../../../../../../../mnt third/up; ln -s /mnt/no third/dangling")
            for link in ["link", "up", "dangling"] {
                let place = "/data/\(link)/in"
                let refused = try host.run(
                    ["-B", "other:/mnt", "-B", "third:/data", "-B", "job:\(place)"], image, "cat \(place)/f")
                #expect(refused.end == .exited(255), "\(refused)")
                #expect(refused.standardError.contains("cannot mount \(host.folder)/job on \(place)"), "\(refused)")
                #expect(refused.standardError.contains("symbolic link"), "\(refused)")
                for modes in [("ro", "rw"), ("rw", "ro"), ("ro", "ro")] {
                    let outcome = try host.run(
                        ["-B", "other:/mnt:\(modes.0)", "-B", "third:/data:\(modes.1)", "-B", "job:\(place)"], image,
                        "cat \(place)/f /mnt/kept")
                    #expect(outcome.line == "j\nk", "\(outcome)")
                }
                #expect(try host.entries("other") == ["kept"])
                #expect(try host.entries("third") == ["dangling", "link", "up"])
            }
        }

        @Test(arguments: Profile.allCases) func aLinkHidesNoBind(profile: Profile) throws {
            try need(profile)
            let host = try Host(profile)
            defer { host.remove() }
            let image = try Images.shared.get().changed("hides-\(profile)") { copy in
                try makeDirectories(copy + "/deep/dir")
                try makeSymlink("/deep/dir", at: copy + "/l")
                try removeTree(copy + "/home")
                try makeSymlink("tmp", at: copy + "/home")
            }
            let outcome = try host.run(
                ["-B", "job:/l/x", "-B", "other:/deep/dir"], image, "cat /l/x/f /deep/dir/kept")
            #expect(outcome.line == "j\nk" && outcome.standardError.isEmpty, "\(outcome)")
            #expect(try host.entries("other") == ["kept"])
            let home = try host.run(
                ["-c", "-H", "\(host.folder)/other:/home/u"], image, "cat /home/u/kept; cd; cat kept")
            #expect(home.line == "k\nk" && home.standardError.isEmpty, "\(home)")
            let same = try host.run(["-B", "job:/l", "-B", "other:/deep/dir"], image, "ls /l")
            #expect(same.isSuccess && same.standardError.contains("WARNING"), "\(same)")
        }

        // MARK: what nobody asked for

        @Test(arguments: Profile.allCases, kinds)
        func homeIsNotCovered(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            try need(.overlay)
            let (host, image) = (try Host(profile), try kind.path(for: profile))
            defer { host.remove() }
            let (home, below) = (host.folder + "/other", "/tmp/" + host.name)
            defer { rmdir(below) }
            let forms = [
                ["-c", "-H", home], ["-C", "-H", home], ["--compat", "-H", home], ["-H", home],
                ["-c", "-W", "\(host.folder)/work", "-H", home], ["-c", "-H", home + ":/var/tmp/u"],
                ["-H", home + ":" + below], ["-c", "-H", home + ":/tmp"], ["-H", home + ":/tmp"],
                ["-c", "-W", "\(host.folder)/work", "-H", home + ":/tmp/u"],
                ["-c", "--underlay", "-H", home + ":/tmp/a/b/u"],
            ]
            for flags in forms {
                let outcome = try host.run(flags, image, "cd && cat kept")
                #expect(outcome.isSuccess && outcome.line == "k", "\(outcome)")
            }
            #expect(try host.entries("other") == ["kept"])
        }

        @Test(arguments: Profile.allCases) func currentDirectoryCoversNoBind(profile: Profile) throws {
            try need(profile)
            let (host, image) = (try Host(profile), try Images.shared.get().directory)
            defer { host.remove() }
            // Without the host's /tmp the current directory is mounted by itself.
            let place = host.folder + "/third/in"
            let outcome = try host.run(["--no-mount", "tmp", "-B", "job:\(place)"], image, "cat third/in/f; pwd")
            #expect(outcome.line == "j\n" + host.folder && outcome.standardError.isEmpty, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func writableImageIsNotChanged(profile: Profile) throws {
            try need(profile)
            let host = try Host(profile)
            defer { host.remove() }
            let source = try Images.shared.get().directory
            #expect(try Command(["/bin/cp", "-r", source, host.folder + "/box"], as: profile).run().isSuccess)
            let flags = ["--writable", "--no-home", "-B", "other:/mnt", "-B", "job:/mnt/in"]
            let outcome = try host.run(flags, host.folder + "/box", "cat /mnt/in/f /mnt/kept")
            #expect(outcome.line == "j\nk", "\(outcome)")
            #expect(try host.entries("other") == ["in", "kept"])
            let refused = try host.run(["--writable", "--no-home", "-B", "job:/etc/in"], host.folder + "/box", "true")
            #expect(refused.end == .exited(255) && refused.standardError.contains("--writable"), "\(refused)")
            #expect(!isAccessible(host.folder + "/box/etc/in", F_OK))
        }

        /// No names are made in kernel file systems and among devices.
        @Test(arguments: Profile.allCases) func nothingIsMadeInDevAndProc(profile: Profile) throws {
            try need(profile)
            let (host, image) = (try Host(profile), try Images.shared.get().directory)
            defer { host.remove() }
            let device = "/dev/" + host.name
            let shown = try host.run(
                ["-B", "job/f:" + device], image, "cat \(device); echo >/dev/null && ls -d /dev/pts")
            #expect(shown.line == "j\n/dev/pts" && shown.standardError.isEmpty, "\(shown)")
            #expect(!isAccessible(device, F_OK))
            let refused = try host.run(["-B", "job:/proc/new"], image, "true")
            #expect(refused.end == .exited(255) && refused.standardError.contains("/proc/new"), "\(refused)")
        }
    }
}
