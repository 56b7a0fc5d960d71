import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Libraries, hubs, web servers and the remotes that name them (Docs/spec/sif-use.md §8, §9, §11).
    @Suite struct Remotes {
        typealias Desk = EndToEnd.Registries.Desk

        @Test(.needs(.python)) func remotesAreKeptAndListed() throws {
            let server = try LyingRegistry("library", sif: try Images.shared.get().sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let first = try desk.run("remote", "list")
            #expect(
                first.standardOutput
                    == "\nNAME           URI                  DEFAULT?  GLOBAL?  EXCLUSIVE?  SECURE?\n"
                    + "DefaultRemote  cloud.apptainer.org  ✓         ✓                    ✓\n", "\(first)")
            let plain = try desk.run("remote", "add", "--no-login", "office", "http://\(server.host)")
            #expect(plain.end == .exited(255) && plain.standardError.contains("--insecure"), "\(plain)")
            let added = try desk.run("remote", "add", "--no-login", "--insecure", "office", "http://\(server.host)")
            #expect(added.isSuccess && added.standardError.contains("Remote \"office\" added."), "\(added)")
            #expect(try status(desk.folder + "/.apptainer/remote.yaml").permissions == 0o600)
            let twice = try desk.run("remote", "add", "--no-login", "--insecure", "office", "http://\(server.host)")
            #expect(twice.end == .exited(255), "\(twice)")
            let list = try desk.run("remote", "list")
            #expect(list.standardOutput.contains("office         \(server.host)"), "\(list)")
            #expect(list.standardOutput.contains("✗!"), "\(list)")
            let wrong = try desk.run("remote", "login", "-p", "bad", "office")
            #expect(wrong.end == .exited(255) && wrong.standardError.contains("Invalid Credentials"), "\(wrong)")
            #expect(try desk.run("remote", "login", "-p", "good", "office").isSuccess)
            let status = try desk.run("remote", "status")
            #expect(status.isSuccess && status.standardOutput.contains("Library    OK      v1.2.3"), "\(status)")
            #expect(status.standardOutput.contains("Ann <ann@example.org>"), "\(status)")
            #expect(try desk.run("remote", "get-login-password").line == "oidc")
            let keys = try desk.run("keyserver", "list")
            #expect(keys.standardOutput.contains("\nDefaultRemote *\n   #1  https://keys.openpgp.org  🔒\n"), "\(keys)")
            #expect(try desk.run("remote", "use", "DefaultRemote").isSuccess)
            #expect(try desk.run("remote", "logout", "office").isSuccess)
            #expect(try desk.run("remote", "remove", "office").isSuccess)
            let none = try desk.run("remote", "use", "office")
            #expect(none.end == .exited(255) && none.standardError.contains("office is not a remote"), "\(none)")
            let library = try desk.run("pull", "library://alpine")
            #expect(library.end == .exited(255) && library.standardError.contains("no library client"), "\(library)")
        }

        /// `--config FILE` means that file, in front of the verb and after it, for root too (Docs/spec/cli.md §11).
        @Test(arguments: Profile.allCases) func namedConfigurationIsTheOneThatIsChanged(profile: Profile) throws {
            try need(profile)
            let desk = try Desk(profile)
            defer { desk.remove() }
            let system = try Stage.shared.get().prefix + "/etc/skiff/remote.yaml"
            let before = try? readFile(system)
            let file = desk.folder + "/mine.yaml"
            let added = try desk.run("remote", "--config", file, "add", "--no-login", "office", "office.example.org")
            #expect(added.isSuccess, "\(added)")
            #expect(!desk.exists(".apptainer/remote.yaml"), "the user's own file was changed")
            #expect(try String(decoding: readFile(file), as: UTF8.self).contains("office.example.org"))
            let keys = try desk.run("keyserver", "--config", file, "add", "https://keys.example.org")
            #expect(keys.isSuccess, "\(keys)")
            let listed = try desk.run("keyserver", "list", "--config", file, "office")
            #expect(listed.standardOutput.contains("#1  https://keys.example.org"), "\(listed)")
            #expect(try desk.run("remote", "-c", file, "list").standardOutput.contains("office"))
            #expect(try !desk.run("remote", "list").standardOutput.contains("office"))
            // The option after the verb has the last word.
            let other = try desk.run("remote", "--config", file, "list", "--config", desk.folder + "/none.yaml")
            #expect(other.isSuccess && !other.standardOutput.contains("office"), "\(other)")
            #expect(try desk.run("keyserver", "-c", file, "remove", "https://keys.example.org").isSuccess)
            #expect(try desk.run("remote", "-c", file, "use", "office").isSuccess)
            #expect(try desk.run("remote", "-c", file, "remove", "office").isSuccess)
            #expect(try !desk.run("remote", "-c", file, "list").standardOutput.contains("office"))
            for words in [["use", "--global", "office"], ["use", "-e", "office"], ["add", "-g", "x", "x.org"]] {
                let both = try desk.run(["remote", "--config", file] + words)
                #expect(both.end == .exited(255) && both.standardError.contains("--config names one file"), "\(both)")
            }
            #expect((try? readFile(system)) == before, "the file of all users was changed")
        }

        /// An option that cannot take effect ends the command.
        @Test func remoteLoginTakesNoUserName() throws {
            let desk = try Desk(.current)
            defer { desk.remove() }
            let named = try desk.run("remote", "login", "-u", "ann", "-p", "good")
            #expect(named.end == .exited(255) && named.standardError.contains("--username"), "\(named)")
        }

        /// The administrator's first remote takes nothing away from anybody.
        @Test(.needs(.root)) func firstGlobalRemoteKeepsTheBuiltInOne() throws {
            let desk = try Desk(.root)
            defer { desk.remove() }
            let installation = desk.folder + "/installation"
            let copy = try Command(["/bin/cp", "-al", try Stage.shared.get().prefix, installation], as: .root).run()
            #expect(copy.isSuccess, "\(copy)")
            func run(_ words: String...) throws -> Outcome {
                var command = Command([installation + "/bin/skiff", "remote"] + words, as: .root)
                command.environment["HOME"] = desk.folder
                return try command.run()
            }
            let added = try run("add", "--global", "--no-login", "--no-default", "site", "https://library.example.org")
            #expect(added.isSuccess, "\(added)")
            let kept = try run("list")
            #expect(kept.standardOutput.contains("\nDefaultRemote  cloud.apptainer.org  ✓ "), "\(kept)")
            #expect(kept.standardOutput.contains("\nsite           library.example.org"), "\(kept)")
            #expect(try run("add", "--global", "--no-login", "other", "https://other.example.org").isSuccess)
            let chosen = try run("list")
            #expect(chosen.standardOutput.contains("\nother          other.example.org    ✓ "), "\(chosen)")
            #expect(chosen.standardOutput.contains("\nDefaultRemote "), "\(chosen)")
        }

        @Test(arguments: Profile.allCases) func libraryTakesAndGives(profile: Profile) throws {
            try need(profile)
            let sif = try Images.shared.get().sif
            let server = try LyingRegistry("library", sif: sif)
            let desk = try Desk(profile)
            defer { desk.remove() }
            #expect(try desk.run("remote", "add", "--no-login", "-i", "office", "http://\(server.host)").isSuccess)
            let anonymous = try desk.run("push", "-U", sif, "library://team/tools/full:1")
            #expect(
                anonymous.end == .exited(255) && anonymous.standardError.contains("token is required"), "\(anonymous)")
            #expect(try desk.run("remote", "login", "-p", "good").isSuccess)
            let unsigned = try desk.run("push", sif, "library://team/tools/full:1")
            #expect(
                unsigned.end == .exited(255) && unsigned.standardError.contains("unable to verify signature"),
                "\(unsigned)")
            let pushed = try desk.run("push", "-U", sif, "library://team/tools/full:1,2")
            #expect(pushed.isSuccess, "\(pushed)")
            #expect(
                pushed.standardOutput.contains("Container URL: http://\(server.host)/library/library/team\n"),
                "\(pushed)")
            let pulled = try desk.run("pull", "library://team/tools/full:2")
            #expect(pulled.isSuccess && pulled.standardError.contains("Skipping container verification"), "\(pulled)")
            #expect(try desk.bytes("full_2.sif") == readFile(sif))
            let cached = try desk.run("pull", "b.sif", "library://team/tools/full:1")
            #expect(cached.isSuccess && cached.standardError.contains("Using cached image"), "\(cached)")
            let found = try desk.run("search", "full")
            #expect(
                found.standardOutput
                    == "Found 1 container images for amd64 matching \"full\":\n\n\tlibrary://team/tools/full:1,2\n\t\ta tool\n\n"
                    || !found.standardOutput.contains("amd64"), "\(found)")
            #expect(try desk.run("search", "nothing").standardOutput.hasPrefix("No container images found"))
            #expect(try desk.run("search", "ab").end == .exited(255))
            #expect(try desk.run("delete", "--force", "library://team/tools/full:1").isSuccess)
            let gone = try desk.run("pull", "c.sif", "library://team/tools/full:1")
            #expect(gone.end == .exited(255) && gone.standardError.contains("does not exist in the library"), "\(gone)")
        }

        /// Files of 64 MiB and more go up in parts, where the library takes them (Docs/spec/sif-use.md §9).
        @Test(.needs(.python), arguments: ["many", "single", "broken"]) func largeImagesGoUpInParts(name: String) throws
        {
            let server = try LyingRegistry("library", sif: try Images.shared.get().sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            #expect(try desk.run("remote", "add", "--no-login", "-i", "office", "http://\(server.host)").isSuccess)
            #expect(try desk.run("remote", "login", "-p", "good").isSuccess)
            // Anything may follow a SIF; a hole takes no room.
            let large = desk.folder + "/large.sif"
            try writeFile(large, readFile(Images.shared.get().sif), mode: 0o644)
            let file = try open(large, O_RDWR)
            try Linux.ftruncate(file.raw, (65 << 20) + 1)
            let address = "library://team/tools/\(name):1"
            let pushed = try desk.run("push", "-U", large, address) { $0.seconds = 60 }
            let requests = server.requests.map { "\($0.method ?? "") \($0.path)" }
            let stored = requests.filter { $0.hasPrefix("PUT /store/") }.count
            if name == "broken" {
                #expect(
                    pushed.end == .exited(255) && pushed.standardError.contains("no room for this part"), "\(pushed)")
                #expect(stored == 3 && requests.last?.hasSuffix("_multipart_abort") == true, "\(requests)")
                #expect(try desk.run("pull", address).end == .exited(255))
                return
            }
            #expect(pushed.isSuccess && pushed.standardOutput.contains("Container URL: "), "\(pushed)")
            #expect(stored == (name == "many" ? 4 : 1), "\(requests)")
            let pulled = try desk.run("pull", "back.sif", address) { $0.seconds = 60 }
            #expect(pulled.isSuccess, "\(pulled)")
            #expect(try readFile(desk.folder + "/back.sif", limit: 128 << 20) == readFile(large, limit: 128 << 20))
            // It is there already: a second push sends only the tag.
            let again = try desk.run("push", "-U", large, address)
            #expect(
                again.isSuccess
                    && server.requests.filter { $0.method == "PUT" }.count
                        == requests.filter { $0.hasPrefix("PUT") }.count
            )
        }

        @Test(.needs(.python)) func webAndHubFilesAreResumed() throws {
            let sif = try Images.shared.get().sif
            let server = try LyingRegistry("library", sif: sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            let web = try desk.run("pull", "http://\(server.host)/file.sif")
            #expect(web.isSuccess && web.standardError.contains("Downloading network image"), "\(web)")
            #expect(try desk.bytes("file.sif") == readFile(sif))
            let cached = try desk.run("pull", "--force", "http://\(server.host)/file.sif")
            #expect(cached.isSuccess && cached.standardError.contains("Using image from cache"), "\(cached)")
            let missing = try desk.run("pull", "http://\(server.host)/none.sif")
            #expect(missing.end == .exited(255) && missing.standardError.contains("not found"), "\(missing)")
            let hub = try desk.run("pull", "--no-https", "shub://\(server.host)/user/name")
            #expect(hub.isSuccess, "\(hub)")
            #expect(try desk.bytes("name_latest.sif") == readFile(sif))
            #expect(desk.files == ["file.sif", "name_latest.sif"])
        }
    }
}
