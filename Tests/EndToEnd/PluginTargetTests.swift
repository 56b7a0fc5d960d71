import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.build-target/1`: files of other kinds that `skiff build` writes, by a plugin in C.
    @Suite(.cleanHost) struct PluginTargets {
        private static let deeds = ["declines", "withdraws", "nothing", "silent", "fails", "exits", "crashes", "hangs"]

        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("targets")
            func add(_ id: String, _ ends: String, _ deed: String) throws {
                try installation.add(
                    id, from: "build-target.c",
                    manifest: "targets = \(ends)\nextensions = skiff.build-target/1\ndraft-ok = yes",
                    ["-DDEED=\"\(deed)\""])
            }
            try add("org.test.box", ".box, .tar.box", "")
            for deed in deeds { try add("org.test.\(deed)", ".\(deed)", deed) }
            // Of two plugins with one end the first declines.
            try add("org.test.a-declines", ".shared", "declines")
            try add("org.test.b-box", ".shared", "")
            return installation
        }

        /// A directory of the profile, in which the command works.
        private struct Place {
            let profile: Profile
            let folder: String

            init(_ profile: Profile) throws {
                try need(profile)
                if profile == .user { try need(.userNamespaces) }
                (self.profile, folder) = (profile, try WorkDirectory.make(for: profile))
            }

            func build(_ words: [String], _ variables: [String: String] = [:]) throws -> Outcome {
                let program = try installation.get().program
                return try skiffCommand(["build"] + words, as: profile) { command in
                    command.words[0] = program
                    command.directory = folder
                    command.environment.merge(variables) { $1 }
                }.run()
            }

            func succeed(_ words: [String]) throws {
                let built = try build(words)
                #expect(built.isSuccess, "\(built)")
            }

            /// Also those that begin with a dot.
            var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? [] }
        }

        @Test(arguments: Profile.allCases) func aPluginWritesTheTarget(profile: Profile) throws {
            let place = try Place(profile)
            let tree = try Images.shared.get().directory
            for (index, target) in ["image.box", "image.tar.box", "image.shared"].enumerated() {
                let built = try place.build([target, tree])
                #expect(built.isSuccess && !built.standardOutput.contains("printed"), "\(built)")
                let bytes = try readFile("\(place.folder)/\(target)")
                let line = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self).split(separator: " ")
                try #require(line.count == 5 && line[0] == "boxed" && line[2].hasPrefix("sha256:"), "\(line)")
                #expect(line[3] == "1" && Array(bytes.drop { $0 != 0x0A }.dropFirst().prefix(4)) == Array("hsqs".utf8))
                #expect(place.names.count == index + 1, "\(place.names)")
                #expect(try status("\(place.folder)/\(target)").mode & 0o7777 == 0o644)
            }
            // The root file system is one, and that of the image; and it is built as any image is.
            try place.succeed(["plain.sif", tree])
            try writeFile(
                place.folder + "/definition",
                Array("Bootstrap: localimage\nFrom: plain.sif\n%post\n echo made >/made\n".utf8), mode: 0o644)
            try place.succeed(["-F", "image.box", "definition"])
            let bytes = try readFile(place.folder + "/image.box")
            try writeFile(place.folder + "/root.squashfs", Array(bytes.drop { $0 != 0x0A }.dropFirst()), mode: 0o644)
            try need(.fuse)
            try need(profile.mounting)
            let ran = try skiffCommand(["exec", place.folder + "/root.squashfs", "cat", "/made"], as: profile).run()
            #expect(ran.isSuccess && ran.line == "made", "\(ran)")
        }

        @Test(arguments: Profile.allCases) func targetsAreNeverHalfWritten(profile: Profile) throws {
            let place = try Place(profile)
            let tree = try Images.shared.get().directory
            for (deed, reason) in [
                ("declines", "no plugin makes such a file"), ("nothing", "org.test.nothing has written nothing"),
                ("withdraws", "org.test.withdraws has declined it, and written to it before"),
                ("silent", "write: it failed without a reason (SKIFF_E_SYSTEM)"), ("fails", "the box is full"),
                ("exits", "write: it ended the process with status 0"), ("crashes", "write: "),
                ("hangs", "it has sent nothing for 1 second"),
            ] {
                for isThere in [false, true] {
                    let target = "image.\(deed)"
                    let old = Array("what was there".utf8)
                    if isThere { try writeFile("\(place.folder)/\(target)", old, mode: 0o666) }
                    let built = try place.build(["-F", target, tree], ["APPTAINER_NETWORK_TIMEOUT": "1"])
                    #expect(built.end == .exited(255) && built.standardError.contains(reason), "\(built)")
                    #expect(built.standardError.contains("org.test.\(deed)"), "\(built)")
                    #expect(place.names == (isThere ? [target] : []), "\(place.names)")
                    if isThere {
                        #expect(try readFile("\(place.folder)/\(target)") == old)
                        try unlink("\(place.folder)/\(target)")
                    }
                }
            }
        }

        /// Other names are images, and so is a sandbox.
        @Test(arguments: Profile.allCases) func otherTargetsAreImages(profile: Profile) throws {
            let place = try Place(profile)
            let tree = try Images.shared.get().directory
            for target in ["image.boxed", "box", "image.sif"] {
                try place.succeed([target, tree])
                #expect(try readFile("\(place.folder)/\(target)").prefix(2) == Array("#!".utf8)[...])
            }
            try place.succeed(["--sandbox", "tree.box", tree])
            #expect(try status(place.folder + "/tree.box").isDirectory)
        }

        @Test(arguments: Profile.allCases) func theCheckerDrivesIt(profile: Profile) throws {
            try need(profile)
            let program = try Self.installation.get().program
            for (id, outcome, isGood) in [
                ("box", "success  hostile-targets\n", true), ("nothing", "and has written nothing", false),
                ("silent", "it gives no reason for an image of 0 bytes", false),
            ] {
                let checked = try skiffCommand(["plugin", "check", "org.test.\(id)"], as: profile) {
                    $0.words[0] = program
                }.run()
                let text = checked.standardOutput + checked.standardError
                #expect(checked.isSuccess == isGood && text.contains(outcome), "\(checked)")
            }
            let shown = try skiffCommand(["plugin", "inspect", "org.test.box"], as: profile) {
                $0.words[0] = program
            }.run()
            #expect(shown.standardOutput.contains("Targets of builds: .box, .tar.box\n"), "\(shown)")
        }
    }
}
