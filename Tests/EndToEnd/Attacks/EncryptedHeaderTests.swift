import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// LUKS2 headers that were made to harm, and keys that cannot be kept.
    @Suite(.cleanHost) struct EncryptedHeaders {
        private func exec(_ image: String, as profile: Profile, change: (inout Command) -> Void = { _ in }) throws
            -> Outcome
        {
            try need(profile)
            try need(.fuse)
            return try skiffCommand(
                [
                    "-q", "exec", "--bind", "\(try Stage.shared.get().prefix)/libexec/skiff:/tools", image, "/tools/sh",
                    "-c", "read line </hello.txt; echo $line",
                ], as: profile
            ) {
                $0.environment["APPTAINER_ENCRYPTION_PASSPHRASE"] = EncryptedImages.passphrase
                change(&$0)
            }.run()
        }

        private static let slot = #""offset":"290816","size":"258048""#

        /// A header whose checksum is right and whose values are not is refused with the reason, at once and by both who decrypt.
        @Test(
            arguments: Profile.allCases,
            [
                // 4 TiB in both slots.
                (
                    #""memory":32768"#, #""memory":4294967296"#,
                    "argon2id with 4294967296 KiB of memory, and 1048576 KiB (1 GiB) is the most"
                ),
                (#""time":4"#, #""time":4294967295"#, "argon2id with 4294967295 passes over 32768 KiB"),
                (#""cpus":1"#, #""cpus":16777215"#, "derives its key in an unknown way"),
                (Self.slot, #""offset":"32768","size":"258048""#, "its key slots 0 and 1 overlap"),
                (Self.slot, #""offset":"18446744073709551104","size":"258048""#, "lies outside of the room for keys"),
                (#""offset":"16777216""#, #""offset":"32768""#, "lies outside of the room for keys"),
                (#""offset":"16777216""#, #""offset":"9223372036854775808""#, "it is cut off"),
                (#""segments":{"#, #""segments":{"1":{"type":"linear"},"#, "it has not one segment"),
                (#""sector_size":512"#, #""sector_size":3"#, "its sectors have no size that there is"),
                (
                    #""aes-xts-plain64","sector_size""#, #""cipher_null-ecb","sector_size""#,
                    "its cipher is cipher_null-ecb"
                ),
                (#"{"keyslots""#, String(repeating: "[", count: 8000) + #"{"keyslots""#, "nested too deep"),
                (#"{"keyslots""#, String(repeating: #"{"a":"#, count: 1500) + #"{"keyslots""#, "nested too deep"),
            ])
        func areRefused(profile: Profile, change: (String, String, String)) throws {
            let (from, to, reason) = change
            let image = try WorkDirectory.make(for: profile) + "/image.sif"
            try EncryptedImages.shared.get().writeLUKS(to: image) { json in
                let changed = json.replacing(from, with: to)
                try #require(changed != json, "\(from) is not in \(json)")
                return changed
            }
            let outcome = try exec(image, as: profile)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            let listed = try skiffCommand(["sif", "keys", image], as: profile).run()
            #expect(!listed.isSuccess && listed.standardError.contains(reason), "\(listed)")
        }

        /// The same way of making an image makes one that opens.
        @Test(arguments: Profile.allCases) func anUnchangedOneOpens(profile: Profile) throws {
            let image = try WorkDirectory.make(for: profile) + "/image.sif"
            try EncryptedImages.shared.get().writeLUKS(to: image) { $0 }
            let outcome = try exec(image, as: profile)
            #expect(outcome.isSuccess && outcome.line == "hello skiff", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func volumesThatAreCutOff(profile: Profile) throws {
            let image = try WorkDirectory.make(for: profile) + "/image.sif"
            // In the header, in the key slots, in the data: the table of objects says that there is more.
            for size in [32768 + 4096, 32768 + 40000, 32768 + (16 << 20)] {
                try EncryptedImages.shared.get().writeLUKS(to: image) { $0 }
                try shell("truncate -s \(size) '\(image)'")
                let outcome = try exec(image, as: profile)
                #expect(outcome.end == .exited(255) && outcome.standardError.contains("FATAL"), "\(size): \(outcome)")
            }
        }

        /// A key never lies in memory that could be swapped out.
        @Test(arguments: Profile.allCases) func keysThatCannotBeLocked(profile: Profile) throws {
            let image = try EncryptedImages.shared.get().luks
            let outcome = try exec(image, as: profile) { command in
                command.words = ["/bin/sh", "-c", "ulimit -l 0; exec \"$@\"", "sh"] + command.words
            }
            if profile == .root {
                // Whom no limit binds.
                #expect(outcome.isSuccess && outcome.line == "hello skiff", "\(outcome)")
            } else {
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("Raise the limit of locked memory: ulimit -l"), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func keyFilesThatEverybodyReads(profile: Profile) throws {
            let images = try EncryptedImages.shared.get()
            let key = try WorkDirectory.make(for: profile) + "/key"
            try need(profile)
            try need(.fuse)
            func warnings() throws -> String {
                let outcome = try skiffCommand(
                    [
                        "exec", "--pem-path", key, "--bind", "\(try Stage.shared.get().prefix)/libexec/skiff:/tools",
                        images.luks, "/tools/sh", "-c", "exit 0",
                    ], as: profile
                ).run()
                #expect(outcome.isSuccess, "\(outcome)")
                return outcome.standardError
            }
            let copied = try Command(["/bin/cp", images.privateKey, key], as: profile).run()
            #expect(copied.isSuccess, "\(copied)")
            for (mode, isOpen) in [(0o600, false), (0o640, false), (0o644, true)] as [(mode_t, Bool)] {
                try chmod(key, mode)
                #expect(try warnings().contains("Everybody can read the private key \(key)") == isOpen)
            }
        }
    }
}
