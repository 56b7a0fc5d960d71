import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The same image files under skiff and under the real Apptainer.
    ///
    /// SKIFF_APPTAINER holds a command that runs Apptainer as an ordinary user and sees /tmp, in words separated by
    /// blanks. Usual machines do not have it: without it these tests are skipped as `peer`.
    @Suite struct Peer {
        private static let uses = [
            ["exec", "IMAGE", "/bin/sh", "-c", "echo $FOO $APPTAINER_NAME $SINGULARITY_COMMAND; exit 7"],
            ["exec", "IMAGE", "no-such-command"],
            ["exec", "--containall", "IMAGE", "/bin/sh", "-c", "pwd; ls /dev /tmp"],
            ["exec", "--cleanenv", "--env", "A=b c", "IMAGE", "/bin/sh", "-c", "echo $A"],
            ["exec", "-B", "/etc:/mnt/etc:ro", "IMAGE", "/bin/sh", "-c", "cd /mnt/etc && touch x"],
            ["exec", "--writable-tmpfs", "IMAGE", "/bin/sh", "-c", "echo w >/bin/new && cat /bin/new"],
            ["exec", "--scratch", "relative", "IMAGE", "/bin/true"],
            ["exec", "--home", "relative", "IMAGE", "/bin/true"],
            ["exec", "--home", "/tmp:relative", "IMAGE", "/bin/true"],
            ["exec", "--no-home", "--home", "relative", "IMAGE", "/bin/sh", "-c", "echo $HOME"],
            ["run", "IMAGE", "one", "two words"], ["run", "--app", "hello", "IMAGE"], ["test", "IMAGE"],
            ["inspect", "IMAGE"], ["inspect", "--json", "IMAGE"], ["inspect", "--json", "--all", "IMAGE"],
            ["inspect", "--deffile", "IMAGE"], ["inspect", "--list-apps", "IMAGE"], ["run-help", "IMAGE"],
            ["sif", "list", "IMAGE"], ["sif", "header", "IMAGE"], ["sif", "info", "1", "IMAGE"],
        ]

        private static let definition = """
            Bootstrap: localimage
            From: ROOT
            %environment
              export FOO=bar
            %post
              echo made >/made
            %runscript
              echo "run $# $1 $2 $FOO"; cat /made; exit 5
            %startscript
              exec sleep 1000
            %test
              test -e /made && echo tested; exit 3
            %labels
              Author Tester <t@example.org> & "quoted"
            %help
              Help with é, <b> & two
              lines.
            %apprun hello
              echo hello app "$SCIF_APPNAME"
            %apphelp hello
              Help of the application.
            """

        /// Makes a directory in which everybody may write, with the definition and a copy of the small Linux.
        private func place() throws -> (folder: String, definition: String) {
            let root = try Images.shared.get().directory
            let folder = try WorkDirectory.make(for: .current)
            try Linux.chmod(folder, 0o777)
            let text = Self.definition.replacingOccurrences(of: "ROOT", with: root)
            try writeFile(folder + "/image.def", Array(text.utf8), mode: 0o644)
            return (folder, folder + "/image.def")
        }

        private func apptainer(_ words: [String], in folder: String = "/tmp") throws -> Outcome {
            let prefix = environmentValue("SKIFF_APPTAINER")?.split(separator: " ").map(String.init) ?? []
            var command = Command(["/usr/bin/env"] + prefix + words, as: .current)
            command.seconds = 60
            return try command.run()
        }

        /// - Parameter hasTest: false for an image without a test, about which versions of Apptainer differ.
        private func compare(_ image: String, hasTest: Bool = true) throws {
            for use in Self.uses where hasTest || use[0] != "test" {
                let words = use.map { $0 == "IMAGE" ? image : $0 }
                let theirs = try apptainer(words)
                let ours = try skiffCommand(words, as: .user) {
                    $0.words[0] = lastSlashReplaced($0.words[0])
                    $0.directory = "/tmp"
                }.run()
                #expect(ours.end == theirs.end, "\(ours)\n\(theirs)")
                #expect(ours.standardOutput == theirs.standardOutput, "\(ours)\n\(theirs)")
            }
        }

        /// Returns the program by the peer's name.
        private func lastSlashReplaced(_ program: String) -> String {
            program.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/apptainer"
        }

        @Test(.needs(.peer, .user, .fuse), arguments: Profile.allCases) func sifOfSkiff(profile: Profile) throws {
            try need(profile)
            let place = try place()
            let image = place.folder + "/ours.sif"
            let built = try skiff("build", "--notest", image, place.definition, as: profile)
            try #require(built.isSuccess, "\(built)")
            try compare(image)
            let plain = place.folder + "/ours-plain.sif"
            try #require(try skiff("build", plain, Images.shared.get().directory, as: profile).isSuccess)
            try compare(plain, hasTest: false)
        }

        @Test(.needs(.peer, .user, .fuse)) func sifOfApptainer() throws {
            let place = try place()
            let image = place.folder + "/theirs.sif"
            let built = try apptainer(["build", "--notest", image, place.definition])
            try #require(built.isSuccess, "\(built)")
            try compare(image)
            let plain = place.folder + "/theirs-plain.sif"
            try #require(try apptainer(["build", plain, Images.shared.get().directory]).isSuccess)
            try compare(plain, hasTest: false)
        }

        @Test(.needs(.peer)) func sifCommands() throws {
            let prefix = environmentValue("SKIFF_APPTAINER") ?? ""
            let place = try place()
            var command = Command(
                [Stage.repository + "/Tests/Peers/compare-sif", try Stage.shared.get().program + " sif"], as: .current)
            command.environment["SKIFF_PEER"] = prefix
            command.environment["SKIFF_PEER_DIR"] = place.folder
            command.seconds = 120
            let outcome = try command.run()
            #expect(outcome.isSuccess && outcome.line.hasSuffix("made and described alike"), "\(outcome)")
        }
    }
}
