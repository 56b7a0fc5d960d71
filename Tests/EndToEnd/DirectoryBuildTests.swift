import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// A SIF made from a directory alone: it is packed where it lies.
    @Suite(.cleanHost) struct DirectoryBuilds {
        /// A source with much that a copy could get wrong, and an image of it.
        private struct Source {
            let folder: String
            let profile: Profile
            var tree: String { folder + "/tree" }
            var image: String { folder + "/image.sif" }

            init(_ profile: Profile, _ script: String = "true") throws {
                try need(profile)
                if profile == .user { try need(.userNamespaces) }
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                let base = try Images.shared.get().directory
                var make = Command(["/bin/sh", "-ec", "cp -r \(base) tree; cd tree; \(script)"], as: profile)
                make.directory = folder
                let made = try make.run()
                #expect(made.isSuccess, "\(made)")
            }

            func build(_ words: String...) throws -> Outcome {
                try skiffCommand(["build", "-F"] + words, as: profile) { $0.directory = folder }.run()
            }

            /// Returns everything that a change of the tree would change, except access times.
            func state() throws -> String {
                let words = ["/usr/bin/find", tree, "-printf", "%p %i %m %U %G %s %n %T@ %C@\\n"]
                return try Command(words, as: .current).run().standardOutput
            }

            func inside(_ script: String) throws -> String {
                let outcome = try skiff("exec", image, "sh", "-c", script, as: profile)
                #expect(outcome.isSuccess, "\(outcome)")
                return outcome.standardOutput
            }
        }

        @Test(arguments: Profile.allCases) func leavesTheSourceAlone(profile: Profile) throws {
            let source = try Source(
                profile,
                """
                rm -rf .singularity.d etc/resolv.conf environment; echo one > first; ln first second; touch -d @1000 first
                ln -s ../run/nowhere/resolv.conf etc/resolv.conf; ln -s first third; mkfifo pipe
                echo secret > shut; chmod 0 shut; mkdir -m 2750 group; truncate -s 1M hole; echo ä > "$(printf 'n\\344me')"
                """)
            let before = try source.state()
            let outcome = try source.build("image.sif", "tree")
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try source.state() == before)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: source.folder).sorted() == ["image.sif", "tree"])
            let told = try source.inside(
                """
                cd /; cat second third; stat -c '%h %Y' first; stat -c '%F' pipe; stat -c %a shut group; stat -c %s hole
                test first -ef second && echo same; cat n*me; readlink environment; readlink .run
                test ! -L etc/resolv.conf && test -x .singularity.d/runscript && echo scripts
                """)
            #expect(
                told == """
                    one
                    one
                    2 1000
                    fifo
                    0
                    2750
                    1048576
                    same
                    ä
                    .singularity.d/env/90-environment.sh
                    .singularity.d/actions/run
                    scripts

                    """)
        }

        /// The same as from a definition that says so.
        @Test(arguments: Profile.allCases) func takesWhatADefinitionSays(profile: Profile) throws {
            let source = try Source(profile, "mkdir -p .singularity.d; echo old > .singularity.d/Singularity")
            let text = """
                Bootstrap: localimage
                From: tree
                %environment
                 export A=1
                %runscript
                 echo run $A
                %labels
                 K v
                %help
                 told

                """
            try writeFile(source.folder + "/a.def", Array(text.utf8), mode: 0o644)
            let before = try source.state()
            let outcome = try source.build("image.sif", "a.def")
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try source.state() == before)
            #expect(try skiff("run", source.image, as: profile).line == "run 1")
            #expect(try source.inside("cat /.singularity.d/bootstrap_history/Apptainer0") == "old\n")
            let inspected = try skiff("inspect", "--all", source.image, as: profile)
            #expect(inspected.standardOutput.contains("\"K\": \"v\""), "\(inspected)")
            #expect(inspected.standardOutput.contains("told"), "\(inspected)")
        }

        /// The image is made in the directory that it is made from, and so are the files of the build.
        @Test(arguments: Profile.allCases) func packsADirectoryThatHoldsTheTarget(profile: Profile) throws {
            let source = try Source(profile, "mkdir scratch; echo old > image.sif")
            let outcome = try skiffCommand(["build", "-F", "tree/image.sif", "tree"], as: profile) {
                $0.directory = source.folder
                $0.environment["APPTAINER_TMPDIR"] = source.tree + "/scratch"
            }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            let seen = try skiff(
                "exec", source.tree + "/image.sif", "sh", "-c", "cat /image.sif; ls -A /scratch; ls -A / | grep skiff",
                as: profile)
            #expect(seen.standardOutput == "old\n", "\(seen)")
        }

        @Test(arguments: Profile.allCases) func isReproducible(profile: Profile) throws {
            let source = try Source(profile)
            var images: [[UInt8]] = []
            for name in ["one.sif", "two.sif"] {
                let outcome = try skiffCommand(["build", name, "tree"], as: profile) {
                    $0.directory = source.folder
                    $0.environment["SOURCE_DATE_EPOCH"] = "1500000000"
                }.run()
                #expect(outcome.isSuccess, "\(outcome)")
                images.append(try readFile(source.folder + "/" + name))
            }
            #expect(images[0] == images[1])
        }

        /// Files of other users belong to root in a user's image, as if they had been copied.
        @Test(.needs(.root, .user, .userNamespaces)) func usersOwnNothingOfOthers() throws {
            let source = try Source(.root, "echo x > file; chown 33:44 file; chmod 755 .")
            let folder = try WorkDirectory.make(for: .user)
            try chmod(source.folder, 0o755)
            let outcome = try skiffCommand(["build", folder + "/image.sif", source.tree], as: .user) {
                $0.directory = folder
            }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            let asRoot = try skiff("exec", folder + "/image.sif", "stat", "-c", "%u:%g", "/file", "/", as: .root)
            #expect(asRoot.standardOutput == "0:0\n0:0\n", "\(asRoot)")
            let own = try skiffCommand(["build", source.folder + "/image.sif", source.tree], as: .root).run()
            #expect(own.isSuccess, "\(own)")
            let kept = try skiff("exec", source.image, "stat", "-c", "%u:%g", "/file", as: .root)
            #expect(kept.standardOutput == "33:44\n", "\(kept)")
        }

        @Test(.needs(.root, .user, .userNamespaces)) func saysWhichFileCannotBeRead() throws {
            let source = try Source(.root, "echo x > locked; chmod 600 locked; chmod 755 .")
            try chmod(source.folder, 0o755)
            let folder = try WorkDirectory.make(for: .user)
            let outcome = try skiffCommand(["build", folder + "/image.sif", source.tree], as: .user) {
                $0.directory = folder
            }.run()
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(
                outcome.standardError.contains(
                    "cannot open /locked: permission denied. Build as root to pack the files of others"), "\(outcome)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        }
    }
}
