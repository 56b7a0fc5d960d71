import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `[probe]` and `skiff.image-format/2`: image files whose format a plugin knows.
    @Suite(.cleanHost) struct PluginImages {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("image-formats")
            try installation.add(
                "org.test.format", from: "image-format.c",
                manifest: """
                    extensions = skiff.image-format/2
                    draft-ok = yes

                    [probe]
                    offset = 4
                    bytes = 49 4d 47 31

                    [probe]
                    offset = 1000000
                    bytes = 41 42
                    """)
            return installation
        }

        private func skiff(_ words: [String], as profile: Profile, _ program: String? = nil) throws -> Outcome {
            let program = try program ?? Self.installation.get().program
            return try skiffCommand(words, as: profile) { $0.words[0] = program }.run()
        }

        /// Returns an image in the format of the fixture: lines, and a squashfs at 4096.
        private func image(_ lines: [String], _ profile: Profile, _ section: String? = nil) throws -> String {
            let work = try WorkDirectory.make(for: profile)
            let body = try readFile(try Images.shared.get().squashfs, limit: 1 << 30)
            let root = section ?? "section=1 2 4096 \(body.count)"
            var bytes = Array(("TESTIMG1" + ([root] + lines).joined(separator: "\n") + "\n").utf8)
            bytes += [UInt8](repeating: 0, count: 4096 - bytes.count)
            try writeFile(work + "/x.img", bytes + body, mode: 0o644)
            return work + "/x.img"
        }

        @Test(arguments: Profile.allCases) func rootVariablesRunscriptAndLabels(profile: Profile) throws {
            try need(profile)
            let path = try image(
                [
                    "variable=GREETING=it's \"$HOME\"", "label=org.test.kind=odd \"one\"",
                    "runscript=echo \"run $GREETING $*\"", "architecture=amd64", "deed=print",
                ], profile)
            let run = try skiff(["run", path, "a b"], as: profile)
            #expect(run.isSuccess && run.standardOutput == "run it's \"$HOME\" a b\n", "\(run)")
            let exec = try skiff(
                ["exec", "--env", "EXTRA=1", path, "/bin/sh", "-c", "echo $GREETING $EXTRA; test -x /bin/sh"],
                as: profile)
            #expect(exec.isSuccess && exec.standardOutput == "it's \"$HOME\" 1\n", "\(exec)")
            #expect(exec.standardError.contains("printed by a plugin"), "\(exec)")
            let plan = try skiff(["exec", "--explain", path, "true"], as: profile)
            #expect(plan.standardOutput.contains("/.singularity.d/env/10-image.sh"), "\(plan)")
            let labels = try skiff(["inspect", "--all", "--json", path], as: profile)
            #expect(labels.isSuccess && labels.standardOutput.contains("odd \\\"one\\\""), "\(labels)")
            #expect(labels.standardOutput.contains("echo \\\"run $GREETING $*\\\""), "\(labels)")
        }

        @Test(arguments: Profile.allCases) func becomesTheBaseOfABuild(profile: Profile) throws {
            try need(profile)
            let path = try image(["variable=GREETING=hello", "runscript=echo run $GREETING"], profile)
            let built = path + ".sif"
            let build = try skiff(["build", built, path], as: profile)
            #expect(build.isSuccess, "\(build)")
            let run = try skiff(["run", built], as: profile)
            #expect(run.isSuccess && run.standardOutput == "run hello\n", "\(run)")
        }

        @Test(arguments: Profile.allCases) func whatCannotBeIsRefused(profile: Profile) throws {
            try need(profile)
            let cases: [(section: String?, line: String, reason: String)] = [
                ("section=1 2 4096 1099511627776", "", "describes a section outside of the file"),
                ("section=1 2 18446744073709551615 4096", "", "it describes a section outside of the file"),
                ("section=1 2 4096 9223372036854775807", "", "describes a section outside of the file"),
                ("section=1 2 4096 8192\nsection=1 4 8192 4096", "", "describes sections that overlap"),
                ("section=4 2 4096 8192", "", "neither squashfs nor ext3"),
                ("section=2 2 4096 8192", "", "not a valid ext3 image"),
                ("section=1 4 4096 8192", "", "describes no root file system"),
                ("section=1 2 4096 4096\nsection=1 2 8192 4096", "", "more than one root file system"),
                (nil, "variable=A B=c", "it gives a variable that is not NAME=value"),
                (nil, "label=none", "it gives a label that is not name=value"),
                (nil, "architecture=abacus", "\"abacus\" is no architecture"),
                (nil, "deed=exit", "plugin org.test.format: describe: it ended the process with status 0"),
                (nil, "deed=crash", "plugin org.test.format: describe: it crashed (signal 6)"),
                (nil, "deed=twice", "it answered twice"),
                (nil, "deed=silent", "it did not say what the file holds"),
                (nil, "deed=fail", "the image is. of next year"),
                (nil, "deed=decline", "image format not recognized"),
                (nil, "architecture=s390x", "could not run on the host's"),
            ]
            for (section, line, reason) in cases {
                let path = try image([line], profile, section)
                for words in [["exec", path, "/bin/echo", "never"], ["inspect", path]] {
                    if words[0] == "inspect", line == "architecture=s390x" { continue }
                    let outcome = try skiff(words, as: profile)
                    #expect(
                        !outcome.isSuccess && outcome.standardOutput.isEmpty, "\(line) \(section ?? ""): \(outcome)")
                    #expect(outcome.standardError.contains(reason), "\(line) \(section ?? ""): \(outcome)")
                }
            }
            let outcome = try skiff(
                ["exec", try image([], profile), "/bin/echo"], as: profile, try Stage.shared.get().prefix + "/bin/skiff"
            )
            #expect(outcome.standardError.contains("image format not recognized"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func theCheckerAsksForHostileFiles(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(["plugin", "check", "org.test.format"], as: profile)
            #expect(outcome.isSuccess && outcome.standardOutput.contains("success  hostile-images"), "\(outcome)")
        }
    }
}
