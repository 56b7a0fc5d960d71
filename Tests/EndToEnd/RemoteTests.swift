import CLinux
import Foundation
import Linux
import Testing

extension EndToEnd {
    /// Libraries, hubs, web servers and the remotes that name them (sif-use.md §8, §9, §11).
    @Suite struct Remotes {
        typealias Desk = EndToEnd.Registries.Desk

        @Test func remotesAreKeptAndListed() throws {
            try need(.python)
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

        @Test(arguments: Profile.allCases) func libraryTakesAndGives(profile: Profile) throws {
            try need(profile)
            try need(.python)
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
            #expect(unsigned.end == .exited(255) && unsigned.standardError.contains("not signed"), "\(unsigned)")
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

        @Test func webAndHubFilesAreResumed() throws {
            try need(.python)
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
