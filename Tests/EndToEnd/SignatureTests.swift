import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Signatures of SIF files, made by GnuPG, in every command that uses an image (Docs/spec/signing.md §7).
    @Suite struct Signatures {
        typealias Desk = EndToEnd.Registries.Desk

        /// A user with images, and with a remote on loopback whose key server has no keys yet.
        struct Signed {
            let desk: Desk
            let server: LyingRegistry
            let key: SigningKey

            init(_ profile: Profile) throws {
                try need(profile)
                try need(.gpg, .python)
                let base = try Images.shared.get().sif
                key = try SigningKey()
                server = try LyingRegistry("library", sif: base)
                desk = try Desk(profile)
                try place("unsigned.sif", readFile(base))
                try place("signed.sif", readFile(base))
                try key.sign(desk.folder + "/signed.sif")
                // The second byte of the first object: the definition, which no reader of the root misses.
                var changed = try readFile(desk.folder + "/signed.sif")
                changed[32177] ^= 1
                try place("tampered.sif", changed)
                let added = try desk.run("remote", "add", "--no-login", "--insecure", "office", "http://\(server.host)")
                #expect(added.isSuccess, "\(added)")
            }

            func place(_ name: String, _ bytes: [UInt8]) throws {
                try writeFile(desk.folder + "/" + name, bytes, mode: 0o666)
                try own(name)
            }

            /// The keyring of the user, without which the key is nowhere.
            func keyring(_ keys: SigningKey..., at folder: String = ".apptainer/keys") throws {
                try makeDirectories(desk.folder + "/" + folder, mode: 0o700)
                try own(folder)
                try place(folder + "/pgp-public", keys.flatMap { try $0.exported() })
            }

            private func own(_ name: String) throws {
                guard effectiveUID() == 0, let record = desk.profile.record else { return }
                try chown(desk.folder + "/" + name, record.uid, record.gid)
            }

            /// Puts a key, or bytes that are no key, onto the key server.
            func publish(_ bytes: [UInt8]) throws {
                try makeDirectories(server.folder + "/keys")
                try writeFile(server.folder + "/keys/" + key.search, bytes, mode: 0o644)
            }

            var lookups: [LyingRegistry.Request] { server.requests.filter { $0.path.contains("/pks/lookup") } }

            /// Builds over a target that exists already.
            func build(_ image: String, _ fingerprints: String? = nil, change: (inout Command) -> Void = { _ in })
                throws -> Outcome
            {
                let demand = fingerprints.map { "Fingerprints: \($0)\n" } ?? ""
                try place("a.def", Array("Bootstrap: localimage\nFrom: \(image)\n\(demand)".utf8))
                try place("out.sif", Array("old".utf8))
                let before = desk.files
                let outcome = try desk.run("build", "--force", "out.sif", "a.def", change: change)
                #expect(desk.files == before, "\(outcome)")
                let bytes = try desk.bytes("out.sif")
                #expect(outcome.isSuccess == (bytes != Array("old".utf8)), "\(outcome)")
                return outcome
            }
        }

        private static let refused =
            "FATAL:   While performing build: conveyor failed to get: while checking fingerprint: "
        private static let unknown = "not valid: openpgp: signature made by unknown entity"
        private static let goesOn = "WARNING: Bootstrap image could not be verified, but build will continue.\n"

        @Test(arguments: Profile.allCases) func buildsDemandFingerprints(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            let (key, other) = (signed.key, try SigningKey("Other"))
            try signed.keyring(key, other)
            let nobody = "0123456789ABCDEF0123456789ABCDEF01234567"
            let lower = key.fingerprint.lowercased()
            for (demand, shown) in [
                (key.fingerprint, key.fingerprint), (lower, lower),
                ("  \(lower) ,\(key.fingerprint)  # both cases", "\(lower) \(key.fingerprint)"),
            ] {
                let good = try signed.build("signed.sif", demand)
                #expect(
                    good.isSuccess
                        && good.standardError.contains(
                            "INFO:    Checking bootstrap image verifies with fingerprint(s): [\(shown)]\n"),
                    "\(good)")
                #expect(!good.standardError.contains("WARNING"), "\(good)")
            }
            for demand in [
                nobody, "\(key.fingerprint),\(nobody)", "\(key.fingerprint),\(other.fingerprint)",
                "0x" + key.fingerprint,
                key.fingerprint + ",",
            ] {
                let wrong = try signed.build("signed.sif", demand)
                #expect(
                    wrong.end == .exited(255)
                        && wrong.standardError.contains(Self.refused + "image not signed by required entities\n"),
                    "\(wrong)")
            }
            let unsigned = try signed.build("unsigned.sif", key.fingerprint)
            #expect(
                unsigned.end == .exited(255)
                    && unsigned.standardError.contains(
                        Self.refused + "integrity: signature not found for object group 1\n"),
                "\(unsigned)")
            let tampered = try signed.build("tampered.sif", key.fingerprint)
            #expect(
                tampered.end == .exited(255)
                    && tampered.standardError.contains(
                        Self.refused + "integrity: data object integrity compromised: 1\n"),
                "\(tampered)")
            // Both have signed.
            try other.sign(signed.desk.folder + "/signed.sif")
            let both = try signed.build("signed.sif", "\(other.fingerprint),\(key.fingerprint)")
            #expect(both.isSuccess, "\(both)")
            let three = try signed.build("signed.sif", "\(other.fingerprint),\(key.fingerprint),\(nobody)")
            #expect(three.end == .exited(255), "\(three)")
            #expect(signed.lookups.isEmpty)
        }

        @Test(arguments: Profile.allCases) func buildsWarnOfBadSignatures(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            try signed.keyring(signed.key)
            for (image, name) in [("signed.sif", "signed.sif"), ("unsigned.sif", "unsigned.sif")] {
                let good = try signed.build(image)
                #expect(
                    good.isSuccess && good.standardError.contains("INFO:    Verifying bootstrap image \(name)\n"),
                    "\(good)")
                #expect(!good.standardError.contains("WARNING") && !good.standardError.contains("integrity"), "\(good)")
            }
            // A comment requires nothing.
            #expect(try signed.build("signed.sif", "# of nobody").standardError.contains("INFO:    Verifying"))
            let tampered = try signed.build("tampered.sif")
            #expect(
                tampered.isSuccess
                    && tampered.standardError.contains(
                        "WARNING: integrity: data object integrity compromised: 1\n" + Self.goesOn),
                "\(tampered)")
            let direct = try signed.desk.run("build", "direct.sif", "tampered.sif")
            #expect(direct.isSuccess && direct.standardError.contains(Self.goesOn), "\(direct)")
            try signed.keyring()
            let unknown = try signed.build("signed.sif")
            #expect(
                unknown.isSuccess
                    && unknown.standardError.contains("WARNING: failed to get key material: 404 Not Found"),
                "\(unknown)")
            #expect(unknown.standardError.contains(Self.unknown + "\n" + Self.goesOn), "\(unknown)")
        }

        /// Keys may be revoked or removed: the result of an earlier build does not count as a check.
        @Test(arguments: Profile.allCases) func keptResultsAreCheckedAgain(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            try signed.keyring(signed.key)
            for _ in 1...2 {
                let good = try signed.build("signed.sif", signed.key.fingerprint)
                #expect(good.isSuccess && good.standardError.contains("Checking bootstrap image"), "\(good)")
                // Once, not for each part that asks.
                #expect(good.standardError.components(separatedBy: "Checking bootstrap image").count == 2, "\(good)")
            }
            try signed.keyring()
            let gone = try signed.build("signed.sif", signed.key.fingerprint)
            #expect(gone.end == .exited(255) && gone.standardError.contains(Self.unknown), "\(gone)")
        }

        @Test func everyStageIsChecked() throws {
            let signed = try Signed(.current)
            defer { signed.desk.remove() }
            try signed.keyring(signed.key)
            let nobody = "0123456789ABCDEF0123456789ABCDEF01234567"
            let stages = { (first: String, second: String) in
                Array(
                    ("Bootstrap: localimage\nFrom: signed.sif\nStage: one\nFingerprints: \(first)\n\n"
                        + "Bootstrap: localimage\nFrom: signed.sif\nFingerprints: \(second)\n").utf8)
            }
            for (first, second, isGood) in [
                (signed.key.fingerprint, signed.key.fingerprint, true), (nobody, signed.key.fingerprint, false),
                (signed.key.fingerprint, nobody, false),
            ] {
                try signed.place("two.def", stages(first, second))
                let outcome = try signed.desk.run("build", "--force", "two.sif", "two.def")
                #expect(outcome.isSuccess == isGood && signed.desk.exists("two.sif") == isGood, "\(outcome)")
                try? unlink(signed.desk.folder + "/two.sif")
            }
        }

        @Test func onlySIFFilesHaveSignatures() throws {
            let signed = try Signed(.current)
            defer { signed.desk.remove() }
            let outcome = try signed.build(try Images.shared.get().directory, signed.key.fingerprint)
            let warning = "WARNING: Ignoring Fingerprints: "
            #expect(outcome.isSuccess && outcome.standardError.contains(warning), "\(outcome)")
            #expect(outcome.standardError.components(separatedBy: warning).count == 2, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func keyringsLieWhereTheyAreSaidToLie(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            let folder = signed.desk.folder
            try signed.keyring(signed.key, at: "elsewhere")
            for name in ["APPTAINER_KEYSDIR", "SINGULARITY_SYPGPDIR", "SKIFF_KEYSDIR"] {
                let good = try signed.build("signed.sif", signed.key.fingerprint) {
                    $0.environment[name] = folder + "/elsewhere"
                }
                #expect(good.isSuccess, "\(name): \(good)")
            }
            // Ours goes before the others.
            let preferred = try signed.build("signed.sif", signed.key.fingerprint) {
                $0.environment["SKIFF_KEYSDIR"] = "/nonexistent"
                $0.environment["APPTAINER_KEYSDIR"] = folder + "/elsewhere"
            }
            #expect(preferred.end == .exited(255), "\(preferred)")
            // A file that holds no keys is reported, not passed over.
            try signed.place("elsewhere/pgp-public", Array("hello".utf8))
            let broken = try signed.build("signed.sif", signed.key.fingerprint) {
                $0.environment["APPTAINER_KEYSDIR"] = folder + "/elsewhere"
            }
            #expect(
                broken.end == .exited(255)
                    && broken.standardError.contains(
                        Self.refused + "cannot read keyring \(folder)/elsewhere/pgp-public: it holds no OpenPGP keys\n"),
                "\(broken)")
        }

        @Test(arguments: Profile.allCases) func keysOfTheAdministratorCount(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            let path = try Stage.shared.get().prefix + "/etc/skiff/global-pgp-public"
            try writeFile(path, signed.key.exported(), mode: 0o644)
            defer { try? unlink(path) }
            let good = try signed.build("signed.sif", signed.key.fingerprint)
            #expect(good.isSuccess && signed.lookups.isEmpty, "\(good)")
        }

        @Test(arguments: Profile.allCases) func keyServersAreAskedForWhatNobodyHas(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            let fingerprint = signed.key.fingerprint
            try signed.publish(signed.key.armored())
            #expect(try signed.desk.run("remote", "login", "-p", "good").isSuccess)
            let good = try signed.build("signed.sif", fingerprint)
            #expect(good.isSuccess, "\(good)")
            #expect(
                signed.lookups.map(\.path) == ["/keys/pks/lookup?exact=on&op=get&search=\(signed.key.search)"],
                "\(signed.lookups)")
            // The remote's own server gets its token.
            #expect(signed.lookups.map(\.authorization) == ["Bearer good"])
            // Nothing is asked for an image without signatures, and no answer is kept.
            #expect(try signed.build("unsigned.sif").isSuccess && signed.lookups.count == 1)
            #expect(!signed.desk.exists(".apptainer/keys"))
            // The key of somebody else, and bytes that are no key.
            for wrong in [try SigningKey("Other").armored(), Array("<html>hello</html>".utf8), []] {
                try signed.publish(wrong)
                let outcome = try signed.build("signed.sif", fingerprint)
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(Self.unknown), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func keyServersMayBeDown(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            try signed.publish(signed.key.armored())
            let open = "http://\(signed.server.host)/keys"
            let logins = "Credentials:\n- URI: \(open)\n  Auth: Basic YTpi\n  Insecure: true\n"
            func use(_ servers: String...) throws {
                let list = servers.map { "    - URI: \($0)\n      External: true\n      Insecure: true\n" }.joined()
                try signed.place(
                    ".apptainer/remote.yaml",
                    Array("Active: a\nRemotes:\n  a:\n    URI: a.invalid\n    Keyservers:\n\(list)\(logins)".utf8))
            }
            let closed = "http://127.0.0.1:1"
            try use(closed)
            let down = try signed.build("signed.sif", signed.key.fingerprint)
            #expect(
                down.end == .exited(255)
                    && down.standardError.contains("WARNING: failed to get key material: cannot ask keyserver"),
                "\(down)")
            #expect(down.standardError.contains(Self.refused) && down.standardError.contains(Self.unknown), "\(down)")
            let warned = try signed.build("signed.sif")
            #expect(warned.isSuccess && warned.standardError.contains(Self.goesOn), "\(warned)")
            // The next one answers.
            try use(closed, open)
            let second = try signed.build("signed.sif", signed.key.fingerprint)
            #expect(second.isSuccess && !second.standardError.contains("WARNING"), "\(second)")
            #expect(signed.lookups.map(\.authorization) == ["Basic YTpi"])
        }

        @Test(arguments: Profile.allCases) func librariesGetAndGiveSignedImages(profile: Profile) throws {
            let signed = try Signed(profile)
            defer { signed.desk.remove() }
            let desk = signed.desk
            #expect(try desk.run("remote", "login", "-p", "good").isSuccess)
            let address = { (name: String) in "library://team/tools/\(name):1" }
            func sent() -> Int { signed.server.requests.filter { $0.path.hasPrefix("/library") }.count }
            // Nobody knows the key.
            for (name, reason) in [
                ("signed", Self.unknown), ("unsigned", "integrity: signature not found for object group 1"),
            ] {
                let refused = try desk.run("push", name + ".sif", address(name))
                #expect(
                    refused.end == .exited(255) && refused.standardError.contains(reason)
                        && refused.standardError.contains(
                            "FATAL:   Unable to upload container: unable to verify signature"),
                    "\(refused)")
            }
            try signed.keyring(signed.key)
            let tampered = try desk.run("push", "tampered.sif", address("tampered"))
            #expect(
                tampered.end == .exited(255)
                    && tampered.standardError.contains("WARNING: integrity: data object integrity compromised: 1\n"),
                "\(tampered)")
            #expect(sent() == 0)
            let pushed = try desk.run("push", "signed.sif", address("signed"))
            #expect(pushed.isSuccess && !pushed.standardError.contains("WARNING"), "\(pushed)")
            for name in ["tampered", "unsigned"] {
                let forced = try desk.run("push", "-U", name + ".sif", address(name))
                #expect(
                    forced.isSuccess && forced.standardError.contains("WARNING: Skipping container verification\n"),
                    "\(forced)")
            }

            let skipping = "\nWARNING: Skipping container verification\n"
            for (name, warning) in [
                ("signed", nil), ("unsigned", "WARNING: integrity: signature not found for object group 1"),
                ("tampered", "WARNING: integrity: data object integrity compromised: 1"),
            ] {
                for flags in [[], ["--disable-cache"]] {
                    let words = ["pull", "--force"] + flags + ["got.sif", address(name)]
                    let pulled = try skiffCommand(words, as: profile) {
                        $0.environment["HOME"] = desk.folder
                        $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                        $0.directory = desk.folder
                    }.run()
                    #expect(pulled.isSuccess, "\(pulled)")
                    #expect(
                        pulled.standardError.contains((warning ?? "never") + skipping) == (warning != nil), "\(pulled)")
                    #expect(pulled.standardError.contains("WARNING") == (warning != nil), "\(pulled)")
                    #expect(try desk.bytes("got.sif") == desk.bytes(name + ".sif"))
                }
            }
            // An image from a library is a base like any other.
            for (name, isGood) in [("signed", true), ("tampered", false)] {
                let text = "Bootstrap: library\nFrom: team/tools/\(name):1\nFingerprints: \(signed.key.fingerprint)\n"
                try signed.place("library.def", Array(text.utf8))
                let built = try desk.run("build", "--force", "built.sif", "library.def")
                #expect(
                    built.isSuccess == isGood && built.standardError.contains("Checking bootstrap image"), "\(built)")
                #expect(built.isSuccess || built.standardError.contains(Self.refused), "\(built)")
            }
        }

        @Test(.needs(.root)) func withoutTheLibraryItIsNamed() throws {
            let signed = try Signed(.root)
            defer { signed.desk.remove() }
            try signed.keyring(signed.key)
            func hidden(_ words: String...) throws -> Outcome {
                let script = "for f in /usr/lib/*/librnp.so.0; do mount --bind /dev/null \"$f\"; done; exec \"$@\""
                var command = try skiffCommand(words, as: .root) {
                    $0.environment["HOME"] = signed.desk.folder
                    $0.directory = signed.desk.folder
                }
                command.words = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh"] + command.words
                return try command.run()
            }
            try signed.place(
                "a.def",
                Array("Bootstrap: localimage\nFrom: signed.sif\nFingerprints: \(signed.key.fingerprint)\n".utf8))
            let demanded = try hidden("build", "out.sif", "a.def")
            #expect(
                demanded.end == .exited(255)
                    && demanded.standardError.contains(
                        Self.refused
                            + "cannot check signatures: cannot open librnp.so.0. Install the package librnp0\n"),
                "\(demanded)")
            let warned = try hidden("build", "out.sif", "signed.sif")
            #expect(warned.isSuccess && warned.standardError.contains("Install the package librnp0\n"), "\(warned)")
            // A build that has nothing to check does not need it.
            let unsigned = try hidden("build", "--force", "out.sif", "unsigned.sif")
            #expect(unsigned.isSuccess && !unsigned.standardError.contains("librnp"), "\(unsigned)")
        }
    }
}
