import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Ordinary users as root, Docs/root-emulation.md: what a build keeps, what a container sees, and what neither reaches.
    @Suite(.cleanHost) struct RootEmulation {
        /// The ways to be root, each with the better ones disabled.
        enum Mode: String, CaseIterable, Sendable {
            case root, ranges, supervised

            var profile: Profile { self == .root ? .root : .user }
            var flags: [String] { self == .supervised ? ["--ignore-subuid"] : [] }

            func needed() throws {
                try need(profile)
                if self != .root { try need(.userNamespaces) }
                if self == .ranges { try need(.ranges) }
            }
        }

        private static let post = """
            chown 33:44 /made; ln -s made /link; chown -h 55:66 /link; chmod 4755 /made; chown 34 /made
            mkdir /shared; chgrp 7 /shared; chmod 2775 /shared; echo x > /shared/inherits; mkdir /shared/below
            mknod /null c 1 3; mknod /disk b 8 1; chmod 640 /disk; chgrp 6 /disk; mkfifo /shared/pipe
            mkdir /home/joe; chown 1000:1001 /home/joe; chmod 700 /home/joe
            su joe -c 'id -u; echo hi > /home/joe/file; mkdir /home/joe/directory; umask 077; echo > /home/joe/private'
            mkdir /nine; chown 9 /nine; /emulated as 9 10 sh -c 'echo > /nine/file; ln -s x /nine/link'
            cp -p /made /copied; sed -i s/x/y/ /shared/inherits
            cd /home; tar cf /joe.tar joe; mkdir /unpacked; cd /unpacked; tar xpf /joe.tar; rm /joe.tar
            mv /null /renamed; ln /made /hard
            /emulated capability /powerful

            """

        /// Type and permissions, owner, device and name, as `unsquashfs -lln` prints them.
        private static let expected = [
            "-rwxr-xr-x 34/44 made", "-rwxr-xr-x 34/44 hard", "-rwxr-xr-x 34/44 copied", "lrwxrwxrwx 55/66 link",
            "drwxrwsr-x 0/7 shared", "-rw-rw-r-- 0/7 shared/inherits", "drwxrwsr-x 0/7 shared/below",
            "prw-rw-r-- 0/7 shared/pipe", "crw-rw-r-- 0/0 1,3 renamed", "brw-r----- 0/6 8,1 disk",
            "drwx------ 1000/1001 home/joe", "-rw-rw-r-- 1000/1001 home/joe/file",
            "drwxrwxr-x 1000/1001 home/joe/directory", "-rw------- 1000/1001 home/joe/private",
            "-rw-rw-r-- 9/10 nine/file", "lrwxrwxrwx 9/10 nine/link", "drwx------ 1000/1001 unpacked/joe",
            "-rw------- 1000/1001 unpacked/joe/private", "-rwxr-xr-x 0/0 powerful",
        ]

        @Test(.needs(.mksquashfs), arguments: Mode.allCases) func imageHasTheOwners(mode: Mode) throws {
            try mode.needed()
            let image = try build(
                mode, "Bootstrap: localimage\nFrom: \(try EmulationRoot.shared.get())\n%post\n\(Self.post)")
            try expectOwners(image)
        }

        /// `%setup` is a program of the host, and is root of the image's files as `%post` is.
        @Test(.needs(.mksquashfs), arguments: Mode.allCases) func setupIsTheSameRoot(mode: Mode) throws {
            try mode.needed()
            let setup =
                "cd \"$APPTAINER_ROOTFS\"; echo x >own; chown 33:44 own; chmod 640 own; mknod -m 600 zero c 1 5; chgrp 7 home"
            let image = try build(
                mode, "Bootstrap: localimage\nFrom: \(try EmulationRoot.shared.get())\n%setup\n\(setup)\n%post\ntrue\n")
            let listed = try listing(image)
            for line in ["-rw-r----- 33/44 own", "crw------- 0/0 1,5 zero", "drwxr-xr-x 0/7 home"] {
                #expect(listed.contains(line), "\(line) is not in \(listed)")
            }
        }

        /// The owners of the base stay, and so do those of the image in between.
        @Test(.needs(.mksquashfs)) func basesKeepTheirOwners() throws {
            try Mode.supervised.needed()
            let text = "Bootstrap: localimage\nFrom: \(try EmulationRoot.shared.get())\n%post\n\(Self.post)"
            let first = try build(.supervised, text)
            try expectOwners(try build(.supervised, "Bootstrap: localimage\nFrom: \(first)\n%post\ntrue\n"))
        }

        /// A user with ranges can edit and remove their files; the owners come back where root is emulated, and in an
        /// image.
        @Test(.needs(.mksquashfs)) func sandboxBelongsToItsMaker() throws {
            try Mode.ranges.needed()
            let text = "Bootstrap: localimage\nFrom: \(try EmulationRoot.shared.get())\n%post\n\(Self.post)"
            let sandbox = try build(.ranges, text, flags: ["--sandbox"])
            let record = try #require(Profile.user.record)
            let foreign = try Command(["/usr/bin/find", sandbox, "!", "-uid", String(record.uid)], as: .user).run()
            #expect(foreign.isSuccess && foreign.standardOutput.isEmpty, "\(foreign)")
            let inside = try skiff(
                ["exec", "--fakeroot", sandbox, "stat", "-c", "%u:%g", "/made", "/link", "/home/joe"])
            #expect(inside.standardOutput == "34:44\n55:66\n1000:1001\n", "\(inside)")
            let changed = try skiff(["exec", "--fakeroot", "--writable", sandbox, "chown", "70:71", "/etc/passwd"])
            #expect(changed.isSuccess, "\(changed)")
            let written = try skiff(["exec", "--writable", sandbox, "sh", "-c", "echo x >> /etc/passwd"])
            #expect(written.isSuccess, "\(written)")
            let image = try build(.ranges, "Bootstrap: localimage\nFrom: \(sandbox)\n")
            try expectOwners(image)
            #expect(try listing(image).contains("-rw-r--r-- 70/71 etc/passwd"))
            try expectOwners(try build(.ranges, "Bootstrap: localimage\nFrom: \(sandbox)\n%post\ntrue\n"))
            let removed = try Command(["/bin/rm", "-rf", sandbox], as: .user).run()
            #expect(removed.isSuccess, "\(removed)")
        }

        @Test func oneLineTellsTheMode() throws {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            for (flags, beginning) in [
                (["--ignore-subuid"], "INFO:    Root by emulation, because --ignore-subuid was given: owners are kept"),
                (["--ignore-subuid", "--ignore-fakeroot-command"], "INFO:    Root by pretence, because"),
            ] {
                let outcome = try skiff(["exec", "--fakeroot"] + flags + [root, "true"])
                #expect(outcome.isSuccess, "\(outcome)")
                #expect(
                    outcome.standardError.split(separator: "\n").count { $0.hasPrefix(beginning) } == 1, "\(outcome)")
            }
            let refused = try skiff(["exec", "--fakeroot", "--ignore-userns", root, "true"])
            #expect(refused.end == .exited(255))
            #expect(refused.standardError.contains("cannot become root of the container"), "\(refused)")
        }

        @Test func rangesAreMapped() throws {
            try Mode.ranges.needed()
            let root = try EmulationRoot.copy()
            let outcome = try skiff(["exec", "--fakeroot", root, "cat", "/proc/self/uid_map"])
            let lines = outcome.standardOutput.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            let uid = String(try #require(Profile.user.record).uid)
            #expect(lines.first == ["0", uid, "1"], "\(outcome)")
            #expect(lines.count == 2 && lines.last?.first == "1", "\(outcome)")
        }

        @Test func fakedRootSaysYes() throws {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            let script = "chown 5:6 /made && mknod /n c 1 3 && stat -c %u:%g /made && id -u && echo $HOME"
            let outcome = try skiff(
                [
                    "exec", "--fakeroot", "--ignore-subuid", "--ignore-fakeroot-command", "--writable", root, "sh",
                    "-c", script,
                ])
            #expect(outcome.isSuccess && outcome.standardOutput == "0:0\n0\n/root\n", "\(outcome)")
        }

        @Test func identitiesFollowTheRules() throws {
            let outcome = try emulated("ids")
            let values = outcome.values
            for (key, value) in [
                ("start", "0,0,0 0,0,0 0,0,0,0 0"), ("setgroups", "0"), ("lowered.setgroups", "EPERM"),
                ("lowered", "0,1000,0 8,9,10 0,1000,8,9 5 70000"), ("limit", "0"), ("limit.unlimited", "1"),
                ("dropped", "1000,1001,1002 8,9,10 1000,1001,8,9 5 70000"),
                ("grandchild", "1000,1001,1002 8,9,10 1000,1001,8,9 5 70000"), ("dropped.setuid", "EPERM"),
                ("dropped.chown", "EPERM"), ("dropped.mknod", "EPERM"),
            ] { #expect(values[key] == value, "\(key): \(outcome)") }
            #if arch(x86_64)
            // -1 is EPERM: int $0x80 returns the number itself.
            for (key, value) in [("getuid32", "1000"), ("geteuid32", "1001"), ("getuid16", "1000"), ("setuid32", "-1")]
            {
                #expect(values["i386." + key] == value, "\(key): \(outcome)")
            }
            #endif
        }

        @Test func newFilesBelongToTheirMaker() throws {
            let outcome = try emulated("make", "/mnt")
            for (key, value) in [
                ("file", "7:8:100640"), ("cloexec", "1"), ("written", "1"), ("linked", "7:8:100640"),
                ("directory", "7:8:40750"), ("link", "7:8:120777"), ("pipe", "7:8:10640"), ("again", "EEXIST"),
                ("existing", "0"), ("statx", "7:8"), ("emptied", "33:34:100640"), ("proced", "35:34:100640"),
                ("parent", "0:77:40755"), ("device", "0"), ("null", "20640:1,3"),
            ] { #expect(outcome.values[key] == value, "\(key): \(outcome)") }
            #if arch(x86_64)
            #expect(outcome.values["i386.shown"] == "55:56", "\(outcome)")
            #expect(outcome.values["i386.owner"] == "55:57:100640", "\(outcome)")
            #endif
        }

        @Test func errorsAreTheKernels() throws {
            let outcome = try emulated("wrong")
            for (key, value) in [
                ("fault", "EFAULT"), ("unterminated", "ENAMETOOLONG"), ("atTheEnd", "0"), ("missing", "ENOENT"),
                ("emptyPath", "ENOENT"), ("badDescriptor", "EBADF"), ("negative", "EBADF"), ("notDirectory", "ENOTDIR"),
                ("badFlags", "EINVAL"), ("groupsFault", "EFAULT"), ("tooManyGroups", "EINVAL"), ("noRoom", "EINVAL"),
                ("setuidNone", "EINVAL"), ("statFault", "EFAULT"), ("device", "EEXIST"),
            ] { #expect(outcome.values[key] == value, "\(key): \(outcome)") }
        }

        /// What root was answered on ext4 by Linux 6.18, which has the four calls of `setxattrat`.
        private static let attributes = [
            ("chown", "0"), ("chown.link", "0"), ("none", ""), ("none.link", ""), ("none.capability", "ENODATA"),
            ("none.uncap", "ENODATA"), ("replace.none", "ENODATA"), ("create", "0"), ("create.again", "EEXIST"),
            ("replace", "0"), ("flags", "EINVAL"), ("user", "0"), ("get", "other"), ("get.link", "other"),
            ("get.itself", "ENODATA"), ("get.size", "5"), ("get.short", "ERANGE"), ("get.fault", "EFAULT"),
            ("get.none", "ENODATA"), ("get.alone", "EINVAL"), ("set.alone", "EINVAL"), ("set.fault", "EFAULT"),
            ("set.large", "E2BIG"), ("name.empty", "ERANGE"), ("name.long", "ERANGE"), ("list", "trusted.a user.b"),
            ("list.size", "17"), ("list.short", "ERANGE"), ("missing.set", "ENOENT"), ("missing.get", "ENOENT"),
            ("missing.list", "ENOENT"), ("missing.remove", "ENOENT"), ("empty", "0"), ("empty.size", "0"),
            ("directory", "trusted.empty"), ("link.set", "0"), ("link.get", "mine"), ("link.list", "trusted.own"),
            ("link.remove", "0"), ("link.user", "EPERM"), ("pipe.set", "0"), ("open.set", "0"), ("open.get", "3"),
            ("open.list", "trusted.a trusted.c user.b"), ("open.remove", "0"), ("open.again", "ENODATA"),
            ("path.set", "EBADF"), ("path.get", "EBADF"), ("path.list", "EBADF"), ("path.remove", "EBADF"),
            ("path.chown", "EBADF"), ("path.chmod", "EBADF"), ("path.empty", "0"), ("path.owner", "7:8:100644"),
            ("path.proc", "other"), ("at.set", "0"), ("at.get", "four"), ("at.path", "EBADF"), ("at.link", "ENODATA"),
            ("at.flags", "EINVAL"), ("at.list", "trusted.a trusted.d user.b"), ("at.remove", "0"),
            ("at.wrong", "EINVAL"), ("remove", "0"), ("remove.again", "ENODATA"), ("remove.alone", "EINVAL"),
            ("removed", "user.b"), ("i386.remove", "1"), ("i386.remove.empty", "0"), ("dropped.set", "EPERM"),
            ("dropped.get", "ENODATA"), ("dropped.remove", "EPERM"), ("dropped.list", "user.b"),
        ]
        /// A user namespace keeps no attribute on a link or pipe: the answers of a file system that has none there.
        private static let onLinks = [
            "link.set": "EOPNOTSUPP", "link.get": "ENODATA", "link.list": "", "link.remove": "ENODATA",
            "pipe.set": "EOPNOTSUPP",
        ]

        @Test(arguments: Mode.allCases) func attributesAreTheKernels(mode: Mode) throws {
            try mode.needed()
            let root = try EmulationRoot.copy()
            let fakeroot = mode == .root ? [] : ["--fakeroot"] + mode.flags
            let words = ["exec"] + fakeroot + ["--writable", "--contain", root, "/emulated", "attributes", "/mnt"]
            let outcome = try skiffCommand(words, as: mode.profile).run()
            #expect(outcome.isSuccess, "\(outcome)")
            for (key, value) in Self.attributes {
                if key.hasPrefix("at."), outcome.values["at.set"] == "ENOSYS" { continue }
                let expected = mode == .root ? value : Self.onLinks[key] ?? value
                #expect(outcome.values[key] == expected, "\(key): \(outcome)")
            }
        }

        @Test func nothingOutsideIsReached() throws {
            let outside = try WorkDirectory.make(for: .user) + "/outside"
            try writeFile(outside, [], mode: 0o666)
            if effectiveUID() == 0, let record = Profile.user.record { try chown(outside, record.uid, record.gid) }
            let escape = try emulated("escape", outside)
            for key in ["plain", "upwards", "link", "parentsRoot", "ownRoot", "ownDirectory", "chrooted"] {
                #expect(escape.values[key].map { $0 != "0" } == true, "\(key): \(escape)")
            }
            let race = try emulated("race", "/mnt", outside)
            #expect(race.values["owner"] == "66:67:100644", "\(race)")
            #expect(try xattrNames(outside).isEmpty)
            let folder = try open(parentPath(outside) ?? "/", O_RDONLY | O_DIRECTORY)
            #expect(try entries(of: folder.raw).map(\.text) == ["outside"])
        }

        /// A bound file of the host is not marked, no matter who owns it.
        @Test func bindsAreLeftAlone() throws {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            let folder = try WorkDirectory.make(for: .user)
            let outcome = try skiff([
                "exec", "--fakeroot", "--ignore-subuid", "--bind", folder + ":/mnt", root, "sh", "-c",
                "echo > /mnt/file && chown 5:6 /mnt/file /mnt && stat -c %u /mnt/file",
            ])
            #expect(outcome.isSuccess && outcome.line == "0", "\(outcome)")
            for path in [folder, folder + "/file"] { #expect(try xattrNames(path).isEmpty) }
        }

        /// Whichever is killed, nobody waits forever and nothing stays.
        @Test(arguments: ["skiff-root", "monitor"]) func deathOfOne(victim: String) throws {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            let before = Leftovers.now()
            let script = "echo ready; while chown 5 /made; do sleep 0.01; done; echo failed"
            let words = ["exec", "--fakeroot", "--ignore-subuid", "--writable", root, "sh", "-c", script]
            let running = try skiffCommand(words, as: .user).start()
            #expect(running.waitForOutput("ready"))
            let supervisor = try #require(
                ProcessTable.current().first { $0.parent == running.pid && $0.arguments.hasPrefix("skiff-root") })
            kill(victim == "monitor" ? running.pid : supervisor.pid, SIGKILL)
            let outcome = try running.wait(seconds: 15)
            #expect(outcome.end != nil, "\(outcome)")
            if victim == "skiff-root" {
                #expect(outcome.standardOutput == "ready\nfailed\n", "\(outcome)")
                #expect(outcome.standardError.contains("Function not implemented"), "\(outcome)")
            }
            let excess = Leftovers.settled(from: before, sessions: [running.pid, supervisor.pid])
            #expect(excess.isEmpty, "\(excess)")
        }

        /// A process that outlives the first one of its container is served until it ends; then skiff-root goes.
        @Test func lastProcessEndsIt() throws {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            let before = Leftovers.now()
            let outcome = try skiff([
                "exec", "--fakeroot", "--ignore-subuid", "--writable", root, "sh", "-c",
                "(sleep 0.5; chown 5:6 /made) </dev/null >/dev/null 2>&1 &",
            ])
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(Leftovers.settled(from: before).isEmpty)
            #expect(try xattr("user.skiff.owner", of: root + "/made") == Array("5:6".utf8))
        }

        @Test func planShowsTheFilter() throws {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            let words = ["exec", "--fakeroot", "--ignore-subuid"]
            let text = try skiff(words + ["--explain", root, "true"])
            #expect(text.standardOutput.contains("supervised root: a supervised filter of "), "\(text)")
            let json = try skiff(words + ["--explain=json", root, "true"])
            let plan = try JSONSerialization.jsonObject(with: Data(json.standardOutput.utf8)) as? [String: Any]
            let part = try #require(plan?["root"] as? [String: String])
            #expect(part["mode"] == "supervised")
            #expect((part["program"]?.count ?? 0) % 16 == 0 && part["program"]?.hasPrefix("2000000004000000") == true)
        }

        // MARK: helpers

        private func skiff(_ words: [String]) throws -> Outcome { try skiffCommand(words, as: .user).run() }

        private func emulated(_ words: String...) throws -> Outcome {
            try Mode.supervised.needed()
            let root = try EmulationRoot.copy()
            let flags = ["--fakeroot", "--ignore-subuid", "--writable", "--contain"]
            let outcome = try skiff(["exec"] + flags + [root, "/emulated"] + words)
            #expect(outcome.isSuccess, "\(outcome)")
            return outcome
        }

        /// - Returns: the image.
        private func build(_ mode: Mode, _ definition: String, flags: [String] = []) throws -> String {
            let folder = try WorkDirectory.make(for: mode.profile)
            try writeFile(folder + "/image.def", Array(definition.utf8), mode: 0o644)
            let outcome = try skiffCommand(
                ["build"] + mode.flags + flags + [folder + "/image.sif", folder + "/image.def"], as: mode.profile
            ) {
                $0.seconds = 60
                $0.directory = folder
            }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            return folder + "/image.sif"
        }

        private func expectOwners(_ image: String) throws {
            let listed = try listing(image)
            for line in Self.expected { #expect(listed.contains(line), "\(line) is not in \(listed)") }
            if Profile.current == .root { try expectAttributes(image) }
        }

        /// Only root can read all attributes.
        private func expectAttributes(_ image: String) throws {
            let tree = try WorkDirectory.make(for: .root) + "/tree"
            let words = ["/usr/bin/unsquashfs", "-o", try offset(image), "-d", tree, image]
            let outcome = try Command(words, as: .root).run()
            #expect(outcome.isSuccess, "\(outcome)")
            let raised: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
            #expect(try xattr("security.capability", of: tree + "/powerful") == raised)
            #expect(try xattr("trusted.mark", of: tree + "/powerful") == Array("kept".utf8))
            #expect(try xattrNames(tree + "/link").isEmpty)
            #expect(try xattrNames(tree + "/made").isEmpty)
        }

        /// Returns where the squashfs begins, from a line like `3 |1 |NONE |36864-1085440 |FS
        /// (Squashfs/*System/amd64)`.
        private func offset(_ image: String) throws -> String {
            let list = try skiffCommand(["sif", "list", image], as: .current).run()
            let line = try #require(list.standardOutput.split(separator: "\n").first { $0.contains("Squashfs") })
            let field = try #require(line.split(separator: "|").dropFirst(3).first)
            return String(try #require(field.split(separator: "-").first))
        }

        private func listing(_ image: String) throws -> Set<String> {
            let words = ["/usr/bin/unsquashfs", "-o", try offset(image), "-lln", image]
            let outcome = try Command(words, as: .current).run()
            #expect(outcome.isSuccess, "\(outcome)")
            return Set(outcome.standardOutput.split(separator: "\n").compactMap(Self.shortened))
        }

        /// Returns the line without size and time; a device keeps its numbers, a link loses its target.
        private static func shortened(_ line: Substring) -> String? {
            let words = line.split(separator: " ").map(String.init)
            guard let name = words.first(where: { $0.hasPrefix("squashfs-root/") }), words.count > 4 else { return nil }
            let device = "bc".contains(words[0].first ?? "-") ? "\(words[2])\(words[3]) " : ""
            return "\(words[0]) \(words[1]) \(device)\(name.dropFirst("squashfs-root/".count))"
        }
    }
}
