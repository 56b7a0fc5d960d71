import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `sif keys` and `sif rekey`: other keys for the same data.
    @Suite(.cleanHost, .needs(.openssl, .cryptsetup)) struct Rekeying {
        typealias Place = EncryptedBuilds.Place

        private func place(_ profile: Profile) throws -> Place {
            let place = try Place(profile)
            let built = try place.build(["--encrypt"], Place.passphrase)
            #expect(built.isSuccess, "\(built)")
            return place
        }

        private func rekey(_ place: Place, _ flags: [String], _ variables: [String: String] = Place.passphrase) throws
            -> Outcome
        {
            try place.skiff(["sif", "rekey"] + flags + ["image.sif"], variables)
        }

        /// The digest of what is encrypted.
        private func data(_ place: Place) throws -> String {
            try place.run("tail -c +16777217 \(place.partition()) | sha256sum")
        }

        @Test(arguments: Profile.allCases) func replacesTheKey(profile: Profile) throws {
            let place = try place(profile)
            let before = try data(place)
            let outcome = try rekey(place, ["--new-key-command", "echo new"])
            #expect(outcome.isSuccess && outcome.standardError.contains("it opens with 1 key now"), "\(outcome)")
            #expect(try data(place) == before)
            #expect(try place.opens("new") && !place.opens("a passphrase"))
            let keys = try place.skiff(["sif", "keys", "image.sif"])
            #expect(keys.standardOutput.contains("Key slot 1:  argon2id, 128 MiB, 4 passes"), "\(keys)")
            #expect(keys.standardOutput.contains("aes-xts-plain64, 512 bits, sectors of 512 bytes"), "\(keys)")
        }

        /// Several recipients, one of whom goes.
        @Test(.needs(.fuse), arguments: Profile.allCases) func recipients(profile: Profile) throws {
            let place = try place(profile)
            for name in ["public", "other-public"] {
                let added = try rekey(place, ["--add", "--new-pem-path", name])
                #expect(added.isSuccess, "\(added)")
            }
            func opens(_ key: String) throws -> Bool {
                try place.skiff(["exec", "--pem-path", key, "image.sif", "true"]).isSuccess
            }
            #expect(try opens("key") && opens("other"))
            let list = try place.skiff(["sif", "keys", "image.sif"]).standardOutput
            #expect(list.contains("wraps key slot 1") && list.contains("wraps key slot 2"), "\(list)")
            let removed = try rekey(place, ["--remove", "1"])
            #expect(removed.isSuccess, "\(removed)")
            #expect(try !opens("key") && opens("other"))
            #expect(try !place.skiff(["sif", "keys", "image.sif"]).standardOutput.contains("wraps key slot 1"))
            // The owner of a private key changes to a passphrase: the object with the wrapped secret goes, too.
            let changed = try rekey(place, ["--pem-path", "other", "--new-key-command", "echo third"], [:])
            #expect(changed.isSuccess, "\(changed)")
            #expect(try !place.skiff(["sif", "list", "image.sif"]).standardOutput.contains("Cryptographic"))
            _ = try place.partition()
            #expect(try place.opens("third") && place.opens("a passphrase"))
        }

        @Test(arguments: Profile.allCases) func bad(profile: Profile) throws {
            let place = try place(profile)
            let before = try place.run("sha256sum image.sif")
            for (flags, variables, words) in [
                (["--new-key-command", "echo new"], [:], "there is no key that opens it"),
                ([], Place.passphrase, "there is no new key"),
                (
                    ["--new-key-command", "echo x"], ["APPTAINER_ENCRYPTION_PASSPHRASE": "wrong"],
                    "the passphrase or key is wrong"
                ),
                (["--remove", "0"], Place.passphrase, "it is the one that the given key opens"),
                (["--remove", "5"], Place.passphrase, "there is none"),
                (["--remove", "x"], Place.passphrase, "sif keys"),
                (["--remove", "0", "--add"], Place.passphrase, "--add together with --remove"),
                (
                    ["--remove", "0", "--new-key-command", "echo x"], Place.passphrase,
                    "--new-key-command together with --remove"
                ),
                (["--pem-path", "key", "--new-key-command", "echo x"], [:], "the passphrase or key is wrong"),
                (["--new-pem-path", "key"], Place.passphrase, "it is a private key"),
            ] as [([String], [String: String], String)] {
                let outcome = try rekey(place, flags, variables)
                #expect(!outcome.isSuccess && outcome.standardError.contains(words), "\(outcome)")
            }
            #expect(try place.run("sha256sum image.sif") == before)
            try place.run("cp -r tree plain")
            #expect(try place.skiff(["build", "plain.sif", "plain"]).isSuccess)
            let plain = try place.skiff(["sif", "keys", "plain.sif"])
            #expect(!plain.isSuccess && plain.standardError.contains("it is not encrypted"), "\(plain)")
        }

        /// Killed at random moments, it leaves an image that opens with the old key or the new one.
        @Test(arguments: Profile.allCases) func survivesBeingKilled(profile: Profile) throws {
            let place = try place(profile)
            let rounds = environmentValue("SKIFF_TEST_KILLS").flatMap { Int($0) } ?? 6
            var (old, data) = ("a passphrase", try data(place))
            for round in 0..<rounds {
                let words = ["sif", "rekey", "--new-key-command", "echo new\(round)", "image.sif"]
                let running = try skiffCommand(words, as: profile) { command in
                    command.directory = place.folder
                    command.environment["APPTAINER_ENCRYPTION_PASSPHRASE"] = old
                }.start()
                usleep(useconds_t.random(in: 0..<1_500_000))
                for process in ProcessTable.current() where process.session == running.pid {
                    kill(process.pid, SIGKILL)
                }
                _ = try running.wait(seconds: 10)
                #expect(try self.data(place) == data)
                let (opensOld, opensNew) = (try place.opens(old), try place.opens("new\(round)"))
                #expect(opensOld || opensNew, "round \(round)")
                if !opensOld { old = "new\(round)" }
                data = try self.data(place)
            }
            let last = try rekey(place, ["--new-key-command", "echo last"], ["APPTAINER_ENCRYPTION_PASSPHRASE": old])
            #expect(last.isSuccess, "\(last)")
            _ = try place.partition()
            #expect(try place.opens("last"))
        }
    }
}
