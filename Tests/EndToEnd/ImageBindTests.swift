import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Binds out of images: `image-src` and `id`, by the kernel for root and by servers for users.
    @Suite struct ImageBinds {
        /// Images with the same files, in a directory of the profile's.
        private struct Place {
            let profile: Profile
            let folder: String

            init(_ profile: Profile) throws {
                try need(profile)
                try need(.fuse)
                try need(.mksquashfs, .mke2fs)
                try need(profile.mounting)
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                try sh(
                    """
                    cd \(folder); mkdir -p tree/sub/deep; echo hello >tree/file; echo deep >tree/sub/deep/name
                    ln -s sub/deep tree/inner; ln -s /etc/hostname tree/outer; ln -s ../../../etc tree/up
                    mksquashfs tree data.sq -quiet -no-progress >/dev/null; truncate -s 64M data.ext3
                    /sbin/mke2fs -q -t ext3 -E root_owner=$(id -u):$(id -g) -d tree data.ext3
                    """)
                let built = try skiff("build", "--data", folder + "/data.sif", folder + "/data.sq", as: profile)
                #expect(built.isSuccess, "\(built)")
            }

            @discardableResult func sh(_ script: String) throws -> Outcome {
                let outcome = try Command(["/bin/sh", "-ec", script], as: profile).run()
                #expect(outcome.isSuccess, "\(outcome)")
                return outcome
            }

            func command(_ flags: [String], _ script: String) throws -> Command {
                let image = try Images.shared.get().sif
                return try skiffCommand(["exec", "--no-home"] + flags + [image, "sh", "-c", script], as: profile) {
                    $0.directory = folder
                }
            }

            func run(_ flags: String..., script: String) throws -> Outcome { try command(flags, script).run() }

            func expectSound() throws {
                let checked = try Command(["/sbin/e2fsck", "-fn", folder + "/data.ext3"], as: profile).run()
                #expect(checked.isSuccess, "\(checked)")
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases, ["data.sq", "data.ext3", "data.sif"])
        func showsWhatIsInAnImage(profile: Profile, image: String) throws {
            let place = try Place(profile)
            for (options, file) in [
                ("image-src=/", "/data/file"), ("image-src=/sub,ro", "/data/deep/name"),
                ("ro,image-src=sub/", "/data/deep/name"),
                ("image-src=/file", "/data"), ("image-src=/inner", "/data/name"), ("image-src=", "/data/sub/deep/name"),
            ] {
                let seen = try place.run(
                    "--bind", "\(image):/data:\(options)", script: "cat \(file); echo $APPTAINER_BIND")
                let text = file.hasSuffix("name") ? "deep\n/data\n" : "hello\n/data\n"
                #expect(seen.standardOutput == text && seen.standardError.isEmpty, "\(options): \(seen)")
            }
            let mount = "type=bind,source=\(image),destination=/opt/new/place,image-src=/sub,ro"
            #expect(try place.run("--mount", mount, script: "cat /opt/new/place/deep/name").line == "deep")
            // One image, two binds, and a place in one of them.
            let two = "\(image):/one:image-src=/,ro,\(image):/two:image-src=/sub,ro"
            let both = try place.run(
                "-B", two, "-B", "/etc/hostname:/one/sub/deep/name",
                script: "cat /one/file; ls /two; cat /one/sub/deep/name")
            let name = try Command(["cat", "/etc/hostname"], as: profile).run().standardOutput
            #expect(both.standardOutput == "hello\ndeep\n" + name, "\(both)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func findsTheObjectsOfASIF(profile: Profile) throws {
            let place = try Place(profile)
            #expect(try place.run("-B", "data.sif:/data:id=3", script: "cat /data/file").line == "hello")
            #expect(
                try place.run("-B", "data.sif:/data:id=3,image-src=/sub/deep", script: "cat /data/name").line == "deep")
            let sif = try Images.shared.get().sif
            let root = try place.run("-B", "\(sif):/data:id=3,image-src=/etc", script: "cat /data/passwd | head -n 1")
            #expect(root.line == "root:x:0:0:root:/root:/bin/sh", "\(root)")
            for (spec, reason) in [
                (
                    "\(sif):/data:image-src=/",
                    "no data partition found in \(sif). The file systems in it have the numbers id=3"
                ),
                ("data.sif:/data:id=2", "no data partition found in \(place.folder)/data.sif"),
                ("data.sif:/data:id=99", "no data partition found in \(place.folder)/data.sif"),
                ("data.sif:/data:id=-1", "id=-1 is not the number of an object of a SIF"),
                ("data.sif:/data:id=4294967296", "id=4294967296 is not the number"),
            ] {
                let refused = try place.run("-B", spec, script: "true")
                #expect(refused.end == .exited(255) && refused.standardError.contains(reason), "\(spec): \(refused)")
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func writesExt3AndNothingElse(profile: Profile) throws {
            let place = try Place(profile)
            let wrote = try place.run(
                "-B", "data.ext3:/data:image-src=/", script: "echo kept >/data/new && touch /data/sub/more")
            #expect(wrote.isSuccess && wrote.standardError.isEmpty, "\(wrote)")
            try place.expectSound()
            let read = try place.run(
                "-B", "data.ext3:/data:image-src=/,ro", script: "cat /data/new; echo no >/data/new")
            #expect(
                read.line == "kept" && read.end != .exited(0) && read.standardError.contains("Read-only"), "\(read)")
            let mixed = "data.ext3:/a:image-src=/sub,ro,data.ext3:/b:image-src=/"
            let both = try place.run("-B", mixed, script: "echo x >/b/sub/x; cat /a/x; echo y >/a/y")
            #expect(both.line == "x" && both.end != .exited(0), "\(both)")
            for image in ["data.sq", "data.sif"] {
                let refused = try place.run("-B", "\(image):/data:image-src=/,rw", script: "touch /data/new")
                #expect(
                    refused.end != .exited(0) && refused.standardError.contains("Read-only file system"), "\(refused)")
            }
            try place.sh("chmod 444 \(place.folder)/data.ext3")
            if profile == .user {
                let warned = try place.run("-B", "data.ext3:/data:image-src=/", script: "cat /data/new")
                let text = "WARNING: Data image \(place.folder)/data.ext3 is not writable, proceeding with read-only\n"
                #expect(warned.line == "kept" && warned.standardError == text, "\(warned)")
            }
            try place.expectSound()
        }

        @Test(.cleanHost, arguments: Profile.allCases) func oneWriterOrManyReaders(profile: Profile) throws {
            let place = try Place(profile)
            let bind = ["-B", "data.ext3:/data:image-src=/"]
            func start(_ flags: [String]) throws -> RunningCommand {
                let started = try place.command(flags, "echo ready; exec sleep 30").start()
                #expect(started.waitForOutput("ready"), "\(started.text("stderr"))")
                return started
            }
            func end(_ command: RunningCommand) throws {
                try command.signal(SIGTERM)
                _ = try command.wait(seconds: 10)
            }
            let writer = try start(bind)
            for options in ["", ",ro"] {
                let refused = try place.run("-B", "data.ext3:/data:image-src=/\(options)", script: "true")
                #expect(
                    refused.end == .exited(255) && refused.standardError.contains("currently in use"), "\(refused)")
            }
            // The same bytes as an overlay are the same image.
            let overlay = try place.run("--overlay", "data.ext3", script: "true")
            #expect(overlay.standardError.contains("for writing, currently in use by another process"), "\(overlay)")
            try end(writer)
            let readers = [
                try start(["-B", "data.ext3:/data:image-src=/,ro"]), try start(["-B", "data.ext3:/d:image-src=/,ro"]),
            ]
            #expect(try place.run("-B", "data.ext3:/data:image-src=/", script: "true").end == .exited(255))
            for reader in readers { try end(reader) }
            try place.expectSound()
        }

        /// Links in an image lead to nothing outside of it, and its set-user-ID programs and devices mean nothing.
        @Test(.cleanHost, arguments: Profile.allCases, ["data.sq", "data.ext3", "data.sif"])
        func nothingLeadsOut(profile: Profile, image: String) throws {
            let place = try Place(profile)
            for path in [
                "/outer", "/up/hostname", "/../../../../../etc/hostname", "/inner/../../../../../../etc/hostname",
            ] {
                let outcome = try place.run("-B", "\(image):/data:image-src=\(path),ro", script: "cat /data")
                let text = "FATAL:   \(path) doesn't exist in image \(place.folder)/\(image)\n"
                #expect(outcome.end == .exited(255) && outcome.standardError == text, "\(outcome)")
            }
            let up = try place.run("-B", "\(image):/data:image-src=/up/../file,ro", script: "cat /data")
            #expect(up.end == .exited(255), "\(up)")
            let flags = try place.run(
                "-B", "\(image):/data:image-src=/,ro", script: "grep ' /data ' /proc/self/mountinfo")
            let options = flags.line.split(separator: " ").dropFirst(5).first.map(String.init) ?? ""
            #expect(
                ["ro", "nosuid", "nodev"].allSatisfy(options.split(separator: ",").map(String.init).contains),
                "\(flags)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func refusesWhatIsNoImage(profile: Profile) throws {
            let place = try Place(profile)
            try place.sh(
                "cd \(place.folder); mkfifo fifo; echo text >text; head -c 5000 data.sq >cut.sq; : >empty; "
                    + "cp data.sq bad.sq; printf '\\377\\377\\377\\377' | dd of=bad.sq bs=1 seek=64 conv=notrunc status=none"
            )
            for (spec, reason) in [
                (
                    "tree:/data:image-src=/",
                    "could not use \(place.folder)/tree for image binding: not supported image format"
                ),
                ("fifo:/data:image-src=/", "image format not recognized"),
                ("text:/data:id=1", "image format not recognized"),
                ("empty:/data:image-src=/", "image format not recognized"),
                ("absent:/data:image-src=/", "lstat \(place.folder)/absent: no such file or directory"),
                ("data.sq::image-src=/", "has no destination"),
                ("data.sq:data:image-src=/", "must be an absolute path"),
                ("data.sq:/data:image-src=/nothing", "/nothing doesn't exist in image \(place.folder)/data.sq"),
                (
                    "data.sq:/data:image-src=/file/x",
                    "cannot bind /file/x of image \(place.folder)/data.sq: not a directory"
                ),
                ("bad.sq:/data:image-src=/", "\(place.folder)/bad.sq"),
            ] {
                let refused = try place.run("-B", spec, script: "true")
                #expect(refused.end == .exited(255) && refused.standardError.contains(reason), "\(spec): \(refused)")
                #expect(refused.standardError.split(separator: "\n").count == 1, "\(spec): \(refused)")
            }
        }

        /// What the configuration says of images holds for these too.
        @Test(.cleanHost, arguments: Profile.allCases) func theConfigurationHolds(profile: Profile) throws {
            let place = try Place(profile)
            func run(_ line: String, _ spec: String, _ script: String = "cat /data/file") throws -> Outcome {
                let file = try WorkDirectory.make(for: .current) + "/skiff.conf"
                try writeFile(file, Array((line + "\n").utf8), mode: 0o644)
                var command = try place.command(["-B", spec], script)
                command.words.insert(contentsOf: ["--config", file], at: command.words.firstIndex(of: "exec") ?? 1)
                return try command.run()
            }
            let squashfs = try run("allow container squashfs = no", "data.sq:/data:image-src=/")
            #expect(squashfs.standardError.contains("disallows users from running squashfs containers"), "\(squashfs)")
            let extfs = try run("allow container extfs = no", "data.ext3:/data:image-src=/")
            #expect(extfs.standardError.contains("disallows users from running extfs containers"), "\(extfs)")
            let none = try run("user bind control = no", "absent:/data:image-src=/", "ls -d /data")
            #expect(none.standardError.contains("Ignoring user bind request"), "\(none)")
            if profile == .root {
                // Then a server reads what the kernel would.
                let served = try run(
                    "allow kernel squashfs = no", "data.sq:/data:image-src=/", "grep ' /data ' /proc/self/mountinfo")
                #expect(served.isSuccess && served.line.contains(" fuse "), "\(served)")
            } else {
                let limited = try run("limit container paths = /opt", "data.sq:/data:image-src=/")
                #expect(
                    limited.end == .exited(255) && limited.standardError.contains("limit container paths"), "\(limited)"
                )
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func theyStayWithAnInstance(profile: Profile) throws {
            let place = try Place(profile)
            let instances = try InstancePlace(profile)
            let image = try InstancePlace.file("service", InstancePlace.service)
            let binds = [
                "-B", "\(place.folder)/data.ext3:/data:image-src=/,\(place.folder)/data.sq:/more:image-src=/sub",
            ]
            try instances.start("a", binds, image: image)
            let seen = try instances.exec("a", "sh", "-c", "cat /more/deep/name /data/file; echo kept >/data/new")
            #expect(seen.isSuccess && seen.standardOutput == "deep\nhello\n", "\(seen)")
            let second = try place.run("-B", "data.ext3:/data:image-src=/", script: "true")
            #expect(second.standardError.contains("currently in use by another process"), "\(second)")
            try instances.stop("a")
            try place.expectSound()
            #expect(try place.run("-B", "data.ext3:/data:image-src=/,ro", script: "cat /data/new").line == "kept")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func explainNamesThem(profile: Profile) throws {
            let place = try Place(profile)
            let flags = ["-B", "data.ext3:/data:image-src=/sub,ro", "--fakeroot", "--explain"]
            let shown = try place.command(flags, "true").run()
            #expect(shown.standardOutput.contains("/data from /sub of \(place.folder)/data.ext3 ["), "\(shown)")
            #expect(
                shown.standardOutput.contains(
                    "ext3 in \(place.folder)/data.ext3 at byte 0, 67108864 bytes, read-only, by "), "\(shown)")
        }

        /// `%post` sees them too.
        @Test(.cleanHost, arguments: Profile.allCases) func buildsBindThem(profile: Profile) throws {
            let place = try Place(profile)
            let base = try Images.shared.get().sif
            try writeFile(
                place.folder + "/x.def",
                Array("Bootstrap: localimage\nFrom: \(base)\n%post\ncat /mnt/deep/name >/etc/found\n".utf8),
                mode: 0o644)
            let built = try skiff(
                "build", "--bind", "\(place.folder)/data.sq:/mnt:image-src=/sub", place.folder + "/x.sif",
                place.folder + "/x.def",
                as: profile)
            #expect(built.isSuccess, "\(built)")
            let found = try skiff("exec", place.folder + "/x.sif", "cat", "/etc/found", as: profile)
            #expect(found.line == "deep", "\(found)")
        }
    }
}
