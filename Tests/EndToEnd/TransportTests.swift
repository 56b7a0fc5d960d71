import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Schemes of plugins from the user's side: the C example, and a plugin that does everything wrong.
    @Suite struct Transports {
        /// An installation with both plugins, built with the C compiler from its own headers.
        static let installation = Result { () throws -> String in
            try copyOfInstallation(to: try Stage.shared.get().root + "/transports")
        }

        static func copyOfInstallation(to folder: String) throws -> String {
            let source = try WorkDirectory.make(for: .current)
            let script = """
                set -e; cp -a \(try Stage.shared.get().prefix) \(folder)
                cp -r \(Stage.repository)/Examples/transport-c \(source)/c; cd \(source)/c; rm -f *.so
                make PREFIX=\(folder) CC=cc; make PREFIX=\(folder) install
                """
            let built = try Command(["/bin/sh", "-c", script], as: .current).run()
            guard built.isSuccess else { throw HarnessError("cannot build the example: \(built)") }
            try addOdd(to: folder)
            return folder
        }

        static func addOdd(
            to folder: String, id: String = "org.test.odd", schemes: String = "odd", head: String = "",
            _ defines: String...
        ) throws {
            let plugins = folder + "/lib/skiff/plugins"
            let words =
                ["cc", "-std=c99", "-D_GNU_SOURCE", "-fPIC", "-fvisibility=hidden", "-shared", "-DID=\"\(id)\""]
                + defines + ["-I\(folder)/include", "-o", "\(plugins)/\(id).so"]
                + [Stage.repository + "/Tests/PluginHostTests/Fixtures/transport.c"]
            let built = try Command(["/usr/bin/env"] + words, as: .current).run()
            guard built.isSuccess else { throw HarnessError("cannot build the fixture: \(built)") }
            let manifest = """
                id = \(id)
                version = 1.0
                abi = 0.2
                library = \(id).so
                extensions = skiff.transport/1
                schemes = \(schemes)
                \(head)

                """
            try? unlink("\(plugins)/\(id).plugin")
            try writeFile("\(plugins)/\(id).plugin", Array(manifest.utf8), mode: 0o644)
        }

        /// A user with a cache, a directory to work in and a store in it.
        struct Desk {
            let profile: Profile
            let folder: String
            var installation: String

            init(_ profile: Profile, _ installation: String? = nil) throws {
                self.profile = profile
                self.installation = try installation ?? Transports.installation.get()
                folder = try WorkDirectory.make(for: profile)
            }

            func command(_ words: [String], _ environment: [String: String] = [:]) throws -> Command {
                try skiffCommand(words, as: profile) { command in
                    command.words[0] = installation + "/bin/skiff"
                    command.environment["HOME"] = folder
                    command.environment["APPTAINER_CACHEDIR"] = folder + "/.cache"
                    command.environment["SKIFF_FILE_STORE"] = folder + "/store"
                    command.environment.merge(environment) { $1 }
                    command.directory = folder
                    command.seconds = 60
                }
            }

            func run(_ words: String..., with environment: [String: String] = [:]) throws -> Outcome {
                try command(words, environment).run()
            }

            func bytes(_ name: String) throws -> [UInt8] { try readFile(folder + "/" + name) }
            func exists(_ name: String) -> Bool { (try? status(folder + "/" + name, follow: false)) != nil }

            func write(_ name: String, _ text: String) throws {
                try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o644)
                if effectiveUID() == 0, let record = profile.record {
                    try chown(folder + "/" + name, record.uid, record.gid)
                }
            }

            /// Everything except the cache and the store.
            var files: [String] {
                ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
                    .filter { ![".cache", ".apptainer", "store"].contains($0) }.sorted()
            }

            /// Entries of the cache, without those for names and leases.
            var entries: [String] {
                ["net", "oci-tmp"].flatMap {
                    (try? FileManager.default.contentsOfDirectory(atPath: folder + "/.cache/cache/" + $0)) ?? []
                }.sorted()
            }

            func remove() { try? FileManager.default.removeItem(atPath: folder) }
        }

        @Test(arguments: Profile.allCases) func pushedImageComesBackAndRuns(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let desk = try Desk(profile)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let address = "file-store://team/full:1"
            let pushed = try desk.run("push", sif, address)
            #expect(pushed.isSuccess && pushed.standardError.contains("INFO:    Upload complete\n"), "\(pushed)")
            #expect(try desk.bytes("store/team/full/1.sif") == readFile(sif))
            let digest = String(decoding: try desk.bytes("store/team/full/1.digest"), as: UTF8.self)
            #expect(pushed.standardError.contains("INFO:    Digest: \(digest)"), "\(pushed)")
            let never = try desk.run("exec", "--pull=never", address, "/inside", "exit", "3")
            #expect(never.end == .exited(255) && never.standardError.contains("--pull=never"), "\(never)")

            let pulled = try desk.run("pull", "--json", address)
            #expect(pulled.isSuccess && pulled.standardOutput.contains(digest.dropLast()), "\(pulled)")
            #expect(try desk.bytes("full_1.sif") == readFile(sif))
            #expect(desk.files == ["full_1.sif"])
            #expect(desk.entries == [String(digest.dropFirst(7).dropLast())])
            let again = try desk.run("pull", "--force", address)
            #expect(again.isSuccess && again.standardError.contains("Use image from cache"), "\(again)")

            for flags in [[], ["--disable-cache"], ["--pull=missing"]] {
                let outcome = try desk.command(["exec"] + flags + [address, "/inside", "exit", "3"]).run()
                #expect(outcome.end == .exited(3), "\(outcome)")
            }
            // A cached image needs no store, unless the newest is asked for.
            let gone = ["SKIFF_FILE_STORE": desk.folder + "/store"]
            try FileManager.default.removeItem(atPath: desk.folder + "/store")
            let kept = try desk.run("exec", "--pull=never", address, "/inside", "exit", "4", with: gone)
            #expect(kept.end == .exited(4), "\(kept)")
            let newer = try desk.run("exec", address, "true")
            #expect(newer.end == .exited(255), "\(newer)")
            #expect(
                newer.standardError.hasPrefix(
                    "FATAL:   plugin org.skiff.file-store: resolve: cannot find \(address). It is neither"), "\(newer)")
            // Another store is another image.
            let other = try desk.run("exec", "--pull=never", "--file-store", "elsewhere", address, "true")
            #expect(other.end == .exited(255) && other.standardError.contains("--pull=never"), "\(other)")
        }

        @Test(arguments: Profile.allCases) func imagesAreBuiltFromIt(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let desk = try Desk(profile)
            defer { desk.remove() }
            #expect(try desk.run("push", Images.shared.get().sif, "file-store://full").isSuccess)
            #expect(desk.exists("store/full/latest.sif"))
            try desk.write("agent.def", "Bootstrap: file-store\nFrom: full\n%post\n  echo agent >/word\n")
            try desk.write("address.def", "From: file-store://full:latest\n%post\n  echo address >/word\n")
            try desk.write("Dockerfile", "FROM file-store://full\nRUN echo dockerfile >/word\n")
            for (spec, word) in [
                ("file-store://full", ""), ("agent.def", "agent"), ("address.def", "address"),
                ("Dockerfile", "dockerfile"),
            ] {
                let built = try desk.run("build", "--force", "out.sif", spec)
                #expect(built.isSuccess, "\(built)")
                let told = try desk.run("exec", "out.sif", "/bin/sh", "-c", "cat /word 2>/dev/null; cat /etc/hosts")
                #expect(told.isSuccess && told.standardOutput.hasPrefix(word.isEmpty ? "" : word + "\n"), "\(told)")
            }
            let text = try desk.run("inspect", "--deffile", "out.sif")
            #expect(text.isSuccess, "\(text)")
            try desk.write("none.def", "Bootstrap: file-store\nFrom: none\n")
            let none = try desk.run("build", "none.sif", "none.def")
            #expect(
                none.end == .exited(255)
                    && none.standardError.contains(
                        "conveyor failed to get: plugin org.skiff.file-store: resolve: cannot find"),
                "\(none)")
            try desk.write("odd.def", "Bootstrap: odd\n")
            let empty = try desk.run("build", "none.sif", "odd.def")
            #expect(empty.end == .exited(255) && empty.standardError.contains("no From specified"), "\(empty)")
            for (name, spec) in [
                ("scheme.def", "Bootstrap: nonsense\nFrom: x\n"), ("Dockerfile", "FROM nonsense://x\n"),
            ] {
                try unlinkIfThere(desk.folder + "/" + name)
                try desk.write(name, spec)
                let outcome = try desk.run("build", "none.sif", name)
                #expect(
                    outcome.end == .exited(255) && outcome.standardError.contains("invalid build source nonsense"),
                    "\(outcome)")
            }
            let direct = try desk.run("build", "none.sif", "nonsense://x")
            #expect(
                direct.standardError.contains("invalid build source nonsense. No installed plugin serves nonsense://"),
                "\(direct)")
            #expect(!desk.exists("none.sif"))
        }

        private func unlinkIfThere(_ path: String) throws { if isAccessible(path, F_OK) { try unlink(path) } }

        @Test(.needs(.python), arguments: Profile.allCases) func layoutsBecomeImages(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let desk = try Desk(profile)
            defer { desk.remove() }
            let layout = try Layers.image.get()
            let place = desk.folder + "/store/app"
            let copy = "mkdir -p \(place) && cp -r \(layout) \(place)/2 && chmod -R u+w \(place)"
            #expect(try Command(["/bin/sh", "-c", copy], as: profile).run().isSuccess)
            let look = ["/bin/sh", "-c", "cat /etc/replaced; ls /etc/hidden 2>/dev/null || echo gone"]
            // First by what changes with the layout, then by its digest.
            let index = String(decoding: try readFile(layout + "/index.json"), as: UTF8.self)
            let start = try #require(index.range(of: "sha256:"))
            let digest = String(index[start.lowerBound...].prefix(71))
            for text in [nil, digest] {
                if let text { try desk.write("store/app/2.digest", text + "\n") }
                for line in ["Converting OCI blobs to SIF format", "Using cached SIF image"] {
                    let outcome = try desk.command(["exec", "file-store://app:2"] + look).run()
                    #expect(outcome.isSuccess && outcome.line == "new\ngone", "\(outcome)")
                    #expect(outcome.standardError.contains(line), "\(outcome)")
                }
            }
            #expect(desk.entries.count == 2)
            let pulled = try desk.run("pull", "--disable-cache", "out.sif", "file-store://app:2")
            #expect(pulled.isSuccess && desk.files == ["out.sif"], "\(pulled)")
            #expect(try desk.command(["exec", "out.sif"] + look).run().line == "new\ngone")
            let built = try desk.run("build", "built.sif", "file-store://app:2")
            #expect(built.isSuccess, "\(built)")
            #expect(try desk.command(["exec", "built.sif"] + look).run().line == "new\ngone")
            let wrong = "sha256:" + String(repeating: "0", count: 64)
            try unlink(place + "/2.digest")
            try desk.write("store/app/2.digest", wrong + "\n")
            let refused = try desk.run("pull", "wrong.sif", "file-store://app:2")
            #expect(refused.end == .exited(255) && !desk.exists("wrong.sif"), "\(refused)")
            #expect(
                refused.standardError.contains(
                    "cannot use file-store://app:2: what the plugin org.skiff.file-store fetched has no image \(wrong)"),
                "\(refused)")
            // A layer other than the one that the manifest names.
            try unlink(place + "/2.digest")
            let blobs = place + "/2/blobs/sha256"
            let largest = try FileManager.default.contentsOfDirectory(atPath: blobs).max { left, right in
                try status(blobs + "/" + left).size < status(blobs + "/" + right).size
            }
            let damage = "printf damaged | dd of=\(blobs)/\(try #require(largest)) bs=1 seek=100 conv=notrunc"
            #expect(
                try Command(["/bin/sh", "-c", damage + "; touch \(place)/2/index.json"], as: profile).run().isSuccess)
            let damaged = try desk.run("pull", "wrong.sif", "file-store://app:2")
            #expect(damaged.end == .exited(255) && !desk.exists("wrong.sif"), "\(damaged)")
            #expect(desk.entries.count == 2 && !desk.entries.contains { $0.hasPrefix("tmp_") }, "\(desk.entries)")
        }

        private static let failures: [(word: String, text: String)] = [
            ("crash", "cannot use odd://crash: plugin org.test.odd: resolve: it crashed (signal 11)"),
            ("crash-fetch", "cannot use odd://crash-fetch: plugin org.test.odd: fetch: it crashed (signal 6)"),
            ("exit", "cannot use odd://exit: plugin org.test.odd: resolve: it ended the process with status 7"),
            ("silent", "plugin org.test.odd: resolve: it found odd://silent, but did not say what"),
            ("mute", "plugin org.test.odd: resolve: it failed without a reason (SKIFF_E_SYSTEM)"),
            (
                "reason",
                "plugin org.test.odd: resolve: cannot find the odd thing: no such file or directory. Look behind the sofa"
            ),
            ("kind", "plugin org.test.odd: resolve: its answer has the unknown kind 77"),
            ("ignores", "plugin org.test.odd: resolve: its answer has the unknown kind 77"),
            ("twice", "plugin org.test.odd: resolve: it answered twice"),
            ("size", "plugin org.test.odd: resolve: its answer has an impossible size"),
            ("not-a-digest", "plugin org.test.odd: resolve: \"sha256:../../etc/passwd\" is no digest"),
            ("identity", "plugin org.test.odd: resolve: its identity is longer than 1024 bytes"),
            ("declined", "cannot find odd://declined: no plugin that serves odd:// knows it"),
            ("wrong-digest", "what the plugin org.test.odd fetched has the digest sha256:"),
            ("short", "what the plugin org.test.odd fetched has "),
            ("truncated", "cannot use odd://truncated: what the plugin org.test.odd fetched is no image: "),
            ("garbage", "what the plugin org.test.odd fetched is no image: image format not recognized"),
        ]

        /// A file that ends too early is detected by what it says about itself.
        @Test(.needs(.mksquashfs)) func truncatedFileSystemsAreFoundOut() throws {
            let desk = try Desk(.current)
            defer { desk.remove() }
            let make = """
                truncate -s 8M whole.ext3; mke2fs -q -t ext3 -O ^ext_attr,^resize_inode,^dir_index whole.ext3
                cp \(try Images.shared.get().squashfs) whole.squashfs; mkdir store store/x
                for kind in ext3 squashfs; do cp whole.$kind store/x/$kind.sif; done
                """
            var command = Command(["/bin/sh", "-ec", make], as: .current)
            command.directory = desk.folder
            let made = try command.run()
            #expect(made.isSuccess, "\(made)")
            for kind in ["ext3", "squashfs"] {
                #expect(try desk.run("pull", "whole.sif", "file-store://x:" + kind).isSuccess)
                try unlink(desk.folder + "/whole.sif")
                let file = try open(desk.folder + "/store/x/\(kind).sif", O_WRONLY)
                try Linux.ftruncate(file.raw, 300_000)
                let cut = try desk.run("pull", "cut.sif", "file-store://x:" + kind)
                #expect(
                    cut.end == .exited(255) && cut.standardError.contains("is no image: it ends after 300000 of "),
                    "\(cut)")
                #expect(!desk.exists("cut.sif"))
            }
        }

        @Test(arguments: Profile.allCases) func whatAPluginDoesWrongIsTold(profile: Profile) throws {
            try need(profile)
            let desk = try Desk(profile)
            defer { desk.remove() }
            let environment = ["ODD_IMAGE": try Images.shared.get().sif]
            for (word, text) in Self.failures {
                for words in [["pull", "out.sif"], ["exec"]] {
                    let outcome = try desk.command(
                        words + ["odd://" + word] + (words == ["exec"] ? ["true"] : []), environment
                    ).run()
                    let wanted = text.hasPrefix("what") ? "cannot use odd://\(word): \(text)" : text
                    #expect(outcome.end == .exited(255), "\(outcome)")
                    #expect(outcome.standardError.contains("FATAL:   " + wanted), "\(outcome)")
                }
            }
            #expect(desk.files == [] && desk.entries == [])
            let built = try desk.command(["build", "out.sif", "odd://crash-fetch"], environment).run()
            #expect(built.end == .exited(255) && built.standardError.contains("it crashed (signal 6)"), "\(built)")
            #expect(desk.files == [])
        }

        @Test func whatAPluginPromisesIsKept() throws {
            try need(Profile.current.mounting)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            func pull(_ word: String, _ more: [String: String] = [:], _ flags: String...) throws -> Outcome {
                try desk.command(
                    ["pull", "--force"] + flags + ["out.sif", "odd://" + word],
                    ["ODD_IMAGE": sif].merging(more) { $1 }
                ).run()
            }
            // Nothing tells when it changes, so it is fetched each time.
            for _ in 0..<2 {
                let plain = try pull("plain")
                #expect(plain.isSuccess && plain.standardError.contains("Fetching odd://plain"), "\(plain)")
                #expect(desk.entries == [])
            }
            for (revision, isFetched) in [("1", true), ("1", false), ("2", true)] {
                let outcome = try pull("revision", ["ODD_REVISION": revision])
                #expect(outcome.isSuccess, "\(outcome)")
                #expect(outcome.standardError.contains("Fetching") == isFetched, "\(outcome)")
            }
            #expect(desk.entries.count == 2)
            #expect(try desk.bytes("out.sif") == readFile(sif))
            let sum = try Command(["/usr/bin/sha256sum", sif], as: .current).run().standardOutput.prefix(64)
            #expect(try pull("digest", ["ODD_DIGEST": "sha256:\(sum)"]).isSuccess)
            #expect(desk.entries.contains(String(sum)))
            // Output against the rules does not spoil the answer.
            let noisy = try pull("noisy", [:], "--json")
            #expect(noisy.isSuccess && noisy.standardOutput.hasPrefix("{"), "\(noisy)")
            #expect(noisy.standardError.contains("noise"), "\(noisy)")
            #expect(try pull("architecture").end == .exited(255))
            #expect(try pull("architecture", [:], "--arch", "arm64").isSuccess)
            let run = try desk.run("exec", "odd://plain", "/inside", "exit", "5", with: ["ODD_IMAGE": sif])
            #expect(run.end == .exited(5), "\(run)")
        }

        /// What plugins that hang leave.
        @Test func pushesThatFail() throws {
            let folder = try WorkDirectory.make(for: .current)
            let installation = try Self.copyOfInstallation(to: folder + "/copy")
            let desk = try Desk(.current, installation)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let unable = try desk.run("push", sif, "odd://x")
            #expect(
                unable.end == .exited(255)
                    && unable.standardError.contains("to odd://x: the plugin org.test.odd can only fetch"), "\(unable)")
            try Self.addOdd(to: installation, head: "push-schemes = odd", "-DPUSH=push")
            for (word, text) in [
                ("x", "FATAL:   plugin org.test.odd: push: cannot push to the odd thing"),
                ("crash", "cannot use odd://crash: plugin org.test.odd: push: it crashed (signal 11)"),
                ("declined", "to odd://declined: no plugin that serves odd:// takes it"),
            ] {
                let outcome = try desk.run("push", sif, "odd://" + word)
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(text), "\(outcome)")
            }
            try desk.write("text", "no image")
            let text = try desk.run("push", "text", "file-store://x")
            #expect(text.end == .exited(255) && text.standardError.contains("it is no SIF"), "\(text)")
            try desk.write("store", "a file")
            let blocked = try desk.run("push", sif, "file-store://x")
            #expect(
                blocked.end == .exited(255) && blocked.standardError.contains("push: cannot make ")
                    && blocked.standardError.contains(": not a directory"), "\(blocked)")
            let outside = try desk.run("push", sif, "file-store://../x")
            #expect(
                outside.standardError.contains("cannot use file-store://../x. file-store://NAME:TAG is the form"),
                "\(outside)")
        }

        /// Our own schemes stay ours, the first plugin is asked first, and an unknown scheme is reported.
        @Test func schemesAreSharedAndMissed() throws {
            let folder = try WorkDirectory.make(for: .current)
            let installation = try Self.copyOfInstallation(to: folder + "/copy")
            let desk = try Desk(.current, installation)
            defer { desk.remove() }
            let environment = ["ODD_IMAGE": try Images.shared.get().sif]
            func pull(_ address: String) throws -> Outcome {
                try desk.command(["pull", "--force", "out.sif", address], environment).run()
            }
            #expect(try pull("odd://declined").end == .exited(255))
            // A second one gets what the first declines, and is not asked for what the first knows.
            try Self.addOdd(to: installation, id: "org.test.second", head: "priority = 5", "-DDECLINES=\"reason\"")
            #expect(try pull("odd://declined").isSuccess)
            #expect(try pull("odd://reason").standardError.contains("plugin org.test.odd: resolve: "))
            try Self.addOdd(to: installation, id: "org.test.second", head: "priority = -5", "-DDECLINES=\"reason\"")
            #expect(try pull("odd://crash").standardError.contains("plugin org.test.second: resolve: it crashed"))

            try Self.addOdd(to: installation, id: "org.test.thief", schemes: "oci")
            let listed = try desk.run("plugin", "list", "--all")
            #expect(listed.standardOutput.contains(" broken  org.test.thief\n"), "\(listed)")
            let inspected = try desk.run("plugin", "inspect", "org.test.thief")
            #expect(inspected.standardError.contains("the scheme oci is skiff's own"), "\(inspected)")
            let own = try pull("oci:/nowhere")
            #expect(own.standardError.contains("cannot read /nowhere: no such file or directory"), "\(own)")
            try unlink(installation + "/lib/skiff/plugins/org.test.thief.plugin")

            let odd = try desk.run("plugin", "inspect", "file-store")
            #expect(odd.standardOutput.contains("Scheme: file-store:// (pull, push)\n"), "\(odd)")
            #expect(
                try desk.run("plugin", "inspect", "org.test.odd").standardOutput.contains("Scheme: odd:// (pull)\n"))
            for id in ["org.skiff.file-store", "org.test.odd"] {
                let check = try desk.run("plugin", "check", "--skip", "load-under-5ms", id)
                #expect(check.isSuccess && check.standardOutput.contains("success  hostile-uris\n"), "\(check)")
            }

            let missing = "Unsupported transport type: file-store"
            let disabled =
                "FATAL:   \(missing). The plugin org.skiff.file-store serves file-store://, but is disabled; "
                + "'plugin enable org.skiff.file-store' changes that\n"
            #expect(try desk.run("plugin", "disable", "org.skiff.file-store").isSuccess)
            func everywhere(_ text: String) throws {
                for words in [
                    ["exec", "file-store://x", "true"], ["pull", "file-store://x"],
                    ["push", environment["ODD_IMAGE"] ?? "", "file-store://x"],
                ] {
                    var command = try desk.command(words)
                    command.environment["SKIFF_FILE_STORE"] = nil
                    let outcome = try command.run()
                    #expect(outcome.end == .exited(255) && outcome.standardError == text, "\(outcome)")
                }
            }
            try everywhere(disabled)
            let flag = try desk.run("pull", "file-store://x")
            #expect(
                flag.end == .exited(255)
                    && flag.standardError.hasPrefix("FATAL:   cannot use the variable SKIFF_FILE_STORE: "), "\(flag)")
            try unlink(installation + "/lib/skiff/plugins/org.skiff.file-store.plugin")
            try everywhere("FATAL:   \(missing). No installed plugin serves file-store://\n")
            try writeFile(installation + "/lib/skiff/plugins/org.bad.plugin", Array("nonsense".utf8), mode: 0o644)
            try everywhere(
                "FATAL:   \(missing). No plugin that can be used serves file-store://; "
                    + "'plugin list --all' shows those that cannot\n")
        }
    }
}
