import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// SIF files in registries, against the registry that others use (Docs/spec/sif-use.md §7,
    /// Docs/spec/cli.md §5, §7).
    @Suite struct Registries {
        /// A user with an empty home, and a directory to work in.
        struct Desk {
            let profile: Profile
            let folder: String

            init(_ profile: Profile) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
            }

            func run(_ words: String..., change: (inout Command) -> Void = { _ in }) throws -> Outcome {
                try run(words, change: change)
            }

            func run(_ words: [String], change: (inout Command) -> Void = { _ in }) throws -> Outcome {
                try skiffCommand(words, as: profile) { command in
                    command.environment["HOME"] = folder
                    command.environment["APPTAINER_CACHEDIR"] = folder + "/.apptainer"
                    command.directory = folder
                    change(&command)
                }.run()
            }

            func bytes(_ name: String) throws -> [UInt8] { try readFile(folder + "/" + name) }

            func exists(_ name: String) -> Bool { (try? status(folder + "/" + name, follow: false)) != nil }

            /// Everything except the home's own dot files.
            var files: [String] {
                ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0 != ".apptainer" }
                    .sorted()
            }

            func remove() { try? FileManager.default.removeItem(atPath: folder) }
        }

        @Test(.needs(.registry), arguments: Profile.allCases) func pushedSIFComesBackIdentical(profile: Profile) throws
        {
            try need(profile)
            let registry = try LocalRegistry()
            let desk = try Desk(profile)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let address = "oras://\(registry.host)/team/full:1"
            let pushed = try desk.run("push", "--annotation", "team=a", "--description", "small", sif, address)
            #expect(pushed.isSuccess && pushed.standardError.contains("INFO:    Upload complete\n"), "\(pushed)")
            let pulled = try desk.run("pull", address)
            #expect(pulled.isSuccess, "\(pulled)")
            #expect(try desk.bytes("full_1.sif") == readFile(sif))
            #expect(desk.files == ["full_1.sif"])
            let again = try desk.run("pull", address)
            #expect(again.end == .exited(255) && again.standardError.contains("Image file already exists:"), "\(again)")
            let forced = try desk.run("pull", "--force", address)
            #expect(forced.isSuccess && forced.standardError.contains("Using cached SIF image"), "\(forced)")
            let manifest = try desk.run("--version")
            #expect(manifest.isSuccess)
            #expect(registry.log.components(separatedBy: "GET /v2/team/full/blobs/sha256:").count == 2)
        }

        @Test(.needs(.registry)) func manifestIsApptainers() throws {
            let registry = try LocalRegistry()
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let pushed = try desk.run(
                "push", "-D", "text", "--annotation", "a=b=c", "--annotation", "wrong", sif, "oras://\(registry.host)/x"
            )
            #expect(pushed.isSuccess && pushed.standardError.contains("WARNING: "), "\(pushed)")
            let url = try #require(URL(string: "http://\(registry.host)/v2/x/manifests/latest"))
            let answer = try Command(
                [
                    "/usr/bin/python3", "-c",
                    "import sys,urllib.request as u; print(u.urlopen(u.Request(sys.argv[1], headers={'Accept': 'application/vnd.oci.image.manifest.v1+json'})).read().decode())",
                    url.absoluteString,
                ], as: .current
            ).run()
            let text = answer.standardOutput
            #expect(
                text.contains(
                    #""mediaType":"application/vnd.sylabs.sif.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30=""#
                ), "\(answer)")
            #expect(text.contains(#""annotations":{"org.opencontainers.image.title":"full.sif"}"#), "\(answer)")
            #expect(text.contains(#""a":"b=c","org.opencontainers.image.created":""#), "\(answer)")
            #expect(text.contains(#""org.opencontainers.image.description":"text""#) && !text.contains("artifactType"))
        }

        @Test(.needs(.registry), arguments: Profile.allCases) func launchesByAddress(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let registry = try LocalRegistry()
            let desk = try Desk(profile)
            defer { desk.remove() }
            let address = "oras://\(registry.host)/full"
            #expect(try desk.run("push", Images.shared.get().sif, address).isSuccess)
            let missing = try desk.run("exec", "--pull=never", address, "/inside", "exit", "3")
            #expect(missing.end == .exited(255) && missing.standardError.contains("--pull=never"), "\(missing)")
            for _ in 0..<2 {
                let outcome = try desk.run("exec", address, "/inside", "exit", "3")
                #expect(outcome.end == .exited(3), "\(outcome)")
            }
            let temporary = desk.folder + "/two words"
            try makeDirectory(temporary, mode: 0o755)
            if let record = profile.record { try chown(temporary, record.uid, record.gid) }
            let uncached = try desk.run("exec", "--disable-cache", address, "/inside", "exit", "4") {
                $0.environment["APPTAINER_TMPDIR"] = temporary
            }
            #expect(uncached.end == .exited(4), "\(uncached)")
            let requests = registry.log
            for policy in ["missing", "never"] {
                let outcome = try desk.run("exec", "--pull=\(policy)", address, "/inside", "exit", "5")
                #expect(outcome.end == .exited(5), "\(outcome)")
            }
            #expect(registry.log == requests, "an image of the cache was asked for")
            let unknown = try desk.run("exec", "oras://\(registry.host)/none", "true")
            #expect(unknown.end == .exited(255) && unknown.standardError.hasPrefix("FATAL:   "), "\(unknown)")
        }

        @Test(.needs(.registry)) func tagsSearchesAndDeletes() throws {
            let registry = try LocalRegistry()
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let address = "oras://\(registry.host)/team/full"
            #expect(try desk.run("push", sif, address + ":1").isSuccess)
            #expect(try desk.run("tag", address + ":1", "stable").isSuccess)
            let tags = try desk.run("search", address)
            #expect(
                tags.standardOutput
                    == "Found 2 container images matching \"\(registry.host)/team/full\":\n\n"
                    + "\t\(address):1\n\n\t\(address):stable\n\n", "\(tags)")
            let catalog = try desk.run("search", "oras://\(registry.host)")
            #expect(catalog.standardOutput.contains("\toras://\(registry.host)/team/full\n"), "\(catalog)")
            #expect(try desk.run("pull", address + ":stable").isSuccess)
            let refused = try desk.run("delete", address + ":1")
            #expect(refused.isSuccess)
            #expect(try desk.run("delete", "--force", address + ":1").isSuccess)
            let gone = try desk.run("pull", address + ":1")
            #expect(gone.end == .exited(255) && gone.standardError.contains("no such image or tag"), "\(gone)")
            #expect(!desk.exists("full_1.sif"))
        }

        @Test(.needs(.registry, .htpasswd), arguments: Profile.allCases) func logsInWithAPassword(profile: Profile)
            throws
        {
            try need(profile)
            let registry = try LocalRegistry(.password)
            let desk = try Desk(profile)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let address = "oras://\(registry.host)/full:1"
            let anonymous = try desk.run("push", sif, address)
            #expect(
                anonymous.end == .exited(255) && anonymous.standardError.contains("authentication required"),
                "\(anonymous)")
            let wrong = try desk.run("registry", "login", "-u", "ann", "-p", "wrong", "docker://\(registry.host)")
            #expect(wrong.end == .exited(255), "\(wrong)")
            #expect(!desk.exists(".apptainer/docker-config.json"))
            let login = try desk.run("registry", "login", "-u", "ann", "-p", "secret", "docker://\(registry.host)")
            #expect(login.isSuccess, "\(login)")
            let file = desk.folder + "/.apptainer/docker-config.json"
            #expect(try status(file).permissions == 0o600)
            let list = try desk.run("registry", "list")
            #expect(
                list.standardOutput.hasPrefix("\nURI") && list.standardOutput.contains("docker://\(registry.host)"),
                "\(list)")
            #expect(try desk.run("push", sif, address).isSuccess)
            #expect(try desk.run("pull", "a.sif", address).isSuccess)
            #expect(try desk.run("registry", "logout", "docker://\(registry.host)").isSuccess)
            #expect(try desk.run("pull", "b.sif", address).end == .exited(255))
            let byVariable = try desk.run("pull", "c.sif", address) {
                $0.environment["DOCKER_USERNAME"] = "ann"
                $0.environment["DOCKER_PASSWORD"] = "secret"
            }
            #expect(byVariable.isSuccess, "\(byVariable)")
            let other = desk.folder + "/auth.json"
            let auth = Data("ann:secret".utf8).base64EncodedString()
            try Data(#"{"auths":{"\#(registry.host)":{"auth":"\#(auth)"}}}"#.utf8).write(to: URL(filePath: other))
            try Linux.chmod(other, 0o644)
            #expect(try desk.run("pull", "--authfile", other, "d.sif", address).isSuccess)
            #expect(desk.files == ["a.sif", "auth.json", "c.sif", "d.sif"])
        }

        /// A login of ours hides none made by docker's tools; of two for one registry, ours counts.
        @Test(.needs(.registry, .htpasswd), arguments: Profile.allCases) func loginsOfDockerStay(profile: Profile)
            throws
        {
            try need(profile)
            let registry = try LocalRegistry(.password)
            let desk = try Desk(profile)
            defer { desk.remove() }
            func keep(_ name: String, _ host: String, _ login: String) throws {
                let auth = Data(login.utf8).base64EncodedString()
                let path = desk.folder + "/" + name
                try makeDirectories(parentPath(path) ?? "/", mode: 0o755)
                try Data(#"{"auths":{"\#(host)":{"auth":"\#(auth)"}}}"#.utf8).write(to: URL(filePath: path))
                try Linux.chmod(path, 0o644)
                if effectiveUID() == 0, let record = profile.record {
                    try chown(parentPath(path) ?? "/", record.uid, record.gid)
                }
            }
            try keep(".apptainer/docker-config.json", "localhost:1", "eve:other")
            try keep(".docker/config.json", registry.host, "ann:secret")
            let address = "oras://\(registry.host)/full:1"
            let pushed = try desk.run("push", try Images.shared.get().sif, address)
            #expect(pushed.isSuccess, "\(pushed)")
            try keep(".apptainer/docker-config.json", registry.host, "ann:wrong")
            #expect(try desk.run("pull", "a.sif", address).end == .exited(255))
        }

        @Test(arguments: Profile.allCases) func unknownLogoutIsNoFailure(profile: Profile) throws {
            try need(profile)
            let desk = try Desk(profile)
            defer { desk.remove() }
            for words in [
                ["docker://localhost:1"], ["oras://localhost:1/a"], ["--authfile", "none.json", "docker://a.example"],
            ] {
                let outcome = try skiffCommand(["registry", "logout"] + words, as: profile) {
                    $0.environment["HOME"] = desk.folder
                    $0.directory = desk.folder
                }.run()
                #expect(outcome.isSuccess, "\(outcome)")
                #expect(
                    outcome.standardError.contains("WARNING: There is no login for \(words.last ?? "")"), "\(outcome)")
            }
            #expect(desk.files.isEmpty && !desk.exists(".apptainer/docker-config.json"))
        }

        @Test func armWithoutAVariantAsksNobody() throws {
            let desk = try Desk(.current)
            defer { desk.remove() }
            for words in [["pull", "--arch", "arm", "a.sif"], ["build", "--arch", "arm", "a.sif"]] {
                let outcome = try skiffCommand(words + ["docker://localhost:1/a"], as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.directory = desk.folder
                }.run()
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("arch: arm is not valid"), "\(outcome)")
                #expect(outcome.standardError.contains("--arch-variant 5, 6 or 7"), "\(outcome)")
            }
            #expect(desk.files.isEmpty)
        }

        @Test(.needs(.registry, .htpasswd)) func asksACredentialHelper() throws {
            let registry = try LocalRegistry(.password)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let helper =
                "#!/bin/sh\nread -r host\n[ \"$1 $host\" = \"get \(registry.host)\" ] || { echo none; exit 1; }\n"
                + "printf '{\"ServerURL\":\"%s\",\"Username\":\"ann\",\"Secret\":\"secret\"}' \"$host\"\n"
            try writeFile(desk.folder + "/docker-credential-tests", Array(helper.utf8), mode: 0o755)
            let config = #"{"credHelpers":{"\#(registry.host)":"tests"}}"#
            try writeFile(desk.folder + "/auth.json", Array(config.utf8), mode: 0o600)
            let pushed = try desk.run(
                "push", "--authfile", "auth.json", try Images.shared.get().sif, "oras://\(registry.host)/full"
            ) {
                $0.environment["PATH"] = desk.folder + ":" + ($0.environment["PATH"] ?? "")
            }
            #expect(pushed.isSuccess, "\(pushed)")
        }

        @Test(.needs(.registry, .openssl)) func trustsAnOwnAuthority() throws {
            let registry = try LocalRegistry(.tls)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let address = "oras://\(registry.host)/full"
            let unknown = try desk.run("push", try Images.shared.get().sif, address)
            #expect(unknown.end == .exited(255) && unknown.standardError.contains("SSL_CERT_FILE"), "\(unknown)")
            for words in [["push", try Images.shared.get().sif, address], ["pull", address]] {
                let outcome = try skiffCommand(words, as: .current) {
                    $0.environment["SSL_CERT_FILE"] = registry.folder + "/cert.pem"
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.directory = desk.folder
                }.run()
                #expect(outcome.isSuccess, "\(outcome)")
            }
            #expect(desk.files == ["full_latest.sif"])
        }

        @Test(.needs(.registry, .openssl, .python)) func getsTokens() throws {
            let registry = try LocalRegistry(.token)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let login: (inout Command) -> Void = {
                $0.environment["APPTAINER_DOCKER_USERNAME"] = "ann"
                $0.environment["APPTAINER_DOCKER_PASSWORD"] = "secret"
            }
            let open = "oras://\(registry.host)/open/full"
            #expect(try desk.run("push", sif, open).end == .exited(255))
            let pushed = try desk.run("push", sif, open, change: login)
            #expect(pushed.isSuccess, "\(pushed)")
            // Everybody may read a public repository.
            let pulled = try desk.run("pull", "a.sif", open)
            #expect(pulled.isSuccess, "\(pulled)")
            let closed = "oras://\(registry.host)/closed/full"
            #expect(try desk.run("push", sif, closed, change: login).isSuccess)
            #expect(try desk.run("pull", "b.sif", closed).end == .exited(255))
            #expect(try desk.run("pull", "b.sif", closed, change: login).isSuccess)
            let wrong = try desk.run("pull", "c.sif", closed) {
                $0.environment["APPTAINER_DOCKER_USERNAME"] = "ann"
                $0.environment["APPTAINER_DOCKER_PASSWORD"] = "no"
            }
            #expect(wrong.end == .exited(255) && wrong.standardError.contains("wrong credentials"), "\(wrong)")
            #expect(desk.files == ["a.sif", "b.sif"])
        }

        @Test(.needs(.registry)) func mirrorsComeFirst() throws {
            let registry = try LocalRegistry()
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            #expect(try desk.run("push", sif, "oras://\(registry.host)/copy/full").isSuccess)
            let text = """
                [[registry]]
                prefix = "far.invalid/team"
                [[registry.mirror]]
                location = "127.0.0.1:1/nobody"
                insecure = true
                [[registry.mirror]]
                location = "\(registry.host)/copy" # this machine
                """
            try writeFile(desk.folder + "/registries.conf", Array(text.utf8), mode: 0o644)
            let pulled = try desk.run("pull", "oras://far.invalid/team/full") {
                $0.environment["CONTAINERS_REGISTRIES_CONF"] = desk.folder + "/registries.conf"
            }
            #expect(pulled.isSuccess, "\(pulled)")
            #expect(try desk.bytes("full_latest.sif") == readFile(sif))
        }

        @Test(.needs(.registry)) func cacheListsAndCleans() throws {
            let registry = try LocalRegistry()
            let desk = try Desk(.current)
            defer { desk.remove() }
            let sif = try Images.shared.get().sif
            let empty = try desk.run("cache", "list")
            #expect(
                empty.standardOutput
                    == "There are 0 container file(s) using 0.00 KiB and 0 oci blob file(s) using 0.00 KiB of space\n"
                    + "Total space used: 0.00 KiB\n", "\(empty)")
            #expect(try desk.run("push", sif, "oras://\(registry.host)/full").isSuccess)
            #expect(try desk.run("pull", "oras://\(registry.host)/full").isSuccess)
            let filled = try desk.run("cache", "list", "--type", "oras", "--verbose")
            let lines = filled.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first == "NAME                     DATE CREATED           SIZE             TYPE", "\(filled)")
            #expect(lines.count == 6 && lines[1].hasPrefix("sha256:") && lines[1].hasSuffix(" oras"), "\(filled)")
            #expect(lines.count == 6 && lines[2].isEmpty && lines[3].hasPrefix("There are 1 container file(s) using "))
            #expect(!filled.standardOutput.contains("blob"))
            let dry = try desk.run("cache", "clean", "--dry-run")
            #expect(
                dry.standardOutput.contains("dry run")
                    && dry.standardError.contains("Removing oras cache entry: sha256:"))
            #expect(try desk.run("cache", "clean").isSuccess, "no answer is no")
            #expect(try desk.run("cache", "clean", "--force", "--days", "1").isSuccess)
            #expect(try desk.run("cache", "list").standardOutput.contains("There are 1 container"))
            #expect(try desk.run("cache", "clean", "--force").isSuccess)
            #expect(try desk.run("cache", "list").standardOutput.contains("There are 0 container"))
        }
    }
}
