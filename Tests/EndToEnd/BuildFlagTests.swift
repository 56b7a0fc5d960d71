import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Builds that need preparation, or are done twice.
    @Suite struct BuildFlags {
        /// A directory of one test with a definition in it, next to the base of the corpus.
        private struct Bench {
            let profile: Profile
            let directory: String

            init(_ profile: Profile) throws {
                try need(profile)
                self.profile = profile
                directory = try WorkDirectory.make(for: profile)
            }

            func base(_ name: String) throws -> String { try Corpus.directory(for: profile) + "/" + name }

            func build(_ words: String..., definition: String? = nil, change: (inout Command) -> Void = { _ in }) throws
                -> Outcome
            {
                if let definition { try write("a.def", definition) }
                return try skiffCommand(["build"] + words, as: profile) {
                    $0.directory = directory
                    change(&$0)
                }.run()
            }

            func write(_ name: String, _ text: String) throws {
                try writeFile(directory + "/" + name, Array(text.utf8), mode: 0o644)
            }

            func text(_ name: String) -> String {
                ((try? readFile(directory + "/" + name)).map { String(decoding: $0, as: UTF8.self) }) ?? ""
            }

            func remove() { try? removeTree(directory) }
        }

        @Test(arguments: Profile.allCases) func updatesASandbox(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            let base = try bench.base("base")
            let first = try bench.build(
                "--sandbox", "box", "a.def",
                definition: """
                    Bootstrap: localimage
                    From: \(base)
                    %labels
                     L one
                    %help
                     one
                    %environment
                     export A=1
                    %runscript
                     echo run $A$B

                    """)
            #expect(first.isSuccess, "\(first)")
            let definition = """
                Bootstrap: localimage
                From: /nowhere
                Library: other
                %labels
                 L two
                 N two
                %help
                 two
                %environment
                 export B=2
                %post
                 echo post >> /added

                """
            for round in 0...1 {
                let update = try bench.build("--sandbox", "--update", "box", "a.def", definition: definition)
                #expect(update.isSuccess, "\(update)")
                #expect(update.standardError.contains("Building into existing container: \(bench.directory)/box"))
                #expect(update.standardError.contains("Label: L already exists and force option is false"))
                #expect(update.standardError.contains("Help message already exists and force option is false"))
                let history = bench.directory + "/box/.singularity.d/bootstrap_history"
                let names = try FileManager.default.contentsOfDirectory(atPath: history).sorted()
                #expect(names == (0...round).map { "Apptainer\($0)" })
            }
            #expect(bench.text("box/added") == "post\npost\n")
            #expect(bench.text("box/.singularity.d/runscript.help") == " one\n\n")
            let labels = bench.text("box/.singularity.d/labels.json")
            #expect(labels.contains("\"L\": \"one\"") && labels.contains("\"N\": \"two\""))
            #expect(!labels.contains("deffile.library"))
            #expect(bench.text("box/.singularity.d/bootstrap_history/Apptainer0").contains("%runscript"))
            let run = try skiff("run", bench.directory + "/box", as: profile)
            #expect(run.line == "run 12", "\(run)")
        }

        @Test(arguments: Profile.allCases) func refusesUpdatesOfAnythingElse(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            try bench.write("file", "")
            for (words, text) in [
                (["--update", "file"], "only sandbox update is supported: --sandbox flag is missing"),
                (
                    ["--update", "--sandbox", "file"],
                    "only sandbox update is supported: \(bench.directory)/file is not"
                ),
                (["--update", "--sandbox", "none"], "could not update sandbox \(bench.directory)/none: doesn't exist"),
            ] {
                try bench.write("a.def", "Bootstrap: scratch\n")
                let outcome = try skiffCommand(["build"] + words + ["a.def"], as: profile) {
                    $0.directory = bench.directory
                }.run()
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("While checking build target: " + text), "\(outcome)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: bench.directory).sorted() == ["a.def", "file"])
        }

        /// A failing update leaves the sandbox as it was, and anything the script made unreadable is gone.
        @Test(arguments: Profile.allCases) func keepsTheSandboxOfAFailingUpdate(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            #expect(try bench.build("--sandbox", "box", try bench.base("base")).isSuccess)
            let outcome = try bench.build(
                "--sandbox", "--update", "box", "a.def",
                definition: "Bootstrap: scratch\n%post\n mkdir -p /shut/in; chmod 0 /shut; rm /etc/issue\n exit 4\n")
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("exit status 4"), "\(outcome)")
            #expect(bench.text("box/etc/issue") == "of the base\n")
            #expect(try FileManager.default.contentsOfDirectory(atPath: bench.directory).sorted() == ["a.def", "box"])
        }

        /// Permissions in layers with which the owner of a sandbox cannot work.
        @Test(arguments: Profile.allCases) func repairsPermissions(profile: Profile) throws {
            if profile == .user { try need(.userNamespaces) }
            let bench = try Bench(profile)
            defer { bench.remove() }
            let linux = try Images.shared.get().directory
            let copied = try Command(["/bin/cp", "-r", linux, bench.directory + "/linux"], as: profile).run()
            #expect(copied.isSuccess, "\(copied)")
            try bench.write(
                "Dockerfile",
                """
                FROM scratch
                COPY linux/ /
                RUN mkdir -p /shut/in && echo x > /shut/in/file && chmod 0050 /shut/in/file && chmod 0555 /shut/in /shut

                """)
            func mode(_ path: String) throws -> mode_t { try status(bench.directory + path, follow: false).permissions }
            let plain = try bench.build("--ignore-subuid", "--sandbox", "plain", "Dockerfile")
            #expect(plain.isSuccess, "\(plain)")
            #expect(try mode("/plain/shut") == 0o555 && mode("/plain/shut/in/file") == 0o050)
            let warning = "The sandbox contains files or directories that cannot be removed with 'rm'."
            #expect(plain.standardError.contains(warning) == (profile == .user), "\(plain)")
            let fixed = try bench.build("--ignore-subuid", "--sandbox", "--fix-perms", "fixed", "Dockerfile")
            #expect(fixed.isSuccess && !fixed.standardError.contains(warning), "\(fixed)")
            #expect(try mode("/fixed/shut") == 0o755 && mode("/fixed/shut/in") == 0o755)
            #expect(try mode("/fixed/shut/in/file") == 0o650)
        }

        @Test(.needs(.mksquashfs), arguments: Profile.allCases) func buildsDataImages(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            let source = try bench.base("src")
            let squash = try Command(
                ["/usr/bin/mksquashfs", source, bench.directory + "/data.squashfs", "-no-progress", "-quiet"],
                as: profile
            ).run()
            #expect(squash.isSuccess, "\(squash)")
            let outcome = try bench.build("--data", "data.sif", "data.squashfs")
            #expect(outcome.isSuccess, "\(outcome)")
            let list = try skiff("sif", "list", bench.directory + "/data.sif", as: profile)
            #expect(list.standardOutput.contains("FS (Squashfs/Data/"), "\(list)")
            let labels = try skiff("inspect", bench.directory + "/data.sif", as: profile)
            #expect(labels.standardOutput.contains("deffile.from: data.squashfs"), "\(labels)")
            let refused = try bench.build("--data", "other.sif", try bench.base("base"))
            #expect(refused.end == .exited(255) && refused.standardError.contains("it is no squashfs file"))
        }

        /// The same source and definition give the same bytes.
        @Test(arguments: Profile.allCases) func reproduces(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            let definition = """
                Bootstrap: localimage
                From: first.sif
                %post
                 echo made > /made
                %labels
                 a b

                """
            let base = try bench.build("first.sif", try bench.base("base"))
            #expect(base.isSuccess, "\(base)")
            var images: [[UInt8]] = []
            for name in ["one.sif", "two.sif"] {
                let outcome = try bench.build("--reproducible", name, "a.def", definition: definition)
                #expect(outcome.isSuccess, "\(outcome)")
                images.append(try readFile(bench.directory + "/" + name))
            }
            #expect(images[0] == images[1])
            // A SIF without identifier and times.
            let header = try skiff("sif", "header", bench.directory + "/one.sif", as: profile)
            #expect(header.isSuccess && !header.standardOutput.contains("Created At"), "\(header)")
        }

        @Test(arguments: Profile.allCases) func startsFromAnExt3Image(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            let file = bench.directory + "/base.img"
            let make = "truncate -s 16M \(file) && /sbin/mke2fs -q -t ext3 -d \(try bench.base("base")) \(file)"
            let made = try Command(["/bin/sh", "-c", make], as: profile).run()
            #expect(made.isSuccess, "\(made)")
            let outcome = try bench.build(
                "--sandbox", "box", "a.def",
                definition: "Bootstrap: localimage\nFrom: base.img\n%post\n cat /etc/issue\n")
            #expect(outcome.isSuccess && outcome.standardOutput == "of the base\n", "\(outcome)")
            #expect((try? status(bench.directory + "/box/lost+found")) == nil)
        }

        /// An image built through sudo belongs to the caller of sudo.
        @Test func givesTheImageToTheCallerOfSudo() throws {
            let bench = try Bench(.root)
            defer { bench.remove() }
            let outcome = try bench.build("a.sif", "a.def", definition: "Bootstrap: scratch\n") {
                $0.environment["SUDO_UID"] = "1234"
                $0.environment["SUDO_GID"] = "1235"
            }
            #expect(outcome.isSuccess, "\(outcome)")
            let found = try status(bench.directory + "/a.sif")
            #expect(found.uid == 1234 && found.gid == 1235)
        }

        /// Variables reach the scripts of a build as they reach a launch.
        @Test(arguments: Profile.allCases) func takesBindsFromTheEnvironment(profile: Profile) throws {
            let bench = try Bench(profile)
            defer { bench.remove() }
            let source = try bench.base("src")
            let outcome = try bench.build(
                "--sandbox", "box", "a.def",
                definition: "Bootstrap: localimage\nFrom: \(try bench.base("base"))\n%post\n cat /mnt/a.txt; echo $X\n"
            ) {
                $0.environment["APPTAINER_BIND"] = source + ":/mnt"
                $0.environment["APPTAINERENV_X"] = "given"
                $0.environment["X"] = "not"
            }
            #expect(outcome.isSuccess && outcome.standardOutput == "alpha\ngiven\n", "\(outcome)")
        }
    }
}
