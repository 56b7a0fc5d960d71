import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between names that an image chooses and the files of the host: no path of an image leads out of it.
    @Suite struct ForeignPathBoundary {
        /// An image next to a directory of the host that it tries to reach.
        private struct Trap {
            let profile: Profile
            let folder: String
            var host: String { folder + "/host" }
            var image: String { folder + "/image" }

            init(_ profile: Profile, _ change: (_ image: String, _ host: String) throws -> Void) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                try makeDirectory(folder + "/host")
                try writeFile(folder + "/host/victim", Array("before".utf8), mode: 0o644)
                try FileManager.default.copyItem(atPath: try Images.shared.get().directory, toPath: folder + "/image")
                try change(folder + "/image", folder + "/host")
                if effectiveUID() == 0, let record = profile.record {
                    _ = try Command(["/bin/chown", "-R", "\(record.uid):\(record.gid)", folder], as: .current).run()
                }
            }

            func remove() { try? removeTree(folder) }

            /// - Parameter descriptor: what the caller has opened as descriptor 9.
            func run(_ words: [String], descriptor: String = "/dev/null", under: [String] = []) throws -> Outcome {
                try skiffCommand(words, as: profile) {
                    $0.words = ["/bin/sh", "-c", "exec 9<\"$0\"; exec \"$@\"", descriptor] + under + $0.words
                    $0.directory = folder
                }.run()
            }

            func checkHost() throws {
                #expect(try FileManager.default.contentsOfDirectory(atPath: host) == ["victim"])
                #expect(try readFile(host + "/victim") == Array("before".utf8))
            }
        }

        // MARK: The start directory

        /// CVE-2024-21626. Descriptor 9 is the caller's; lower numbers are those that a runtime may have open.
        static let ways =
            (3...12).map { "/proc/self/fd/\($0)" } + [
                "/proc/self/cwd", "/proc/self/root", "/proc/1/root", "/proc/thread-self/fd/9", "/dev/fd/9", "/link",
                "/deep/link",
                "/../proc/self/fd/9", "/proc/self/fd/9/..",
            ]

        @Test(arguments: Profile.allCases) func startDirectoryLeadsThroughNoDescriptor(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { image, _ in
                try makeSymlink("/proc/self/fd/9", at: image + "/link")
                try makeDirectory(image + "/deep")
                try makeSymlink("../proc/self/fd/../../self/fd/9", at: image + "/deep/link")
            }
            defer { trap.remove() }
            for way in Self.ways {
                for flags in [[], ["--containall"]] {
                    let script =
                        "cat victim ../victim ../host/victim ../../../../../../../../..\(trap.host)/victim; pwd"
                    let outcome = try trap.run(
                        ["exec"] + flags + ["--pwd", way, trap.image, "sh", "-c", script], descriptor: trap.host)
                    #expect(outcome.end == .exited(255), "\(outcome)")
                    #expect(outcome.standardError.contains("failed to set working directory"), "\(outcome)")
                    #expect(outcome.standardOutput.isEmpty, "\(outcome)")
                }
            }
        }

        /// Where the start directory is not required, the next one is tried, and finally the root.
        @Test(arguments: Profile.allCases) func linkedHomeLeadsThroughNoDescriptor(profile: Profile) throws {
            try need(profile)
            let home = try #require(profile.record?.home)
            let trap = try Trap(profile) { image, _ in
                try removeTree(image + "/home")
                try removeTree(image + "/root")
                try makeSymlink("/proc/self/fd/9", at: image + "/root")
                try makeDirectory(image + "/home")
                if home != "/root" { try makeSymlink("/proc/self/fd/9", at: image + home) }
            }
            defer { trap.remove() }
            let outcome = try trap.run(
                ["exec", "--no-home", "--contain", "--no-mount", "cwd", trap.image, "pwd", "-P"], descriptor: trap.host)
            #expect(outcome.isSuccess && outcome.line == "/", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func linksInsideAreFollowed(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { image, _ in
                try makeSymlink("../../../usr", at: image + "/work")
                try makeSymlink("/work", at: image + "/again")
            }
            defer { trap.remove() }
            let outcome = try trap.run(["exec", "--pwd", "/again", trap.image, "sh", "-c", "pwd -P; echo $PWD"])
            #expect(outcome.isSuccess && outcome.line == "/usr\n/again", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func removedCurrentDirectoryIsNoObstacle(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { _, _ in }
            defer { trap.remove() }
            let outcome = try skiffCommand(["exec", trap.image, "echo", "ok"], as: profile) {
                $0.words = ["/bin/sh", "-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"", "sh"] + $0.words
                $0.directory = trap.folder
            }.run()
            #expect(outcome.isSuccess && outcome.line == "ok", "\(outcome)")
        }

        // MARK: Files that are read for the program

        @Test(arguments: Profile.allCases) func filesOfTheImageAreReadThroughNoDescriptor(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { image, host in
                try writeFile(
                    host + "/../secret", Array("export SECRET=found\nsecret:x:0:0::/:/bin/sh\n".utf8), mode: 0o644)
                try makeDirectories(image + "/.singularity.d/env")
                try makeSymlink("/proc/self/fd/9", at: image + "/.singularity.d/env/10-secret.sh")
                for file in ["passwd", "group"] {
                    try unlink(image + "/etc/" + file)
                    try makeSymlink("/proc/self/fd/9", at: image + "/etc/" + file)
                }
            }
            defer { trap.remove() }
            let outcome = try trap.run(["exec", trap.image, "env"], descriptor: trap.folder + "/secret")
            #expect(outcome.isSuccess && outcome.values["SECRET"] == nil, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func pipesInTheImageDelayNothing(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { image, _ in
                try makeDirectories(image + "/.singularity.d/env")
                for file in ["/etc/passwd", "/etc/group", "/.singularity.d/env/10-pipe.sh"] {
                    try? unlink(image + file)
                    try makeNode(image + file, mode: SKL_S_IFIFO | 0o666)
                }
            }
            defer { trap.remove() }
            let outcome = try trap.run(["exec", trap.image, "echo", "ok"])
            #expect(outcome.isSuccess && outcome.line == "ok", "\(outcome)")
        }

        // MARK: Places for mounts

        /// The ways in which an image tries to have a bind's mount point made in the host's directory.
        enum Bait: String, CaseIterable, Sendable {
            case absolute, relative, repairedName, throughProc, chain

            /// Returns the place to bind to.
            func set(_ image: String, _ host: String) throws -> String {
                switch self {
                case .absolute: try makeSymlink(host, at: image + "/bait")
                case .relative:
                    try makeSymlink("../../../../../../../../../.." + host, at: image + "/bait")
                case .repairedName:
                    // A name that is not UTF-8, which a String would repair into the name of a link.
                    let top = try open(image, SKL_O_PATH | O_DIRECTORY)
                    try makeDirectory(try EntryName([0xFF]), at: top.raw)
                    try makeSymlink([0xFF], at: EntryName("bait"), in: top.raw)
                    try makeSymlink(host, at: image + "/\u{FFFD}")
                case .throughProc: try makeSymlink("/proc/self/cwd/host", at: image + "/bait")
                case .chain:
                    try makeSymlink("first", at: image + "/bait")
                    try makeSymlink("/usr/../second/.", at: image + "/first")
                    try makeSymlink(host, at: image + "/second")
                }
                return "/bait/made"
            }
        }

        @Test(arguments: Profile.allCases, Bait.allCases)
        func placesForMountsAreMadeInTheImageOnly(profile: Profile, bait: Bait) throws {
            try need(profile)
            var place = ""
            let trap = try Trap(profile) { image, host in place = try bait.set(image, host) }
            defer { trap.remove() }
            for flags in [["--underlay"], [], ["--writable-tmpfs"]] {
                for target in [place, "/bait/victim"] {
                    let outcome = try trap.run(
                        ["exec", "--containall"] + flags + ["-B", "/etc/hostname:\(target)", trap.image, "true"])
                    #expect(outcome.end != nil, "\(outcome)")
                    try trap.checkHost()
                }
            }
        }

        /// The directory of the host is in the container already, by a bind that the caller asked for; a link of the image leads
        /// into it.
        @Test(arguments: Profile.allCases) func nothingIsMadeInABoundDirectory(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { image, host in
                try makeDirectory(image + "/data")
                try makeSymlink("/data", at: image + "/short")
                try makeSymlink("data/../data/./", at: image + "/round")
                try makeSymlink(host, at: image + "/same")
            }
            defer { trap.remove() }
            let cases = [("/data", "/short"), ("/data", "/round"), (trap.host, "/same")]
            for (bound, link) in cases {
                for kind in ["/made", "/a/b/made"] {
                    for flags in [["--writable-tmpfs"], [], ["--underlay"]] {
                        let outcome = try trap.run(
                            ["exec"] + flags + [
                                "-B", "\(trap.host):\(bound)", "-B", "/etc/hostname:\(link)\(kind)", trap.image, "true",
                            ])
                        #expect(outcome.end != nil, "\(outcome)")
                        try trap.checkHost()
                    }
                }
            }
        }

        /// A directory with more entries than a process may have descriptors is covered nevertheless, and shows them
        /// all.
        @Test(arguments: Profile.allCases) func underlayShowsWhatItCovers(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile) { image, _ in
                try makeDirectory(image + "/many")
                for number in 0..<200 { try writeFile(image + "/many/\(number)", Array("\(number)".utf8), mode: 0o644) }
                try makeSymlink("0", at: image + "/many/link")
            }
            defer { trap.remove() }
            let script = "ulimit -n 128; exec \"$@\""
            let outcome = try trap.run(
                [
                    "exec", "--underlay", "-B", "/etc/hostname:/many/new", "-B", "/etc/hostname:/many/deep/new",
                    trap.image,
                    "sh", "-c",
                    "cat /many/39 /many/link; ls /many | wc -l; test -s /many/new && test -s /many/deep/new",
                ],
                under: ["/bin/sh", "-c", script, "sh"])
            #expect(outcome.isSuccess && outcome.line == "390203", "\(outcome)")
        }

        // MARK: Older kernels

        @Test(arguments: Profile.allCases) func theRuleHoldsOnOldKernels(profile: Profile) throws {
            try need(profile)
            let program = try Self.old.get()
            let trap = try Trap(profile) { image, host in
                try makeSymlink("/usr", at: image + "/work")
                try makeSymlink("/proc/self/fd/9", at: image + "/link")
                try makeSymlink(host, at: image + "/bait")
            }
            defer { trap.remove() }
            let inside = try trap.run(
                [
                    "exec", "--pwd", "/work", "-B", "/etc/hostname:/new/place", trap.image, "sh", "-c",
                    "pwd -P; test -s /new/place",
                ],
                under: [program])
            #expect(inside.isSuccess && inside.line == "/usr", "\(inside)")
            for flags in [["--pwd", "/link"], ["--pwd", "/proc/self/fd/9"], ["--pwd", "/proc/self/cwd"]] {
                let outcome = try trap.run(
                    ["exec"] + flags + [trap.image, "cat", "victim"], descriptor: trap.host, under: [program])
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
            }
            _ = try trap.run(
                ["exec", "--underlay", "-B", "/etc/hostname:/bait/made", trap.image, "true"], under: [program])
            try trap.checkHost()
        }

        /// Linux has mount_setattr(2) since 5.12; the restrictions of a mount hold without it, too.
        @Test(arguments: Profile.allCases) func mountsAreRestrictedOnOldKernels(profile: Profile) throws {
            try need(profile)
            let source = try WorkDirectory.make(for: profile)
            let words = ["exec", "-B", source + ":/mnt/place:ro", "-B", "/etc/hostname:/mnt/file"]
            let script = "grep -E ' /(dev|proc|tmp|mnt/place|mnt/file) ' /proc/self/mountinfo; touch /mnt/place/file"
            for image in [try AttackRoot.directory.get(), try AttackRoot.image.get()] {
                var command = try skiffCommand(words + [image, "sh", "-c", script], as: profile)
                let usual = try command.run()
                command.words = [try Self.old.get()] + command.words
                let old = try command.run()
                // The mount point and attributes of each.
                func mounts(_ outcome: Outcome) -> [String] {
                    outcome.standardOutput.split(separator: "\n").map { line in
                        let fields = line.split(separator: " ")
                        return fields.count > 5 ? "\(fields[4]) \(fields[5])" : String(line)
                    }
                }
                #expect(mounts(usual) == mounts(old), "\(usual) \(old)")
                #expect(mounts(old).contains { $0.hasPrefix("/mnt/place ro,nosuid,nodev") }, "\(old)")
                #expect(old.standardError.contains("Read-only file system"), "\(old)")
            }
        }

        private static let old = Result {
            let program = try Images.shared.get().folder + "/older-kernel"
            let source = Stage.repository + "/Tests/Inside/older-kernel.c"
            let outcome = try Command(["/usr/bin/cc", "-O1", "-o", program, source], as: .current).run()
            guard outcome.isSuccess else { throw HarnessError("cannot compile \(source): \(outcome)") }
            return program
        }
    }
}
