import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between the bytes of an image and the files of the host, where an image is unpacked.
    @Suite struct UnpackingBoundary {
        /// Names that an image gives to a file with an attacker's content.
        enum Trick: String, CaseIterable, Sendable {
            case parentInName, absoluteName, linkAndFile, linkAndDirectory, directoryTwice

            /// What debugfs does to the image, and the bytes that are changed afterwards.
            var recipe: (commands: [String], old: String, new: String) {
                switch self {
                case .parentInName: ([], "QQQQQQQQQQQQ", "../../victim")
                case .absoluteName: ([], "QQQQQQQQQQQQ", "/tmp/skiff-a")
                case .linkAndFile: (["symlink AAAAAAAAAAAA ../../victim"], "QQQQQQQQQQQQ", "AAAAAAAAAAAA")
                case .linkAndDirectory:
                    (
                        ["symlink AAAAAAAAAAAA ../..", "ln QQQQQQQQQQQQ DDDDDDDDDDDD/victim"], "DDDDDDDDDDDD",
                        "AAAAAAAAAAAA"
                    )
                case .directoryTwice: (["ln DDDDDDDDDDDD DDDDDDDDDDDD/victim"], "", "")
                }
            }

            var reason: String {
                switch self {
                case .parentInName, .absoluteName: "an entry has a name that no file can have"
                case .linkAndFile, .linkAndDirectory: "two files of one directory have this name"
                case .directoryTwice: "a directory is in two places, or contains itself"
                }
            }
        }

        /// All ways in which an image is unpacked.
        enum Way: String, CaseIterable, Sendable {
            case unsquash, unsquashSIF, sandbox, bootstrap
        }

        private func unpack(_ hostile: HostileImage, _ way: Way, type: Int) throws -> Outcome {
            let words: [String]
            switch way {
            case .unsquash: words = ["exec", "--unsquash", hostile.file, "true"]
            case .unsquashSIF: words = ["exec", "--unsquash", "--containall", try hostile.makeSIF(type: type), "true"]
            case .sandbox: words = ["build", "--sandbox", hostile.folder + "/box", hostile.file]
            case .bootstrap:
                let text = "Bootstrap: localimage\nFrom: \(hostile.file)\n"
                try writeFile(hostile.folder + "/a.def", Array(text.utf8), mode: 0o644)
                words = ["build", "--sandbox", hostile.folder + "/box", hostile.folder + "/a.def"]
            }
            return try skiffCommand(words, as: hostile.profile) {
                // So that the names lead to the victim, whatever the way.
                $0.environment["APPTAINER_TMPDIR"] = hostile.folder
                $0.seconds = 60
            }.run()
        }

        private func check(_ hostile: HostileImage, _ outcome: Outcome, _ reason: String) throws {
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(outcome.standardError.contains(reason), "\(outcome)")
            #expect(try readFile(hostile.victim) == Array("before".utf8))
            let left = try FileManager.default.contentsOfDirectory(atPath: hostile.folder)
            #expect(Set(left).isSubset(of: ["victim", "image", "image.sif", "tree", "script", "a.def"]), "\(left)")
        }

        @Test(arguments: Profile.allCases, Way.allCases) func ext3WritesNothingOutside(profile: Profile, way: Way)
            throws
        {
            try need(profile)
            for trick in Trick.allCases {
                let hostile = try HostileImage(profile)
                defer { hostile.remove() }
                let tree = try hostile.tree { tree in
                    try writeFile(tree + "/QQQQQQQQQQQQ", Array("owned".utf8), mode: 0o644)
                    try makeDirectory(tree + "/DDDDDDDDDDDD", mode: 0o755)
                }
                let recipe = trick.recipe
                try hostile.makeExt3(tree, recipe.commands)
                if !recipe.old.isEmpty { try hostile.replace(recipe.old, with: recipe.new) }
                try check(hostile, unpack(hostile, way, type: 2), trick.reason)
                #expect(!isAccessible("/tmp/skiff-a", F_OK))
            }
        }

        /// squashfs cannot express that a directory is in two places, but names can.
        @Test(.needs(.mksquashfs), arguments: Profile.allCases, Way.allCases)
        func squashfsWritesNothingOutside(profile: Profile, way: Way) throws {
            try need(profile)
            for (old, new, reason) in [
                ("QQQQQQQQQQQQ", "../../victim", "a name that no file can have"),
                ("QQQQQQQQQQQQ", "/tmp/skiff-a", "a name that no file can have"),
                ("QQQQQQQQQQQQ", "AAAAAAAAAAAA", "two files of one directory have this name"),
                ("DDDDDDDDDDDD", "BBBBBBBBBBBB", "two files of one directory have this name"),
            ] {
                let hostile = try HostileImage(profile)
                defer { hostile.remove() }
                let tree = try hostile.tree { tree in
                    try makeSymlink("../../victim", at: tree + "/AAAAAAAAAAAA")
                    try makeSymlink("../..", at: tree + "/BBBBBBBBBBBB")
                    try writeFile(tree + "/QQQQQQQQQQQQ", Array("owned".utf8), mode: 0o644)
                    try makeDirectory(tree + "/DDDDDDDDDDDD", mode: 0o755)
                    try writeFile(tree + "/DDDDDDDDDDDD/victim", Array("owned".utf8), mode: 0o644)
                }
                try hostile.makeSquashfs(tree)
                try hostile.replace(old, with: new)
                try check(hostile, unpack(hostile, way, type: 1), reason)
                #expect(!isAccessible("/tmp/skiff-a", F_OK))
            }
        }

        /// The content of an honest image arrives, without the kernel and without another program.
        @Test(arguments: Profile.allCases) func honestExt3Runs(profile: Profile) throws {
            try need(profile)
            let hostile = try HostileImage(profile)
            defer { hostile.remove() }
            try hostile.makeExt3(try hostile.tree { _ in })
            let outcome = try skiffCommand(
                ["exec", "--unsquash", hostile.file, "sh", "-c", "head -n 1 /etc/passwd"], as: profile
            ).run()
            #expect(outcome.isSuccess && outcome.line == "root:x:0:0:root:/root:/bin/sh", "\(outcome)")
        }
    }
}
