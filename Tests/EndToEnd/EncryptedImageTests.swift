import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Images that a plugin decrypts beneath the image server, by `skiff.crypto/2`: a plugin in C that any other could be, and the
    /// one of this repository.
    @Suite(.cleanHost) struct EncryptedImage {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("crypto")
            try unlink(installation.folder + "/lib/skiff/plugins/org.skiff.encryption.plugin")
            try installation.add(
                "org.test.xor", from: "crypto.c", manifest: "extensions = skiff.crypto/2\nimage-facts = encrypted")
            return installation
        }

        private func run(
            _ words: [String], as profile: Profile, key: String? = "sesame", program: String? = nil,
            change: (inout Command) -> Void = { _ in }
        ) throws -> Outcome {
            try need(profile)
            try need(.fuse)
            try need(profile.mounting)
            let program = try program ?? Self.installation.get().program
            return try skiffCommand(words, as: profile) {
                $0.words[0] = program
                if let key { $0.environment["APPTAINER_ENCRYPTION_PASSPHRASE"] = key }
                change(&$0)
            }.run()
        }

        private func exec(_ script: String, _ flags: [String] = []) throws -> [String] {
            ["exec"] + flags + [try EncryptedImages.shared.get().xor, "sh", "-c", script]
        }

        @Test(arguments: Profile.allCases) func aPluginDecrypts(profile: Profile) throws {
            let outcome = try run(try exec("/bin/busybox tail -n 1 /etc/passwd; env"), as: profile)
            #expect(outcome.isSuccess && outcome.standardOutput.contains("PATH="), "\(outcome)")
            for secret in ["sesame", "ENCRYPTION"] { #expect(!outcome.standardOutput.contains(secret), "\(outcome)") }
            let all =
                "find() { /bin/busybox find \"$@\"; }; find / -xdev -type f -exec /bin/busybox md5sum {} + | /bin/busybox sort | /bin/busybox md5sum"
            let plain = try run(["exec", try Images.shared.get().sif, "sh", "-c", all], as: profile)
            let decrypted = try run(try exec(all), as: profile)
            #expect(plain.isSuccess && plain.line.hasSuffix("-") && decrypted.line == plain.line, "\(decrypted)")
        }

        @Test(arguments: Profile.allCases) func itsPlanSaysSo(profile: Profile) throws {
            // Nobody is asked for a key.
            let outcome = try run(try exec("true", ["--explain", "--passphrase"]), as: profile, key: "sesame")
            let line = "squashfs encrypted as LUKS2 at byte "
            #expect(outcome.isSuccess && outcome.standardOutput.contains(line), "\(outcome)")
            #expect(outcome.standardOutput.contains("org.test.xor 1.0: because of image: encrypted"), "\(outcome)")
            #expect(!outcome.standardOutput.contains("sesame"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func keysComeFromMany(profile: Profile) throws {
            let work = try WorkDirectory.make(for: profile)
            try writeFile(work + "/key", Array("sesame\n".utf8), mode: 0o644)
            let program = try Self.installation.get().program
            let image = try EncryptedImages.shared.get().xor
            let words = try exec("echo here")
            for (flags, key) in [
                (["--key-command", "cat \(work)/key"], nil), (["--key-command", "echo sesame"], "another"),
                // Nor does the command see a key that lies around.
                (["--key-command", "env | grep -q ENCRYPTION_PASS || echo sesame"], "another"), ([], "sesame"),
            ] as [([String], String?)] {
                let outcome = try run(["exec"] + flags + words.dropFirst(), as: profile, key: key)
                #expect(outcome.isSuccess && outcome.line == "here", "\(flags): \(outcome)")
            }
            // The descriptor is read to its end, and the program does not get it.
            let script =
                "'\(program)' exec --passphrase-fd 9 '\(image)' sh -c 'readlink /proc/self/fd/9; echo here' 9<'\(work)/key'"
            let outcome = try run(["-c", script], as: profile, key: nil, program: "/bin/sh")
            #expect(outcome.isSuccess && outcome.line == "here", "\(outcome)")
            // Nor does that of an image that needs no key, nor is anything of skiff's under that number.
            for (name, descriptor) in [(image, 3), (image, 4), (try Images.shared.get().sif, 3)] {
                let script =
                    "'\(program)' exec --passphrase-fd \(descriptor) '\(name)' sh -c 'readlink /proc/self/fd/\(descriptor); echo here' \(descriptor)<'\(work)/key'"
                let outcome = try run(["-c", script], as: profile, key: nil, program: "/bin/sh")
                #expect(outcome.isSuccess && outcome.line == "here", "\(outcome)")
            }
            // Variables have three names, and the first counts.
            let named = try run(try exec("echo here"), as: profile, key: "wrong") {
                $0.environment["SKIFF_ENCRYPTION_PASSPHRASE"] = "sesame"
            }
            #expect(named.line == "here", "\(named)")
        }

        @Test(arguments: Profile.allCases) func keysThatDoNotCome(profile: Profile) throws {
            for (flags, key, reason) in [
                (
                    [], nil,
                    "it is encrypted, and there is no key. Give --passphrase, or --pem-path with the private key"
                ),
                ([], "other", "crypto unlock: cannot open the image: the key does not fit. Try another one"),
                (["--pem-path", "/nonexistent"], "sesame", "cannot read the key file /nonexistent: no such file"),
                (["--pem-path", "/dev/null"], "sesame", "cannot read the key file /dev/null: it is not a file"),
                (
                    ["--passphrase-fd", "77"], "sesame",
                    "cannot read the passphrase from descriptor 77: bad file descriptor"
                ),
                (["--passphrase-fd", "2"], "sesame", "cannot read the passphrase from descriptor 2: it is for output"),
                (["--key-command", "exit 3"], "sesame", "the key command: it ended with status 3"),
                (["--key-command", "true"], "sesame", "cannot use an empty passphrase"),
                (["--key-command", "yes | head -c 100000"], "sesame", "it has more than 24576 bytes"),
                (
                    ["--keyring", "skiff-no-such-key"], "sesame",
                    "cannot read the key skiff-no-such-key of the kernel's"
                ),
                (["--unsquash"], "sesame", "it is encrypted, and what is extracted would not be"),
            ] as [([String], String?, String)] {
                let outcome = try run(try exec("true", flags), as: profile, key: key)
                #expect(outcome.end == .exited(255), "\(flags): \(outcome)")
                #expect(outcome.standardError.lowercased().contains(reason.lowercased()), "\(flags): \(outcome)")
                #expect(!outcome.standardError.contains("sesame"), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func askedAtATerminal(profile: Profile) throws {
            try need(.python)
            try need(profile)
            try need(.fuse)
            let program = try Self.installation.get().program
            let outcome = try skiffCommand(try exec("echo got-it", ["--passphrase"]), as: profile) {
                $0.words[0] = program
            }.onTerminal("passphrase").run()
            #expect(outcome.isSuccess, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func misdeedsOfPlugins(profile: Profile) throws {
            let work = try WorkDirectory.make(for: profile)
            let image = work + "/image.sif"
            let copied = try Command(["/bin/cp", try EncryptedImages.shared.get().xor, image], as: profile).run()
            #expect(copied.isSuccess, "\(copied)")
            for (how, reason) in [
                ("declines", "no plugin here knows its kind of encryption, LUKS2"),
                ("silent", "plugin org.test.xor: crypto unlock: it failed without a reason (SKIFF_E_SYSTEM)"),
                ("keeps-nothing", "crypto unlock: it has kept nothing to read \(image) with"),
                ("keeps-much", "crypto unlock: cannot keep 4097 bytes for the image server: 1 to 4096 can be"),
                ("keeps-twice", "crypto unlock: cannot keep more for the image server: there is something"),
                ("crashes", "plugin org.test.xor: crypto unlock"),
            ] {
                try writeFile(image + ".fail", Array(how.utf8), mode: 0o644)
                let outcome = try run(["exec", image, "true"], as: profile)
                #expect(!outcome.isSuccess && outcome.standardError.contains(reason), "\(how): \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func theCheckerDrivesIt(profile: Profile) throws {
            let checked = try run(["plugin", "check", "--only", "volumes", "org.test.xor"], as: profile)
            for test in ["hostile-volumes", "volumes-round-trip"] {
                #expect(checked.isSuccess && checked.standardOutput.contains("success  \(test)\n"), "\(checked)")
            }
        }

        /// What cannot be read any more is told by the server, not as something else.
        @Test(arguments: Profile.allCases) func aVolumeThatIsCutOff(profile: Profile) throws {
            let work = try WorkDirectory.make(for: profile)
            let image = work + "/image.sif"
            var bytes = try readFile(try EncryptedImages.shared.get().xor)
            let size = Int(try EncryptedImages.shared.get().xorOffset) + 8
            for index in size..<size + 8 { bytes[index] = 0x7F }
            try writeFile(image, bytes, mode: 0o644)
            let outcome = try run(["exec", image, "true"], as: profile)
            let reason = "plugin org.test.xor: crypto resume: cannot read the volume: it is cut off"
            #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func withoutAPlugin(profile: Profile) throws {
            let bare = try PluginInstallation("crypto-none-\(profile)")
            try unlink(bare.folder + "/lib/skiff/plugins/org.skiff.encryption.plugin")
            let outcome = try run(try exec("true"), as: profile, program: bare.program)
            let reason =
                "it is encrypted, and no plugin here opens encrypted images. Install or enable the plugin org.skiff."
            #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            let conf = try WorkDirectory.make(for: .current) + "/skiff.conf"
            try writeFile(conf, Array("allow container encrypted = no\n".utf8), mode: 0o644)
            guard profile != .root else { return }
            let forbidden = try run(["--config", conf] + (try exec("true")), as: profile)
            #expect(
                forbidden.standardError.contains("configuration disallows users from running encrypted containers")
                    || forbidden.standardError.contains("--config"), "\(forbidden)")
        }

        /// The server ends with the container, nobody of the same user can look into it, and no key is where others look.
        @Test(arguments: Profile.allCases) func nobodySeesTheKey(profile: Profile) throws {
            try need(profile)
            try need(.fuse)
            try need(profile.mounting)
            let program = try Self.installation.get().program
            let started = try skiffCommand(try exec("echo up; sleep 20"), as: profile) {
                $0.words[0] = program
                $0.words.insert(contentsOf: ["--key-command", "echo se\"\"same"], at: 2)
            }.start()
            #expect(started.waitForOutput("up"))
            let mine = ProcessTable.current().filter { $0.session == started.pid || $0.command == "skiff-mount" }
            let server = try #require(
                mine.last { $0.command == "skiff-mount" && $0.arguments.contains("org.test.xor") }, "\(mine)")
            for process in mine {
                #expect(!process.arguments.contains("sesame"), "\(process)")
                let environment = (try? readFile("/proc/\(process.pid)/environ")) ?? []
                #expect(!String(decoding: environment, as: UTF8.self).contains("sesame"), "\(process)")
            }
            if profile != .root {
                for file in ["mem", "environ", "maps"] {
                    let look = try Command(["/bin/cat", "/proc/\(server.pid)/\(file)"], as: profile).run()
                    #expect(look.standardError.contains("Permission denied"), "\(look)")
                }
            }
            // Nothing of it is in a plain file: the only copies of the image are encrypted ones.
            let plain = try EncryptedImages.shared.get().plainStart
            for link in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.pid)/fd")) ?? [] {
                guard let head = try? open("/proc/\(server.pid)/fd/\(link)", O_RDONLY | O_NONBLOCK),
                    (try? status(of: head.raw).isRegular) == true
                else { continue }
                #expect(try readBytes(head.raw, at: 0, count: plain.count) != plain)
            }
            try started.signal(SIGTERM)
            _ = try started.wait(seconds: 20)
            for _ in 0..<200 where isAccessible("/proc/\(server.pid)/stat", []) { usleep(10_000) }
            #expect(!isAccessible("/proc/\(server.pid)/stat", []))
        }

        /// What of a process would be in a core file, if it left one: no key, no passphrase, no key schedule, whose beginning and end are the key.
        @Test(arguments: Profile.allCases) func keysAreKeptOutOfDumps(profile: Profile) throws {
            try need(.root)
            try need(profile)
            try need(.fuse)
            let images = try EncryptedImages.shared.get()
            let work = try WorkDirectory.make(for: profile)
            try writeFile(work + "/key", Array(EncryptedImages.passphrase.utf8), mode: 0o644)
            let started = try skiffCommand(
                [
                    "-q", "exec", "--key-command", "cat \(work)/key", "--bind",
                    "\(try Stage.shared.get().prefix)/libexec/skiff:/tools", images.luks, "/tools/sh", "-c",
                    "echo up; /tools/sh -c 'while :; do :; done'",
                ], as: profile
            ).start()
            #expect(started.waitForOutput("up", seconds: 20))
            let processes = ProcessTable.current().filter {
                $0.session == started.pid && $0.command == "skiff"
                    || $0.command == "skiff-mount" && $0.arguments.contains("--filesystem 5")
            }
            #expect(processes.contains { $0.command == "skiff-mount" }, "\(processes)")
            var secrets = stride(from: 0, to: 64, by: 16).map { Array(EncryptedImages.volumeKey[$0..<$0 + 16]) }
            secrets.append(Array(EncryptedImages.passphrase.utf8))
            for process in processes {
                let found = try DumpableMemory(of: process.pid).occurrences(of: secrets)
                #expect(found.dumped.isEmpty, "\(process): \(found.dumped)")
                // The scan would find them.
                if process.command == "skiff-mount" { #expect(found.excluded > 0) }
            }
            try started.signal(SIGTERM)
            _ = try started.wait(seconds: 20)
        }

        // The plugin of this repository.

        private func greeting(_ image: String, _ flags: [String], as profile: Profile, key: String?) throws -> Outcome {
            // The images have a file and nothing else.
            let tools = try Stage.shared.get().prefix + "/libexec/skiff"
            return try run(
                ["-q", "exec", "--bind", "\(tools):/tools"] + flags + [
                    image, "/tools/sh", "-c", "read line </hello.txt; echo $line",
                ], as: profile, key: key, program: try Stage.shared.get().program)
        }

        @Test(arguments: Profile.allCases) func theVectorsOpen(profile: Profile) throws {
            let images = try EncryptedImages.shared.get()
            let pem = String(decoding: try readFile(images.privateKey), as: UTF8.self)
            for (image, flags, key) in [
                (images.luks, [], EncryptedImages.passphrase),
                (images.luks, ["--pem-path", images.privateKey], "wrong"),
                (images.luks, ["--key-command", "cat \(images.privateKey)"], nil),
                (images.gocryptfs, [], EncryptedImages.passphrase),
                (
                    images.gocryptfs, ["--overlay", try WorkDirectory.make(for: profile) + ":ro"],
                    EncryptedImages.passphrase
                ),
            ] as [(String, [String], String?)] {
                let outcome = try greeting(image, flags, as: profile, key: key)
                #expect(outcome.isSuccess && outcome.line == "hello skiff", "\(flags): \(outcome)")
            }
            let variable = try run(
                [
                    "-q", "exec", "--bind", "\(try Stage.shared.get().prefix)/libexec/skiff:/tools", images.luks,
                    "/tools/sh", "-c", "read line </hello.txt; echo $line",
                ], as: profile, key: nil, program: try Stage.shared.get().program
            ) { $0.environment["APPTAINER_ENCRYPTION_PEM_DATA"] = pem }
            #expect(variable.line == "hello skiff", "\(variable)")
        }

        @Test(arguments: Profile.allCases) func wrongKeysAreToldFromDamage(profile: Profile) throws {
            let images = try EncryptedImages.shared.get()
            let wrong = "the passphrase or key is wrong"
            for (image, flags, key, reason) in [
                (images.luks, [], "other", wrong), (images.luks, [], EncryptedImages.passphrase + "\n", wrong),
                (images.gocryptfs, [], "other", wrong),
                (images.luks, ["--pem-path", images.publicKey], nil, "it is a public key"),
                (
                    images.gocryptfs, ["--pem-path", images.privateKey], nil, "it has no key that was wrapped for one"
                ),
            ] as [(String, [String], String?, String)] {
                let outcome = try greeting(image, flags, as: profile, key: key)
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(flags): \(outcome)")
            }
            let work = try WorkDirectory.make(for: profile)
            var bytes = try readFile(images.luks)
            // Both copies of the header, 16 KiB each, begin where the partition does.
            for place in [32768 + 5000, 32768 + 16384 + 5000] { bytes[place] ^= 1 }
            try writeFile(work + "/damaged.sif", bytes, mode: 0o644)
            let damaged = try greeting(work + "/damaged.sif", [], as: profile, key: EncryptedImages.passphrase)
            #expect(damaged.end == .exited(255), "\(damaged)")
            #expect(damaged.standardError.contains("neither copy of the header is whole: it is damaged"), "\(damaged)")
            // One copy is enough.
            bytes[32768 + 5000] ^= 1
            try writeFile(work + "/damaged.sif", bytes, mode: 0o644)
            #expect(
                try greeting(work + "/damaged.sif", [], as: profile, key: EncryptedImages.passphrase).line
                    == "hello skiff")
        }
    }
}
