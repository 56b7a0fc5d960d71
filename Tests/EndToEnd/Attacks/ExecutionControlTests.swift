import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The execution control list (Docs/spec/runtime.md §15): what it does not allow does not run, and what is not understood
    /// allows nothing.
    @Suite(.needs(.root, .gpg, .python)) struct ExecutionControl {
        /// An installation with a list of its own, a signed image, and its key among the administrator's.
        private struct Site {
            let prefix: String
            let images: String
            let key: SigningKey
            var list: String { prefix + "/etc/skiff/ecl.toml" }
            var signed: String { images + "/signed.sif" }
            var unsigned: String { images + "/unsigned.sif" }

            init() throws {
                let folder = try WorkDirectory.make(for: .current)
                (prefix, images) = (folder + "/own", folder + "/images")
                try succeed(["/bin/cp", "-a", Stage.shared.get().prefix, prefix])
                try makeDirectory(images, mode: 0o755)
                let base = try readFile(Images.shared.get().sif)
                for path in [images + "/signed.sif", images + "/unsigned.sif"] {
                    try writeFile(path, base, mode: 0o644)
                }
                key = try SigningKey()
                try key.sign(images + "/signed.sif")
                try writeFile(prefix + "/etc/skiff/global-pgp-public", try key.exported(), mode: 0o644)
            }

            func write(_ text: String) throws { try writeFile(list, Array(text.utf8), mode: 0o644) }

            func group(_ mode: String, _ directory: String, _ keys: String...) throws {
                let list = keys.map { "\"\($0)\"" }.joined(separator: ", ")
                try write(
                    """
                    activated = true
                    [[execgroup]]
                    tagname = "t"
                    mode = "\(mode)"
                    dirpath = "\(directory)"
                    keyfp = [\(list)]
                    """)
            }

            func run(_ image: String, as profile: Profile) throws -> Outcome {
                var command = try skiffCommand(["exec", image, "true"], as: profile)
                command.words[0] = prefix + "/bin/skiff"
                return try command.run()
            }
        }

        private func expect(_ outcome: Outcome, refusedFor reason: String?) {
            if let reason {
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            } else {
                #expect(outcome.isSuccess && outcome.standardError.isEmpty, "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func signaturesDecide(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let site = try Site()
            let other = String(repeating: "A", count: 40)
            try site.write("activated = false\n")
            expect(try site.run(site.unsigned, as: profile), refusedFor: nil)
            try site.group("whitelist", site.images, other, site.key.fingerprint.lowercased())
            expect(try site.run(site.signed, as: profile), refusedFor: nil)
            expect(try site.run(site.unsigned, as: profile), refusedFor: "cannot run \(site.unsigned): ")
            try site.group("whitelist", site.images, other)
            expect(try site.run(site.signed, as: profile), refusedFor: "not signed by required entities")
            try site.group("whitestrict", site.images, other, site.key.fingerprint)
            expect(try site.run(site.signed, as: profile), refusedFor: "not signed by all required entities")
            try site.group("blacklist", "", site.key.fingerprint)
            expect(try site.run(site.signed, as: profile), refusedFor: "signed by a forbidden entity")
            try site.group("blacklist", "", other)
            expect(try site.run(site.signed, as: profile), refusedFor: nil)
            expect(try site.run(site.unsigned, as: profile), refusedFor: "cannot run \(site.unsigned): ")
            // A directory that only looks like the one that is meant.
            for directory in [site.images + "/../images/", site.images + "/", site.images] {
                try site.group("whitelist", directory, site.key.fingerprint)
                expect(try site.run(site.signed, as: profile), refusedFor: nil)
            }
            try site.group("whitelist", site.images.uppercased(), site.key.fingerprint)
            expect(try site.run(site.signed, as: profile), refusedFor: "not part of any execgroup")
        }

        @Test(
            .needs(.user, .fuse),
            arguments: [
                "activated = true", "activated = true\n[[execgroup]]\nmode = \"grey\"\n", "activated = true\nmore = 1",
                "activated = true\n[[execgroup]]\nmode = \"whitelist\"\nkeyfp = [\"12\"]", "activated = \"true\"",
                "activated = true\n[[execgroup]\n", "activated = true\n[[execgroup]]\nmode = \"whitelist\"\nkeyfp = []",
                "activated = true\n[[execgroup]]\nmode = \"blacklist\"\ndirpath = \"x\"",
            ])
        func badListsAllowNothing(text: String) throws {
            let site = try Site()
            try site.write(text)
            let outcome = try site.run(site.signed, as: .user)
            #expect(outcome.end == .exited(255) && outcome.standardError.hasPrefix("FATAL:   cannot "), "\(outcome)")
            try Linux.chmod(site.list, 0)
            #expect(try site.run(site.signed, as: .user).end == .exited(255))
        }

        /// A changed image, one with an object behind the signature, and a list that others could have written.
        @Test(.needs(.user, .fuse)) func signaturesAreOfWhatRuns() throws {
            let site = try Site()
            try site.group("whitelist", "", site.key.fingerprint)
            var bytes = try readFile(site.signed)
            bytes[32177] ^= 1
            let changed = site.images + "/changed.sif"
            try writeFile(changed, bytes, mode: 0o644)
            expect(try site.run(changed, as: .user), refusedFor: "cannot run \(changed): ")
            let added = try skiffCommand(
                ["sif", "add", "--datatype", "7", "--groupid", "1", site.signed, "/etc/hostname"], as: .current
            )
            .run()
            #expect(added.isSuccess, "\(added)")
            expect(try site.run(site.signed, as: .user), refusedFor: "cannot run \(site.signed): ")
            try Linux.chmod(site.list, 0o666)
            expect(try site.run(site.signed, as: .root), refusedFor: "cannot trust \(site.list)")
        }
    }
}
