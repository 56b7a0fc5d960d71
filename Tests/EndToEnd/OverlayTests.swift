import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Images as overlays: by the kernel for root, by skiff-extfs for users.
    @Suite struct Overlays {
        @Test(.cleanHost, arguments: Profile.allCases, ["ext3", "ext4"])
        func keepsWhatIsWritten(profile: Profile, type: String) throws {
            let place = try ImageOverlay(profile, type: type)
            let script = """
                echo kept >/etc/new; ln /etc/new /etc/hard; ln -s new /etc/soft; rm -r /var/tmp; mkdir -p /var/tmp/own
                mv /etc/passwd /etc/moved; seq 5000 >/etc/long; : >/etc/long; dd if=/dev/zero of=/big bs=64k count=40
                chmod 4755 /etc/new; touch -d @1 /etc/moved
                """
            let wrote = try place.sh(script, flags: ["--no-mount", "bind-paths,tmp"])
            #expect(wrote.isSuccess, "\(wrote)")
            try place.expectSound()
            let look = """
                cat /etc/soft; ls /var/tmp; stat -c '%h %a' /etc/hard; stat -c %s /big /etc/long; stat -c %Y /etc/moved
                ls /etc/passwd
                """
            let read = try place.sh(look, flags: ["--no-mount", "bind-paths,tmp"], readOnly: true)
            #expect(read.standardOutput.hasPrefix("kept\nown\n2 4755\n2621440\n0\n1\n"), "\(read)")
            #expect(try place.sh("echo more >>/etc/new; cat /etc/new").standardOutput == "kept\nmore\n")
            try place.expectSound()
        }

        /// What root has written, a user can change, and the other way round.
        @Test(.cleanHost, .needs(.root, .user)) func isRightForRootAndUser() throws {
            let place = try ImageOverlay(.user)
            let remove = "rm -r /var/tmp; mkdir /var/tmp; echo user >/etc/user"
            #expect(try place.sh(remove, flags: ["--no-mount", "tmp"]).isSuccess)
            let image = try ImageOverlay.sif()
            func root(_ script: String) throws -> Outcome {
                try skiff(
                    "exec", "--no-home", "--no-mount", "tmp", "--overlay", place.image, image, "sh", "-c",
                    ImageOverlay.commands + script, as: .root)
            }
            let seen = try root("ls -A /var/tmp | wc -l; cat /etc/user; mkdir /etc/root; echo root >/etc/root/file")
            #expect(seen.standardOutput == "0\nuser\n", "\(seen)")
            let changed = try place.sh("cat /etc/root/file; rm -r /etc/root; echo again >/etc/user")
            #expect(changed.isSuccess && changed.line == "root", "\(changed)")
            #expect(try root("ls /etc/root 2>/dev/null; cat /etc/user").standardOutput == "again\n")
            try place.expectSound()
        }

        /// Whoever the layer belongs to in the image.
        @Test(.cleanHost, .needs(.user)) func belongsToTheCaller() throws {
            let place = try ImageOverlay(.user, owner: 4711)
            for flags in [[], ["--fakeroot", "--ignore-subuid"]] {
                let wrote = try place.sh("echo a >/etc/a && stat -c %u /etc/a; id -u", flags: flags)
                let ids = Set(wrote.standardOutput.split(separator: "\n"))
                #expect(wrote.isSuccess && ids.count == 1, "\(wrote)")
            }
            let owner = try place.run("/sbin/debugfs -R 'stat /upper/etc/a' \(place.image) 2>/dev/null | grep User:")
            #expect(owner.standardOutput.contains("User:  4711"), "\(owner)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func severalLieAboveEachOther(profile: Profile) throws {
            try need(.mksquashfs)
            let place = try ImageOverlay(profile)
            #expect(try place.sh("echo ext >/etc/one; echo ext >/etc/two").isSuccess)
            try place.run(
                "mkdir -p \(place.folder)/t/etc \(place.folder)/d/upper/etc && echo squash >\(place.folder)/t/etc/two && "
                    + "echo dir >\(place.folder)/d/upper/etc/three && mksquashfs \(place.folder)/t \(place.folder)/t.sq -quiet"
                    + " -no-progress >/dev/null")
            let flags = ["--overlay", place.folder + "/t.sq:ro", "--overlay", place.folder + "/d:ro"]
            let read = try place.sh("cat /etc/one /etc/two /etc/three", flags: flags, readOnly: true)
            #expect(read.standardOutput == "ext\nsquash\ndir\n", "\(read)")
            let warned = try place.sh("cat /etc/two", flags: ["--overlay", place.folder + "/t.sq"], readOnly: true)
            #expect(warned.line == "squash" && warned.standardError.contains("read-only"), "\(warned)")
            let second = try place.sh("true", flags: ["--overlay", place.folder + "/d"])
            #expect(second.standardError.contains("you can't specify more than one writable overlay"), "\(second)")
        }

        /// The overlay partition of a SIF is read by itself, and written with `--writable`.
        @Test(.cleanHost, arguments: Profile.allCases) func overlayOfTheImage(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let sif = place.folder + "/image.sif"
            try place.run("cp \(try ImageOverlay.sif()) \(sif) && chmod 644 \(sif)")
            let without = try skiff("exec", "--no-home", "--writable", sif, "true", as: profile)
            #expect(without.standardError.contains("no SIF writable overlay partition found in \(sif)"), "\(without)")
            let added = try skiff(
                "sif", "add", "--datatype", "4", "--parttype", "4", "--partfs", "2", "--partarch", "2", "--groupid",
                "1",
                sif, place.image, as: profile)
            #expect(added.isSuccess, "\(added)")
            func run(_ flags: [String], _ script: String) throws -> Outcome {
                try skiffCommand(["exec", "--no-home"] + flags + [sif, "sh", "-c", script], as: profile).run()
            }
            #expect(try run(["--writable"], "echo kept >/etc/new").isSuccess)
            let read = try run([], "cat /etc/new; echo no >/etc/new")
            #expect(read.line == "kept" && read.end == .exited(1), "\(read)")
            // As an overlay of another image.
            let other = try ImageOverlay.sif()
            let used = try skiff("exec", "--no-home", "--overlay", sif, other, "cat", "/etc/new", as: profile)
            #expect(used.line == "kept", "\(used)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func instanceKeepsIt(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let instances = try InstancePlace(profile)
            try instances.start(
                "a", ["--overlay", place.image], image: InstancePlace.file("service", InstancePlace.service))
            let wrote = try instances.exec("a", "sh", "-c", "echo kept >/etc/new")
            #expect(wrote.isSuccess, "\(wrote)")
            let second = try place.sh("true")
            #expect(second.standardError.contains("writing, currently in use by another process"), "\(second)")
            try instances.stop("a")
            try place.expectSound()
            #expect(try place.sh("cat /etc/new", readOnly: true).line == "kept")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func oneWriterOrManyReaders(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            func start(readOnly: Bool) throws -> RunningCommand {
                let started = try place.command(["/inside", "sleep", "30"], readOnly: readOnly).start()
                #expect(started.waitForOutput("sleeping"), "\(started.text("stderr"))")
                return started
            }
            func end(_ command: RunningCommand) throws {
                try command.signal(SIGTERM)
                _ = try command.wait(seconds: 10)
            }
            let writer = try start(readOnly: false)
            let refused = try place.sh("true")
            let text = "FATAL:   can't open \(place.image) for writing, currently in use by another process"
            #expect(refused.end == .exited(255) && refused.standardError.hasPrefix(text), "\(refused)")
            if profile == .user { #expect(refused.standardError.contains("(skiff-extfs)"), "\(refused)") }
            #expect(refused.standardError.contains("on \(hostname())"), "\(refused)")
            #expect(try place.sh("true", readOnly: true).standardError.contains("currently in use for writing"))
            try end(writer)
            var readers: [RunningCommand] = []
            for _ in 0..<3 { readers.append(try start(readOnly: true)) }
            #expect(try place.sh("true").standardError.contains("for writing, currently in use"))
            for reader in readers { try end(reader) }
            try place.expectSound()
        }

        /// A signal ends the program; what it has written is there before skiff ends.
        @Test(.cleanHost, arguments: Profile.allCases) func isClosedAfterASignal(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            for signal in [SIGTERM, SIGINT] {
                let running = try place.command([
                    "sh", "-c", ImageOverlay.commands + "seq 20000 >/etc/\(signal); echo ready; exec sleep 30",
                ]).start()
                #expect(running.waitForOutput("ready"))
                try running.signal(signal)
                let outcome = try running.wait(seconds: 10)
                #expect(outcome.end == .signaled(signal) || outcome.end == .exited(128 + signal), "\(outcome)")
                try place.expectSound("signal \(signal)")
                #expect(try place.sh("tail -n 1 /etc/\(signal)", readOnly: true).line == "20000")
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func refusesWhatItCannotUse(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let cases: [(change: String, reason: String)] = [
                ("truncate -s 40M \(place.image)", "it is cut off"),
                (
                    "printf '\\0\\0' | dd of=\(place.image) bs=1 seek=1080 conv=notrunc status=none",
                    "it is neither an ext3"
                ),
                ("rm \(place.image); echo text >\(place.image)", "it is neither an ext3, squashfs or erofs image"),
                ("rm \(place.image); mkfifo \(place.image)", "cannot open overlay \(place.image)"),
                ("rm \(place.image)", "cannot open overlay \(place.image): no such file or directory"),
            ]
            for (change, reason) in cases {
                try place.run(change)
                let outcome = try place.sh("true")
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(change): \(outcome)")
            }
            let features = try ImageOverlay(profile)
            try features.run("printf '\\377' | dd of=\(features.image) bs=1 seek=1123 conv=notrunc status=none")
            let unknown = try features.sh("true")
            #expect(unknown.standardError.contains("it has features that are not known here"), "\(unknown)")
        }

        @Test(.cleanHost, .needs(.user)) func unwritableIsReadOnly() throws {
            let place = try ImageOverlay(.user)
            try place.run("chmod 444 \(place.image)")
            let outcome = try place.sh("echo no >/etc/new")
            #expect(outcome.end == .exited(1), "\(outcome)")
            #expect(
                outcome.standardError.contains("Overlay \(place.image) is not writable, using it read-only"),
                "\(outcome)")
        }

        /// No link of an image leads to a directory of the host.
        @Test(.cleanHost, arguments: Profile.allCases) func linksInTheImageAreNotFollowed(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            try place.run(
                "/sbin/debugfs -w -R 'rmdir /upper' \(place.image) 2>/dev/null; "
                    + "/sbin/debugfs -w -R 'symlink /upper \(place.folder)' \(place.image) 2>/dev/null")
            let writing = try place.sh("touch /made")
            #expect(writing.end == .exited(255), "\(writing)")
            let reading = try place.sh("ls /s", readOnly: true)
            #expect(reading.end != .exited(0) && !isAccessible(place.folder + "/made", F_OK), "\(reading)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func fullImageSaysSo(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let outcome = try place.sh(
                "dd if=/dev/zero of=/big bs=1M count=80 2>&1; df -P / | tail -n 1; echo a >/etc/a")
            #expect(outcome.standardOutput.contains("No space left on device"), "\(outcome)")
            try place.expectSound()
            #expect(try place.sh("rm /big && echo fits >/etc/a && cat /etc/a").line == "fits")
            try place.expectSound()
        }
    }
}
