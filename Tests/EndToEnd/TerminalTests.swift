import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// A real terminal with job control; `Tests/Inside/terminal.py` types.
    @Suite struct Terminal {
        @Test(arguments: Profile.allCases, ["shell", "resize"])
        func shellOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["shell", try Images.shared.get().directory], profile)
        }

        @Test(arguments: Profile.allCases, ["interrupt", "suspend"])
        func programOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["exec", try Images.shared.get().directory], profile)
        }

        /// With a server to reap, skiff stays as a parent and must still pass the keys on.
        @Test(arguments: Profile.allCases, ["interrupt", "suspend"])
        func watchedProgramOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["exec", try ImageKind.squashfs.path(for: profile)], profile)
        }

        @Test(arguments: Profile.allCases, ["interrupt", "suspend"])
        func programOfAShimOnATerminal(profile: Profile, scenario: String) throws {
            try expect(scenario, ["exec", "--pid", try Images.shared.get().directory], profile)
        }

        private static let jobControl = [
            "group_stop", "self_stop", "terminal_stop", "twice", "background_read", "suspend",
        ]

        /// The process that a shell waits for stops and continues as the program does.
        @Test(arguments: Profile.allCases, jobControl) func programIsAJobOfTheShell(profile: Profile, scenario: String)
            throws
        {
            let image = try Images.shared.get().directory
            // With --no-init the program is PID 1 of its namespace, which the kernel does not stop.
            for flags in [[], ["--pid"], ["--fakeroot", "--ignore-subuid"]] {
                try expect(scenario, ["exec"] + flags + [image], profile)
            }
            for flags in [[], ["--pid"]] {
                try expect(scenario, ["exec"] + flags + [try ImageKind.squashfs.path(for: profile)], profile)
            }
        }

        @Test(arguments: Profile.allCases) func shellIsAJobOfTheShell(profile: Profile) throws {
            for flags in [[], ["--pid"], ["--userns"]] {
                for kind in [ImageKind.directory, .sif] {
                    try expect("suspended_shell", ["shell"] + flags + [try kind.path(for: profile)], profile)
                }
            }
        }

        @Test(arguments: Profile.allCases) func buildIsAJobOfTheShell(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let script = """
                echo in-$((2+3)); read line
                if test "$line" = stop; then kill -TSTP 0; read line; fi
                echo got-$line
                """
            let text = "Bootstrap: localimage\nFrom: \(try Images.shared.get().directory)\n%post\n\(script)\n"
            try writeFile(folder + "/a.def", Array(text.utf8), mode: 0o644)
            try expect(
                "build_stop", ["build", "--force", "--disable-cache", folder + "/a.sif", folder + "/a.def"], profile)
        }

        @Test(arguments: Profile.allCases) func buildAsksBeforeItReplaces(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let target = folder + "/image.sif"
            for (name, text) in [("image.sif", "old"), ("a.def", "Bootstrap: scratch\n")] {
                try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o644)
                if profile == .user, let user = profile.record { try chown(folder + "/" + name, user.uid, user.gid) }
            }
            let words = ["build", target, folder + "/a.def"]
            try expect("decline", words, profile)
            #expect(try readFile(target) == Array("old".utf8))
            try expect("agree", words, profile)
            #expect(try readFile(target).count > 4096)
        }

        private func expect(_ scenario: String, _ words: [String], _ profile: Profile) throws {
            try need(profile)
            try need(.python)
            let outcome = try skiffCommand(words, as: profile).onTerminal(scenario).run()
            #expect(outcome.isSuccess, "\(outcome)")
        }
    }
}
