import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What administrators change: `capability` and `config` (Docs/spec/cli.md §12, §13). Each test has an installation of
    /// its own.
    @Suite(.needs(.root)) struct Administration {
        /// A copy of the staged installation, so that no other test sees what is changed.
        private func installation() throws -> String {
            let place = try WorkDirectory.make(for: .current) + "/own"
            try succeed(["/bin/cp", "-a", Stage.shared.get().prefix, place])
            return place
        }

        private func run(_ prefix: String, _ words: String..., as profile: Profile = .root) throws -> Outcome {
            var command = try skiffCommand(words, as: profile)
            command.words[0] = prefix + "/bin/skiff"
            return try command.run()
        }

        @Test func capabilitiesOfRootComeFromTheFile() throws {
            let prefix = try installation()
            let file = prefix + "/etc/skiff/capability.json"
            #expect(try run(prefix, "capability", "list").end == .exited(255))
            let added = try run(prefix, "capability", "add", "--user", "root", "net_raw,kill")
            #expect(added.isSuccess && added.standardError.contains("will likely allow user root to"), "\(added)")
            #expect(try status(file).permissions == 0o644)
            let list = try run(prefix, "caps", "list", "root", as: .user)
            #expect(list.standardOutput == "root [user]: CAP_NET_RAW,CAP_KILL\n", "\(list)")
            let refused = try run(prefix, "capability", "drop", "--user", "root", "all", as: .user)
            #expect(
                refused.standardError
                    == "FATAL:   Unable to drop capabilities: while managing capability file: only root user can manage capabilities\n",
                "\(refused)")
            let image = try Images.shared.get().directory
            #expect(try run(prefix, "config", "global", "--set", "root default capabilities", "file").isSuccess)
            let inside = try run(prefix, "exec", image, "/inside", "ids")
            #expect(inside.values["status.CapEff"] == "0000000000002020", "\(inside)")
            // What somebody else could have written grants nothing.
            try Linux.chmod(file, 0o666)
            let open = try run(prefix, "exec", image, "true")
            #expect(open.end == .exited(255) && open.standardError.contains("cannot trust"), "\(open)")
            try writeFile(file, Array("{\"users\": {\"root\": [\"CAP_X\"]}}".utf8), mode: 0o644)
            try Linux.chmod(file, 0o644)
            #expect(try run(prefix, "exec", image, "true").end == .exited(255))
            #expect(try run(prefix, "exec", "--no-privs", image, "true").end == .exited(255))
        }

        @Test func directivesAreChangedOneByOne() throws {
            let prefix = try installation()
            let file = prefix + "/etc/skiff/skiff.conf"
            try writeFile(file, Array("# mine\nmount home = no\nbind path = /etc/hosts\n".utf8), mode: 0o640)
            try Linux.chmod(file, 0o640)
            let dry = try run(prefix, "config", "global", "--dry-run", "--set", "bind path", "/opt")
            #expect(
                dry.standardOutput == "# mine\nmount home = no\nbind path = /opt\nbind path = /etc/hosts\n", "\(dry)")
            #expect(try run(prefix, "config", "global", "--get", "bind path").line == "/etc/hosts")
            #expect(try run(prefix, "config", "global", "--set", "mount dev", "minimal").isSuccess)
            let text = String(decoding: try readFile(file), as: UTF8.self)
            #expect(text == "# mine\nmount home = no\nbind path = /etc/hosts\nmount dev = minimal\n")
            #expect(try status(file).permissions == 0o640)
            for words in [["--set", "mount dev", "x"], ["--set", "nosuch", "x"], ["--unset", "mount dev", "no"]] {
                let outcome = try skiffCommandIn(prefix, ["config", "global"] + words).run()
                #expect(outcome.end == .exited(255), "\(outcome)")
            }
            #expect(String(decoding: try readFile(file), as: UTF8.self) == text)
            #expect(try run(prefix, "config", "global", "mount dev").end == .exited(1))
            let user = try run(prefix, "config", "global", "--set", "mount dev", "no", as: .user)
            #expect(user.end == .exited(255) && user.standardError.contains("permission denied"), "\(user)")
            let folder = try open(prefix + "/etc/skiff", O_RDONLY)
            #expect(try entries(of: folder.raw).allSatisfy { !$0.text.hasSuffix(".lock") })
        }

        private func skiffCommandIn(_ prefix: String, _ words: [String]) throws -> Command {
            var command = try skiffCommand(words, as: .root)
            command.words[0] = prefix + "/bin/skiff"
            return command
        }

        /// In a mount namespace with an /etc of its own.
        @Test func rangesOfIDsAreGiven() throws {
            let program = try Stage.shared.get().program
            let script = """
                mkdir -p "$1"; mount -t tmpfs none "$1"; cp -a /etc/passwd /etc/group /etc/nsswitch.conf "$1" 2>/dev/null
                mount --bind "$1" /etc; echo bin:4294770688:65536 > /etc/subuid; : > /etc/subgid; : > /etc/subuid.lock
                "$2" config fakeroot --add daemon; "$2" config fakeroot --disable daemon; cat /etc/subuid /etc/subgid
                "$2" config fakeroot --enable daemon; "$2" config fakeroot --remove daemon; cat /etc/subuid /etc/subgid
                "$2" config fakeroot --remove daemon; echo $?; "$2" config fakeroot --add nosuchuser; echo $?; ls /etc
                """
            let folder = try WorkDirectory.make(for: .current) + "/etc"
            let outcome = try Command(
                ["/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script, "sh", folder, program],
                as: .root
            ).run()
            let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
            // An empty lock names nobody who could be asked: it is respected.
            #expect(outcome.standardError.contains("cannot lock /etc/subuid"), "\(outcome)")
            #expect(lines.first == "bin:4294770688:65536", "\(outcome)")
            let freed = try Command(
                [
                    "/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
                    script.replacing(": > /etc/subuid.lock", with: "echo 999999999 > /etc/subuid.lock"), "sh", folder,
                    program,
                ], as: .root
            ).run()
            #expect(
                freed.standardOutput == """
                    bin:4294770688:65536
                    !1:4294836224:65536
                    !1:4294836224:65536
                    bin:4294770688:65536
                    255
                    255
                    group
                    nsswitch.conf
                    passwd
                    subgid
                    subuid

                    """, "\(freed)")
            let user = try skiff("config", "fakeroot", "--add", "daemon", as: .user)
            #expect(user.standardError.contains("command requires root privileges"), "\(user)")
        }
    }
}
