import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What is done with encrypted images besides running them, and what of them others can see.
    @Suite(.cleanHost, .needs(.openssl, .fuse)) struct EncryptedUse {
        typealias Place = EncryptedBuilds.Place

        private static let kinds = ["luks2", "gocryptfs"]

        /// With an encrypted image that the private key `key` opens.
        private func place(_ profile: Profile, _ kind: String = "luks2") throws -> Place {
            try need(profile.mounting)
            let place = try Place(profile)
            let built = try place.build(["--pem-path", "public", "--encryption", kind])
            #expect(built.isSuccess, "\(built)")
            return place
        }

        private static let key = ["APPTAINER_ENCRYPTION_PEM_PATH": "key"]

        // MARK: as the base of a build

        /// The variables open the base, the flags are for what is made of it.
        @Test(arguments: Profile.allCases, kinds) func buildsStartFromIt(profile: Profile, kind: String) throws {
            let place = try place(profile, kind)
            try place.run(
                "printf 'Bootstrap: localimage\\nFrom: image.sif\\n%%post\\n  cat /text /text >/twice; grep -c \" / tmpfs \" /proc/mounts\\n' >definition"
            )
            let built = try place.skiff(
                ["build", "--key-command", "echo second", "second.sif", "definition"], Self.key)
            #expect(built.isSuccess && built.standardOutput == "1\n", "\(built)")
            try place.expectNoPlainText(in: "second.sif")
            let ran = try place.skiff(
                ["-q", "exec", "second.sif", "wc", "-l", "/twice"], ["APPTAINER_ENCRYPTION_PASSPHRASE": "second"])
            #expect(ran.isSuccess && ran.line == "4000 /twice", "\(ran)")
            // One key is for both where there is one.
            let again = try place.skiff(["build", "--key-command", "echo second", "third.sif", "second.sif"])
            #expect(again.isSuccess, "\(again)")
            let third = try place.skiff([
                "-q", "exec", "--key-command", "echo second", "third.sif", "wc", "-l", "/twice",
            ])
            #expect(third.line == "4000 /twice", "\(third)")
        }

        /// What is encrypted stays so.
        @Test(arguments: Profile.allCases) func buildsInClearDoNot(profile: Profile) throws {
            let place = try place(profile)
            try place.run("printf 'FROM image.sif\\nRUN true\\n' >Dockerfile")
            for (words, variables, reason) in [
                (["second.sif", "image.sif"], Self.key, "it is encrypted, and what is built would not be"),
                (["--sandbox", "second", "image.sif"], Self.key, "it is encrypted, and what is built would not be"),
                (["--pem-path", "public", "second.sif", "image.sif"], [:], "it is a public key"),
                (
                    ["--pem-path", "public", "second.sif", "image.sif"], ["APPTAINER_ENCRYPTION_PEM_PATH": "other"],
                    "was not encrypted for that key"
                ),
                (["--key-command", "echo wrong", "second.sif", "image.sif"], [:], "the passphrase or key is wrong"),
            ] as [([String], [String: String], String)] {
                let refused = try place.skiff(["build"] + words, variables)
                #expect(!refused.isSuccess && refused.standardError.contains(reason), "\(words): \(refused)")
                let names = try FileManager.default.contentsOfDirectory(atPath: place.folder)
                #expect(!names.contains { $0.contains("second") || $0.hasPrefix("build-temp") }, "\(names)")
            }
        }

        // MARK: overlays, instances, registries

        @Test(arguments: Profile.allCases, kinds) func overlaysLieAboveIt(profile: Profile, kind: String) throws {
            let place = try place(profile, kind)
            try place.run("mkdir layer")
            for (flags, script, wanted) in [
                (["--overlay", "layer"], "echo more >>/text; tail -n 1 /text", "more"),
                (["--overlay", "layer"], "tail -n 1 /text; rm /text", "more"),
                (["--overlay", "layer"], "test -e /text || echo gone", "gone"),
                (["--writable-tmpfs"], "echo less >/text; cat /text", "less"),
            ] {
                let ran = try place.skiff(["-q", "exec"] + flags + ["image.sif", "sh", "-c", script], Self.key)
                #expect(ran.isSuccess && ran.line == wanted, "\(flags): \(ran)")
            }
        }

        @Test(arguments: Profile.allCases, kinds) func instancesKeepIt(profile: Profile, kind: String) throws {
            let place = try place(profile, kind)
            let instances = try InstancePlace(profile)
            try instances.start("secret", ["--pem-path", place.folder + "/key"], image: place.image)
            for _ in 0..<2 {
                let read = try instances.exec("secret", "head", "-n", "1", "/text")
                #expect(read.isSuccess && read.line == Place.marker + " 1", "\(read)")
            }
            try instances.stop("secret")

        }

        @Test(.needs(.registry), arguments: Profile.allCases) func registriesKeepIt(profile: Profile) throws {
            let place = try place(profile)
            let registry = try LocalRegistry()
            let variables = ["APPTAINER_CACHEDIR": place.folder + "/cache", "HOME": place.folder]
            let address = "oras://\(registry.host)/team/secret:1"
            let pushed = try place.skiff(["push", "-U", "image.sif", address], variables)
            #expect(pushed.isSuccess, "\(pushed)")
            let pulled = try place.skiff(["pull", "pulled.sif", address], variables)
            #expect(pulled.isSuccess, "\(pulled)")
            #expect(try readFile(place.folder + "/pulled.sif") == readFile(place.image))
            // From the registry at once, by way of the cache.
            let ran = try place.skiff(
                ["-q", "exec", address, "head", "-n", "1", "/text"], variables.merging(Self.key) { $1 })
            #expect(ran.isSuccess && ran.line == Place.marker + " 1", "\(ran)")
            try place.run("if grep -rqa '\(Place.marker)' cache; then exit 1; fi")
        }

        // MARK: keys in tokens

        @Test(.needs(.softhsm), arguments: Profile.allCases) func keysStayInTokens(profile: Profile) throws {
            let place = try place(profile)
            try place.run(
                """
                mkdir tokens; printf 'directories.tokendir = %s/tokens\\nlog.level = ERROR\\n' "$PWD" >configuration
                export SOFTHSM2_CONF="$PWD/configuration"
                softhsm2-util --init-token --free --label skiff --so-pin 5678 --pin 1234
                for name in key other; do
                    openssl pkcs8 -topk8 -nocrypt -in $name -out $name.p8
                    softhsm2-util --import $name.p8 --token skiff --label $name --id 0$(wc -c <public | tail -c 2) --pin 1234 --force
                done
                printf 1234 >pin
                """)
            func exec(_ flags: [String]) throws -> Outcome {
                try place.skiff(
                    ["-q", "exec"] + flags + ["image.sif", "head", "-n", "1", "/text"],
                    ["SOFTHSM2_CONF": place.folder + "/configuration"])
            }
            let uri = "pkcs11:token=skiff;object="
            for flags in [
                ["--pem-path", uri + "key?pin-source=file:\(place.folder)/pin"],
                ["--key-command", "echo '\(uri)key?pin-value=1234'"],
            ] {
                let opened = try exec(flags)
                #expect(opened.isSuccess && opened.line == Place.marker + " 1", "\(flags): \(opened)")
            }
            for (flags, reason) in [
                (["--pem-path", uri + "key?pin-value=1234"], "by a PIN on the command line, where everybody sees it"),
                (["--key-command", "echo '\(uri)key?pin-value=99'"], "or its PIN is wrong"),
                (["--key-command", "echo '\(uri)none?pin-value=1234'"], "no token has such a private key"),
                (["--key-command", "echo '\(uri)other?pin-value=1234'"], "was not encrypted for that key"),
                (["--key-command", "printf 'pkcs11:a b c'"], "is no URI"),
            ] {
                let refused = try exec(flags)
                #expect(!refused.isSuccess && refused.standardError.contains(reason), "\(flags): \(refused)")
                #expect(!refused.standardError.contains("pin-value=99"), "\(refused)")
            }
            let build = try place.build(["--pem-path", uri + "key"])
            #expect(!build.isSuccess && build.standardError.contains("it lies in a token"), "\(build)")
        }

        // MARK: what others see

        /// The directories of a build and of a launch lie on a disk, on which nothing plain is then.
        @Test(.needs(.root, .loop, .mke2fs), arguments: Profile.allCases)
        func noPlainBlockReachesADisk(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let disk = place.folder + "/disk"
            func onDisk(_ body: () throws -> Void) throws -> Bool {
                let root = try Command(
                    [
                        "/bin/sh", "-ec",
                        "rm -f \(disk).img; truncate -s 192M \(disk).img; mke2fs -q -t ext4 \(disk).img; mkdir -p \(disk); "
                            + "mount -o loop \(disk).img \(disk); chmod 1777 \(disk)",
                    ], as: .current
                ).run()
                #expect(root.isSuccess, "\(root)")
                var failure: (any Error)?
                do { try body() } catch { failure = error }
                let ended = try Command(["/bin/sh", "-ec", "sync -f \(disk); umount \(disk)"], as: .current).run()
                #expect(ended.isSuccess, "\(ended)")
                if let failure { throw failure }
                return try Command(["/bin/grep", "-qa", Place.marker, disk + ".img"], as: .current).run().isSuccess
            }
            // What is packed is not compressed: a plain block would show its text.
            let packing = ["--mksquashfs-args", "-noD -no-fragments"]
            let variables = [
                "APPTAINER_TMPDIR": disk, "APPTAINER_CACHEDIR": disk + "/cache-\(profile)", "TMPDIR": disk,
                "APPTAINER_ENCRYPTION_PASSPHRASE": "a passphrase",
            ]
            try place.run(
                "printf 'Bootstrap: localimage\\nFrom: disk/one.sif\\n%%post\\n  cp /text /again; sync\\n' >definition")
            let leaked = try onDisk {
                for words in [
                    ["build", "--encrypt"] + packing + ["disk/one.sif", "tree"],
                    ["build", "--encrypt", "--encryption", "gocryptfs"] + packing + ["disk/two.sif", "disk/one.sif"],
                    ["build", "--encrypt"] + packing + ["disk/three.sif", "definition"],
                    ["exec", "disk/one.sif", "wc", "-l", "/text"],
                    ["exec", "disk/two.sif", "wc", "-l", "/text"],
                    [
                        "exec", "--writable-tmpfs", "disk/three.sif", "sh", "-c",
                        "cp /again /more && wc -l /more && sync",
                    ],
                ] {
                    let done = try place.skiff(words, variables)
                    #expect(done.isSuccess, "\(done)")
                }
            }
            #expect(!leaked)
            // The search finds what is there.
            let found = try onDisk {
                let built = try place.skiff(["build"] + packing + ["disk/plain.sif", "tree"], variables)
                #expect(built.isSuccess, "\(built)")
            }
            #expect(found)
        }

        /// What would be in a core file of a build, were there one, and of the image server while it opens a key slot.
        @Test(.needs(.root, .cryptsetup), arguments: Profile.allCases) func keysOfBuildsAreKeptOutOfDumps(
            profile: Profile
        )
            throws
        {
            try need(profile)
            let place = try Place(profile)
            let passphrase = "the passphrase of a build"
            try place.run("for i in $(seq 8); do head -c 3000000 /dev/urandom | base64; done >tree/big")
            try writeFile(place.folder + "/secret", Array(passphrase.utf8), mode: 0o644)
            let flags = ["--key-command", "cat \(place.folder)/secret"]
            let building = try skiffCommand(
                ["build", "-F", "--compression", "xz"] + flags + ["image.sif", "tree"], as: profile
            ) { $0.directory = place.folder }.start()
            let written = {
                (try? FileManager.default.contentsOfDirectory(atPath: place.folder))?.contains { name in
                    name.hasPrefix(".image.sif.skiff-")
                        && (try? status("\(place.folder)/\(name)").size > 18 << 20) == true
                } == true
            }
            for _ in 0..<1000 where !written() { usleep(10_000) }
            var excluded = 0
            var images: [[UInt8]] = []
            func look(at process: ProcessEntry) throws {
                let memory = try DumpableMemory(of: process.pid)
                let found = try memory.occurrences(of: [Array(passphrase.utf8)])
                #expect(found.dumped.isEmpty, "\(process): \(found.dumped)")
                excluded += found.excluded
                images += try memory.dumped()
            }
            let builders = ProcessTable.current().filter { $0.session == building.pid && $0.command == "skiff-image" }
            for process in builders {
                kill(process.pid, SIGSTOP)
                try look(at: process)
                kill(process.pid, SIGCONT)
            }
            let built = try building.wait(seconds: 60)
            // The search would find it.
            #expect(built.isSuccess && builders.count > 1 && excluded > 0, "\(built)")
            // A debug build takes long to start a second: the program is stopped while it derives a key.
            let running = try skiffCommand(["-q", "exec"] + flags + ["image.sif", "true"], as: profile) {
                $0.directory = place.folder
            }.start()
            var server: ProcessEntry?
            for _ in 0..<2000 where server == nil {
                usleep(1000)
                server = ProcessTable.current().first {
                    $0.command == "skiff-mount" && $0.arguments.contains("--filesystem 5")
                        && Self.memory(of: $0.pid) > 64 << 20
                }
            }
            let process = try #require(server)
            kill(process.pid, SIGSTOP)
            try look(at: process)
            let core = try Command(
                ["/bin/sh", "-c", "kill -ABRT \(process.pid); kill -CONT \(process.pid)"], as: .current
            ).run()
            #expect(core.isSuccess)
            _ = try running.wait(seconds: 20)
            let left = try Command(
                ["/usr/bin/find", place.folder, "/tmp", "-maxdepth", "1", "-name", "core*"], as: .current
            ).run()
            #expect(left.standardOutput == "", "\(left)")

            let dump = try Command(
                [
                    "/usr/sbin/cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", "--volume-key-file",
                    place.folder + "/volume-key", "--key-file", place.folder + "/secret", try place.partition(),
                ], as: .current
            ).run()
            #expect(dump.isSuccess, "\(dump)")
            let key = try readFile(place.folder + "/volume-key")
            #expect(key.count == 64)
            let secrets =
                [Array(passphrase.utf8)] + stride(from: 0, to: key.count, by: 16).map { Array(key[$0..<$0 + 16]) }
            for image in images {
                for (number, secret) in secrets.enumerated() {
                    // The memory itself would be the message of a failure.
                    let isThere = DumpableMemory.contains(image, secret)
                    #expect(!isThere, "secret \(number)")
                }
            }
        }

        /// In bytes, what lies in memory.
        private static func memory(of pid: pid_t) -> Int {
            let text = (try? readFile("/proc/\(pid)/statm")).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
        }
    }
}
