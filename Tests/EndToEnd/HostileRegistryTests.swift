import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Registries that are broken or malicious: one clear error and nothing left, or the right image nevertheless.
    @Suite struct HostileRegistries {
        typealias Desk = EndToEnd.Registries.Desk

        private func pull(_ desk: Desk, _ registry: LyingRegistry, _ name: String, _ flags: [String] = []) throws
            -> Outcome
        {
            try skiffCommand(["pull"] + flags + ["out.sif", "oras://\(registry.host)/\(name)/x"], as: desk.profile) {
                $0.environment["HOME"] = desk.folder
                $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                $0.environment["APPTAINER_DOWNLOAD_PART_SIZE"] = "200000"
                $0.environment["APPTAINER_NETWORK_TIMEOUT"] = "2"
                $0.directory = desk.folder
                $0.seconds = 60
            }.run()
        }

        /// Faults that a pull survives: the server is still usable.
        @Test(.needs(.python), arguments: ["good", "norange", "cut", "liar", "other", "busy", "slow"])
        func rightImageComes(mode: String) throws {
            let sif = try Images.shared.get().sif
            let registry = try LyingRegistry(sif: sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let outcome = try pull(desk, registry, mode)
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try desk.bytes("out.sif") == readFile(sif))
            #expect(desk.files == ["out.sif"])
        }

        @Test(
            .needs(.python),
            arguments: [
                ("corrupt", "its content has the digest"), ("short", "the connection was cut"),
                ("long", "bytes instead of"),
                ("stall", "nothing came for too long"), ("forged", "its content has the digest"),
                ("foreign", "has no image for linux/"), ("loop", "redirects without end"), ("closed", "3600 seconds"),
                ("private", "authentication required"),
            ])
        func oneClearErrorAndNothingLeft(mode: String, text: String) throws {
            let sif = try Images.shared.get().sif
            let registry = try LyingRegistry(sif: sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let outcome = try pull(desk, registry, mode)
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(outcome.standardError.contains(text), "\(outcome)")
            #expect(outcome.standardError.components(separatedBy: "FATAL:").count == 2, "\(outcome)")
            #expect(desk.files == [])
            // The cache is still sound: the same image comes from where it is good.
            let good = try pull(desk, registry, "good")
            #expect(good.isSuccess, "\(good)")
            #expect(try desk.bytes("out.sif") == readFile(sif))
        }

        /// `private` redirects to another host; `distant` has a foreign layer, which is on another host.
        @Test(.needs(.python), arguments: ["private", "distant"]) func credentialsStayWithTheirHost(mode: String) throws
        {
            let sif = try Images.shared.get().sif
            let registry = try LyingRegistry(sif: sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let outcome = try pull(
                desk, registry, mode, ["--docker-username", "ann", "--docker-password", "secret"])
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try desk.bytes("out.sif") == readFile(sif))
            let elsewhere = registry.requests.filter { $0.path.hasPrefix("/elsewhere") }
            #expect(
                !elsewhere.isEmpty
                    && elsewhere.allSatisfy { $0.authorization == nil && $0.host?.hasPrefix("localhost") == true })
            #expect(
                registry.requests.contains {
                    $0.path.contains("/blobs/") && $0.authorization?.hasPrefix("Basic ") == true
                })
        }

        @Test(.needs(.python)) func refusesWhatCannotBe() throws {
            let registry = try LyingRegistry(sif: try Images.shared.get().sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            for (words, text) in [
                (["pull", "oras://\(registry.host)/good/x:missing"], "no such image or tag"),
                (["pull", "oras://127.0.0.1:1/x"], "cannot reach registry 127.0.0.1:1"),
                (["pull", "oras://\(registry.host)/Good/x"], "lowercase"),
                (["pull", "x.sif"], "No transport type URI"),
                (["pull", "nonsense://a"], "Unsupported transport type: nonsense"),
                (["pull", "--arch", "vax", "oras://\(registry.host)/good/x"], "arch: vax is not valid"),
                (["pull", "no/where/x.sif", "oras://\(registry.host)/good/x"], "there is no directory"),
                (["push", "/etc/passwd", "oras://\(registry.host)/good/x"], "it is no SIF"),
                (["pull", "https://127.0.0.1:1/x"], "cannot download https://127.0.0.1:1/x"),
            ] {
                let outcome = try skiffCommand(words, as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.directory = desk.folder
                }.run()
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(text), "\(outcome)")
                #expect(desk.files == [])
            }
        }

        /// Kills a pull at random moments, `SKIFF_TEST_KILLS` times (10): afterwards there is a whole image or none,
        /// and the next pull succeeds whatever the killed one left.
        @Test(.needs(.python), arguments: ["oras", "docker"]) func survivesBeingKilled(transport: String) throws {
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            // Both are slow, so that they can be killed anywhere.
            let server: LyingRegistry
            var behind: LocalRegistry?
            if transport == "oras" {
                server = try LyingRegistry(sif: sif)
            } else {
                try need(.registry, .umoci, .skopeo)
                let (registry, maker) = (try LocalRegistry(), try Desk(.current))
                defer { maker.remove() }
                try DockerImages.upload(DockerImages.layout(in: maker), registry, "slow/x")
                server = try LyingRegistry(proxyTo: registry.host)
                try server.delay(0.002)
                behind = registry
            }
            let command = try skiffCommand(["pull", "out.sif", "\(transport)://\(server.host)/slow/x"], as: .current) {
                $0.environment["HOME"] = desk.folder
                $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                $0.environment["APPTAINER_TMPDIR"] = desk.folder
                $0.environment["APPTAINER_DOWNLOAD_PART_SIZE"] = "65536"
                $0.environment["APPTAINER_DOWNLOAD_CONCURRENCY"] = "2"
                $0.environment["SOURCE_DATE_EPOCH"] = "1000000000"
                $0.directory = desk.folder
            }
            func startOver() throws {
                for name in try FileManager.default.contentsOfDirectory(atPath: desk.folder) {
                    try FileManager.default.removeItem(atPath: desk.folder + "/" + name)
                }
            }
            let start = Date()
            let undisturbed = try command.run()
            let whole = Date().timeIntervalSince(start)
            #expect(undisturbed.isSuccess, "\(undisturbed)")
            let expected = try desk.bytes("out.sif")
            if transport == "oras" { #expect(try expected == readFile(sif)) }
            try startOver()

            let rounds = environmentValue("SKIFF_TEST_KILLS").flatMap { Int($0) } ?? 10
            for round in 1...rounds {
                let moment = Double.random(in: 0..<whole)
                let running = try command.start()
                usleep(useconds_t(moment * 1_000_000))
                ProcessTable.current().filter { $0.session == running.pid }.forEach { kill($0.pid, SIGKILL) }
                let outcome = try running.wait(seconds: 10)
                guard desk.exists("out.sif") else { continue }
                #expect(try desk.bytes("out.sif") == expected, "round \(round), after \(moment) s: \(outcome)")
                try startOver()
            }
            if !desk.exists("out.sif") {
                let last = try command.run()
                #expect(last.isSuccess, "\(last)")
            }
            #expect(try desk.bytes("out.sif") == expected)
            // Everything is in the cache now, and sound.
            let before = server.requests.count
            var again = command
            again.words.insert("--force", at: 2)
            #expect(try again.run().isSuccess)
            #expect(try desk.bytes("out.sif") == expected)
            #expect(!server.requests.dropFirst(before).contains { $0.path.contains("/blobs/") })
            #expect(
                desk.files.filter { !$0.hasPrefix(".out.sif.skiff-") && !$0.hasPrefix(".skiff-pull-") } == ["out.sif"])
            withExtendedLifetime(behind) {}
        }

        /// What a killed pull left unfinished in the cache is removed by the next one, whatever it pulls.
        @Test(.needs(.python), arguments: ["download", "conversion"], Profile.allCases)
        func leavingsOfTheKilledGo(moment: String, profile: Profile) throws {
            try need(profile)
            let desk = try Desk(profile)
            defer { desk.remove() }
            func pull(_ name: String, _ address: String) throws -> Command {
                try skiffCommand(["pull", "--force", name, address], as: profile) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.environment["APPTAINER_TMPDIR"] = desk.folder
                    $0.directory = desk.folder
                    $0.seconds = 60
                }
            }
            func left() -> [String] {
                ["net", "oci-tmp"].flatMap { Self.names(desk.folder + "/.apptainer/cache/" + $0) }
                    .filter { $0.hasPrefix("tmp_") } + Self.names(desk.folder + "/.apptainer/cache/leases")
            }
            let images = try Images.shared.get()
            let web = try WebServer(images.folder)
            defer { try? web.stop() }
            let slow = try LyingRegistry(proxyTo: String(web.address.dropFirst("http://".count)))
            try slow.delay(0.02)
            let small = "oci:" + (try Layers.image.get())
            let isDownload = moment == "download"
            if !isDownload { #expect(try pull("small.sif", small).run().isSuccess) }
            let large =
                isDownload
                ? "http://\(slow.host)/\(images.sif.dropFirst(images.folder.count + 1))"
                : "oci:" + (try Self.largeImage())
            let running = try pull("large.sif", large).start()
            #expect((0..<10_000).contains { _ in left().count == 2 || usleep(1000) != 0 })
            ProcessTable.current().filter { $0.session == running.pid }.forEach { kill($0.pid, SIGKILL) }
            _ = try running.wait(seconds: 10)
            #expect(left().count == 2, "\(left())")
            // One has to fetch again, the other has everything it needs.
            let next = try isDownload ? pull("large.sif", large).run() : pull("small.sif", small).run()
            #expect(next.isSuccess, "\(next)")
            #expect(next.standardError.contains("Using cached SIF image") == !isDownload, "\(next)")
            #expect(left() == [])
        }

        /// Two pulls that want the same image wait for one another, and an interrupted one tidies up.
        @Test(.needs(.python), arguments: ["net", "library"]) func imagesAreFetchedOnce(kind: String) throws {
            let desk = try Desk(.current)
            defer { desk.remove() }
            let images = try Images.shared.get()
            let web = try WebServer(images.folder)
            defer { try? web.stop() }
            let library = try LyingRegistry("library", sif: images.sif)
            let target = kind == "library" ? library.host : String(web.address.dropFirst("http://".count))
            let slow = try LyingRegistry(proxyTo: target)
            func start(_ words: String...) throws -> RunningCommand {
                try skiffCommand(words, as: desk.profile) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    // Addresses of this machine are not asked through a proxy, so the names are made up.
                    $0.environment["http_proxy"] = "http://\(slow.host)"
                    $0.directory = desk.folder
                }.start()
            }
            func succeed(_ running: RunningCommand) throws {
                let outcome = try running.wait(seconds: 30)
                #expect(outcome.isSuccess, "\(outcome)")
            }
            var address = "http://web.invalid" + images.sif.dropFirst(images.folder.count)
            if kind == "library" {
                address = "library://team/tools/full:1"
                try succeed(start("remote", "add", "--no-login", "-i", "office", "http://library.invalid"))
                try succeed(start("remote", "login", "-p", "good"))
                try succeed(start("push", "-U", images.sif, address))
            }
            try slow.delay(0.02)
            let cache = desk.folder + "/.apptainer/cache/" + kind
            let stopped = try start("pull", "stopped.sif", address)
            #expect((0..<10_000).contains { _ in !Self.names(cache).isEmpty || usleep(1000) != 0 })
            try stopped.signal(SIGINT)
            #expect(try stopped.wait(seconds: 10).end == .signaled(SIGINT))
            #expect(Self.names(cache) == [])
            let before = slow.requests.count
            for running in [try start("pull", "one.sif", address), try start("pull", "two.sif", address)] {
                try succeed(running)
            }
            let fetched = slow.requests.dropFirst(before).count {
                $0.method == "GET" && ($0.path.contains("/imagefile/") || $0.path.hasSuffix(".sif"))
            }
            #expect(fetched == 1, "\(slow.requests.dropFirst(before))")
            #expect(try desk.bytes("one.sif") == readFile(images.sif) && desk.bytes("two.sif") == readFile(images.sif))
            #expect(desk.files == ["one.sif", "two.sif"])
        }

        private static func names(_ folder: String) -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        }

        /// A layout that takes a while to become a SIF.
        private static func largeImage() throws -> String {
            let folder = try WorkDirectory.make(for: .current)
            let script = """
                mkdir -p root/etc && head -c 60000000 /dev/urandom >root/large && chmod 755 .
                exec \(Stage.repository)/Tests/Corpus/Layers/make-image root "$PWD/layout" '{}'
                """
            var command = Command(["/bin/sh", "-ec", script], as: .current)
            (command.directory, command.seconds) = (folder, 60)
            let made = try command.run()
            guard made.isSuccess else { throw HarnessError("cannot make an image: \(made)") }
            return folder + "/layout"
        }

        @Test(.needs(.root, .python)) func stopsAtAFullDisk() throws {
            let sif = try Images.shared.get().sif
            let registry = try LyingRegistry(sif: sif)
            let desk = try Desk(.root)
            defer { desk.remove() }
            // A tmpfs of a few blocks, in a mount namespace that ends with the command.
            let program = try Stage.shared.get().program
            let script =
                "mkdir small && mount -t tmpfs -o size=200k none small && cd small && "
                + "HOME=$PWD exec \(program) pull out.sif oras://\(registry.host)/good/x"
            var command = Command(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script], as: .root)
            command.directory = desk.folder
            let outcome = try command.run()
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("no space left"), "\(outcome)")
        }
    }
}
