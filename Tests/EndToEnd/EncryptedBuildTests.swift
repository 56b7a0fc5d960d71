import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `build --encrypt` (Docs/spec/encryption.md §2): from every source, as Apptainer's images, and never in clear.
    @Suite(.cleanHost, .needs(.openssl)) struct EncryptedBuilds {
        /// A directory for a user, with keys and a root file system that has a text nobody must find in an image.
        struct Place {
            let profile: Profile
            let folder: String
            var image: String { folder + "/image.sif" }
            /// In a file of the root, many times.
            static let marker = "the plain text of the root"

            init(_ profile: Profile) throws {
                try need(profile)
                if profile == .user { try need(.userNamespaces) }
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                let base = try Images.shared.get().directory
                try run(
                    """
                    cp -r \(base) tree; for i in $(seq 2000); do echo "\(Self.marker) $i"; done >tree/text
                    openssl genrsa -out key 2048; openssl rsa -in key -RSAPublicKey_out -out public
                    openssl genrsa -out other 2048; openssl rsa -in other -RSAPublicKey_out -out other-public; chmod 600 key other
                    """)
            }

            @discardableResult func run(_ script: String) throws -> String {
                var command = Command(["/bin/sh", "-ec", script], as: profile)
                command.directory = folder
                let outcome = try command.run()
                #expect(outcome.isSuccess, "\(outcome)")
                return outcome.standardOutput
            }

            func skiff(_ words: [String], _ variables: [String: String] = [:]) throws -> Outcome {
                try skiffCommand(words, as: profile) { command in
                    command.directory = folder
                    command.environment.merge(variables) { $1 }
                }.run()
            }

            /// Builds `image.sif`.
            @discardableResult func build(
                _ flags: [String], from source: String = "tree", _ variables: [String: String] = [:]
            ) throws -> Outcome {
                try skiff(["build", "-F"] + flags + ["image.sif", source], variables)
            }

            static let passphrase = ["APPTAINER_ENCRYPTION_PASSPHRASE": "a passphrase"]

            /// Takes the root out of the image; returns its path.
            func partition() throws -> String {
                let list = try skiff(["sif", "list", "image.sif"]).standardOutput
                let line = try #require(list.split(separator: "\n").first { $0.contains("*System") })
                let ends = line.split(separator: "|")[3].split { !$0.isNumber }.compactMap { Int($0) }
                try #require(ends.count == 2 && ends[0] < ends[1], "\(list)")
                let (start, end) = (ends[0], ends[1])
                try run(
                    "tail -c +\(start + 1) image.sif | head -c \(end - start) >partition"
                )
                return folder + "/partition"
            }

            func opens(_ secret: String) throws -> Bool {
                try writeFile(folder + "/secret", Array(secret.utf8), mode: 0o644)
                let words = ["/usr/sbin/cryptsetup", "luksOpen", "--test-passphrase", "--key-file", folder + "/secret"]
                return try Command(words + [folder + "/partition"], as: .current).run().isSuccess
            }

            func expectNoPlainText(in file: String = "image.sif") throws {
                let found = try run("! grep -qa '\(Self.marker)' \(file) && echo none")
                #expect(found == "none\n")
            }

            func expectNothing() throws {
                let names = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(!names.contains { $0.contains("image.sif") }, "\(names)")
            }
        }

        @Test(.needs(.cryptsetup), arguments: Profile.allCases) func passphrase(profile: Profile) throws {
            let place = try Place(profile)
            let built = try place.build(["--encrypt"], Place.passphrase)
            #expect(built.isSuccess, "\(built)")
            #expect(
                try place.skiff(["sif", "list", "image.sif"]).standardOutput.contains("Encrypted squashfs/*System"))
            try place.expectNoPlainText()
            _ = try place.partition()
            #expect(try place.opens("a passphrase"))
            #expect(try !place.opens("another"))
        }

        /// A private key, or a passphrase of a descriptor, opens what they encrypted; and the image runs.
        @Test(.needs(.fuse), arguments: Profile.allCases, ["luks2", "gocryptfs"])
        func runs(profile: Profile, kind: String) throws {
            let place = try Place(profile)
            let built = try place.build(["--pem-path", "public", "--encryption", kind])
            #expect(built.isSuccess, "\(built)")
            try place.expectNoPlainText()
            let list = try place.skiff(["sif", "list", "image.sif"]).standardOutput
            #expect(list.contains("Cryptographic Message (PEM/RSA-OAEP)"), "\(list)")
            let ran = try place.skiff(["exec", "--pem-path", "key", "image.sif", "head", "-n", "1", "/text"])
            #expect(ran.isSuccess && ran.line == Place.marker + " 1", "\(ran)")
            let refused = try place.skiff(["exec", "--pem-path", "other", "image.sif", "true"])
            #expect(
                !refused.isSuccess && refused.standardError.contains("was not encrypted for that key"), "\(refused)")
        }

        /// Every source, with the key that the environment names.
        @Test(.needs(.cryptsetup), arguments: Profile.allCases, ["sif", "definition", "Dockerfile", "archive"])
        func sources(profile: Profile, source: String) throws {
            let place = try Place(profile)
            var from = source
            switch source {
            case "sif":
                #expect(try place.skiff(["build", "plain.sif", "tree"]).isSuccess)
                from = "plain.sif"
            case "definition":
                try place.run(
                    "printf 'Bootstrap: localimage\\nFrom: %s\\n%%post\\n  cp /text /again\\n' \"$PWD/tree\" >definition"
                )
            case "Dockerfile":
                try place.run("printf 'FROM scratch\\nCOPY tree /\\n' >Dockerfile")
            default:
                try need(.umoci, .skopeo)
                try place.run(
                    """
                    umoci init --layout layout; umoci new --image layout:x; umoci insert --rootless --image layout:x tree /
                    skopeo copy -q oci:layout:x docker-archive:image.tar:x:latest
                    """)
                from = "docker-archive:image.tar"
            }
            let built = try place.build(["-e"], from: from, Place.passphrase)
            #expect(built.isSuccess, "\(built)")
            try place.expectNoPlainText()
            _ = try place.partition()
            #expect(try place.opens("a passphrase"))
        }

        @Test(arguments: Profile.allCases) func bad(profile: Profile) throws {
            let place = try Place(profile)
            try place.run("echo no key >words")
            for (flags, variables, words) in [
                (["--encrypt"], [:], "there is no key"), (["--encryption", "luks2"], [:], "there is no key"),
                (["--pem-path", "key"], [:], "it is a private key"),
                (["--pem-path", "words"], [:], "no whole block of PEM"),
                (["--pem-path", "tree/text"], [:], "it has more than 24576 bytes"),
                (["--pem-path", "nowhere"], [:], "cannot read the key file nowhere"),
                (["--encrypt", "--sandbox"], Place.passphrase, "a sandbox is a directory"),
                (["--encrypt", "--encryption", "rot13"], Place.passphrase, "luks2"),
            ] as [([String], [String: String], String)] {
                let outcome = try place.build(flags, variables)
                #expect(!outcome.isSuccess && outcome.standardError.contains(words), "\(outcome)")
                #expect(!outcome.standardError.contains("Creating SIF file"), "\(outcome)")
                try place.expectNothing()
            }
            let warned = try place.build([], Place.passphrase)
            #expect(warned.isSuccess && warned.standardError.contains("NOT encrypting container"), "\(warned)")
            #expect(try place.skiff(["sif", "list", "image.sif"]).standardOutput.contains("Squashfs/*System"))
        }

        /// Without the plugin nothing is written in clear either.
        @Test(arguments: Profile.allCases) func withoutPlugin(profile: Profile) throws {
            let place = try Place(profile)
            let installation = try PluginInstallation("no-encryption-\(profile.rawValue)")
            try Linux.unlink(installation.folder + "/lib/skiff/plugins/org.skiff.encryption.plugin")
            var command = Command([installation.program, "build", "--encrypt", "image.sif", "tree"], as: profile)
            command.directory = place.folder
            command.environment.merge(Place.passphrase) { $1 }
            let outcome = try command.run()
            #expect(!outcome.isSuccess && outcome.standardError.contains("org.skiff.encryption"), "\(outcome)")
            try place.expectNothing()
        }

        /// All processes of a build are killed at once, so that nobody cleans up: what is left has nothing in clear.
        @Test(arguments: Profile.allCases) func killed(profile: Profile) throws {
            let place = try Place(profile)
            try place.run("for i in $(seq 20); do head -c 3000000 /dev/urandom | base64; done >tree/big")
            let words = ["build", "-F", "--encrypt", "--compression", "xz", "image.sif", "tree"]
            let running = try skiffCommand(words, as: profile) { command in
                command.directory = place.folder
                command.environment.merge(Place.passphrase) { $1 }
                command.environment["APPTAINER_TMPDIR"] = place.folder
            }.start()
            var part: String?
            for _ in 0..<1000 where part == nil {
                usleep(10_000)
                part = try FileManager.default.contentsOfDirectory(atPath: place.folder).first { name in
                    name.hasPrefix(".image.sif.skiff-")
                        && (try? status("\(place.folder)/\(name)").size > 20 << 20) == true
                }
            }
            for process in ProcessTable.current() where process.session == running.pid { kill(process.pid, SIGKILL) }
            _ = try running.wait(seconds: 10)
            let left = try #require(part, "the build has written too little")
            try place.expectNoPlainText(in: left)
            try place.run(
                "if grep -rqa '\(Place.marker)' build-temp-*; then exit 1; fi; rm -rf .image.sif.skiff-* build-temp-*")
        }
    }
}
