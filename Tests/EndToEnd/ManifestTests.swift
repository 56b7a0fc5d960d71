import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Manifests from the user's side: an installation of its own with the C example and what each test adds to it.
    @Suite struct Manifests {
        private let folder: String
        private var plugins: String { folder + "/lib/skiff/plugins" }

        init() throws {
            let work = try WorkDirectory.make(for: .current)
            folder = work + "/copy"
            let script = """
                set -e; cp -a \(try Stage.shared.get().prefix) \(folder); cp -r \(Stage.repository)/Examples/plugin-c \(work)/c
                make -s -C \(work)/c PREFIX=\(folder) CC=cc install
                """
            let outcome = try Command(["/bin/sh", "-c", script], as: .current).run()
            guard outcome.isSuccess else { throw HarnessError("cannot install the example: \(outcome)") }
        }

        private func run(_ words: [String], as profile: Profile, _ variables: [String: String] = [:]) throws -> Outcome
        {
            var command = Command([folder + "/bin/skiff"] + words, as: profile)
            command.environment.merge(variables) { $1 }
            return try command.run()
        }

        private func write(_ name: String, _ text: String) throws {
            try writeFile("\(plugins)/\(name)", Array(text.utf8), mode: 0o644)
        }

        private func extend(_ blocks: String) throws {
            let file = "\(plugins)/org.skiff.hello.plugin"
            try writeFile(file, try readFile(file) + Array(blocks.utf8), mode: 0o644)
        }

        private func configuration(_ lines: String) throws -> String {
            let file = try WorkDirectory.make(for: .current) + "/skiff.conf"
            try writeFile(file, Array(lines.utf8), mode: 0o644)
            return file
        }

        @Test(arguments: Profile.allCases) func directivesAreWrittenCheckedAndObeyed(profile: Profile) throws {
            try need(profile)
            try extend(
                """
                [config]
                name = always use hello
                type = bool
                loads = yes
                help = greet everybody
                [config]
                name = hello library path
                type = path
                default = /opt/hello
                help = where it greets from

                """)
            let image = try Images.shared.get().directory
            let generated = try WorkDirectory.make(for: profile) + "/skiff.conf"
            #expect(try run(["confgen", generated], as: profile).isSuccess)
            let text = String(decoding: try readFile(generated), as: UTF8.self)
            #expect(
                text.contains(
                    """

                    ## Plugin org.skiff.hello

                    # greet everybody
                    always use hello = no

                    # where it greets from
                    #hello library path = /opt/hello

                    """), "\(text)")
            #expect(text.contains("\nalways use nv = no\n"))
            let quiet = try configuration(text)
            let explained = try run(["--config", quiet, "exec", "--explain", image, "true"], as: profile)
            #expect(explained.isSuccess && !explained.standardOutput.contains("org.skiff.hello"), "\(explained)")
            let loud = try configuration("always use hello = yes\nhello library path = /opt\n")
            let used = try run(["--config", loud, "exec", "--explain", image, "true"], as: profile)
            #expect(used.standardOutput.contains("always use hello = yes"), "\(used)")
            let wrong = try configuration("mount home = no\nhello library path = opt\n")
            let refused = try run(["--config", wrong, "exec", image, "true"], as: profile)
            #expect(refused.end == .exited(255), "\(refused)")
            let line = "cannot use line 2 of \(wrong): hello library path = opt. It must be an absolute path"
            #expect(refused.standardError.contains(line), "\(refused)")
            #expect(try run(["confgen", wrong, generated], as: profile).standardError.contains(line))
        }

        @Test(arguments: Profile.allCases) func valuesOfFlagsAreChecked(profile: Profile) throws {
            try need(profile)
            let manifest = "\(plugins)/org.skiff.hello.plugin"
            let text = String(decoding: try readFile(manifest), as: UTF8.self)
            try write(
                "org.skiff.hello.plugin",
                text.replacing("type = string\n", with: "type = string\nno-value = all\nvalues = all, you\n"))
            let image = try Images.shared.get().directory
            let words = ["exec", image, "sh", "-c", "echo $HELLO"]
            func hello(_ flag: String) throws -> Outcome {
                try run(["exec", flag] + words.dropFirst(), as: profile)
            }
            #expect(try hello("--hello").line == "all" && hello("--hello=you").line == "you")
            let refused = try hello("--hello=me")
            #expect(refused.end == .exited(1), "\(refused)")
            #expect(refused.standardError.contains("\"--hello\" flag: must be one of: all you"), "\(refused)")
            #expect(try run(words, as: profile, ["APPTAINER_HELLO": "you"]).line == "you")
            let variable = try run(words, as: profile, ["APPTAINER_HELLO": "me"])
            #expect(variable.end == .exited(255), "\(variable)")
            #expect(variable.standardError.contains("variable APPTAINER_HELLO: must be one of: all you"), "\(variable)")
            #expect(try run(["exec", "--help"], as: profile).standardOutput.contains("--hello string[=\"all\"]"))
        }

        /// A hundred manifests, broken and hostile ones among them, are in nobody's way.
        @Test(arguments: Profile.allCases) func otherManifestsDisturbNobody(profile: Profile) throws {
            try need(profile)
            let own = String(decoding: try readFile("\(plugins)/org.skiff.hello.plugin"), as: UTF8.self)
            for number in 0..<100 {
                let text = own.replacing("org.skiff.hello", with: "org.many.p\(number)")
                    .replacing("name = hello", with: "name = many\(number)").replacing("HELLO", with: "MANY\(number)")
                try write("org.many.p\(number).plugin", text)
            }
            let twin = own.replacing("org.skiff.hello", with: "org.zz.twin")
            try write("org.zz.twin.plugin", twin.replacing("hello.so", with: "absent.so"))
            let own2 = "id = org.bad.contain\nversion = 1\nabi = 0.2\nlibrary = absent.so\n"
            try write(
                "org.bad.contain.plugin", own2 + "[flag]\nname = contain\nshort = c\ntype = string\nhelp = mine\n")
            try write("org.bad.long.plugin", "name = " + String(repeating: "hello ", count: 200_000))
            try write("org.bad.twice.plugin", "id = org.bad.twice\nid = org.bad.twice\n[flag]\nname = hello\n")
            try write("org.bad.\u{1b}[31m.plugin", "[flag]\nname = hello\nhelp = \u{7}\n")
            #expect(mkfifo("\(plugins)/org.bad.fifo.plugin", 0o644) == 0)
            let image = try Images.shared.get().directory
            let hello = try run(["exec", "-c", "--hello", "x", image, "sh", "-c", "echo $HELLO"], as: profile)
            #expect(hello.isSuccess && hello.line == "x", "\(hello)")
            let list = try run(["plugin", "list", "--all"], as: profile)
            #expect(list.isSuccess && !list.standardOutput.contains("\u{1b}"), "\(list)")
            for name in ["long", "twice", "fifo", "\\x1b[31m"] {
                #expect(list.standardOutput.contains(" broken  org.bad.\(name)\n"), "\(list)")
            }
            let json = try run(["plugin", "list", "--all", "--json"], as: profile)
            let parsed = try JSONSerialization.jsonObject(with: Data(json.standardOutput.utf8)) as? [[String: Any]]
            #expect(parsed?.count == 111, "\(json)")
            let states = parsed?.compactMap { $0["state"] as? String } ?? []
            #expect(states.filter { $0 == "broken" }.count == 4 && states.filter { $0 == "enabled" }.count == 107)
            let inspected = try run(["plugin", "inspect", "--json", "many7"], as: profile)
            #expect(!inspected.isSuccess && inspected.standardError.contains("plugin not found"), "\(inspected)")
            let named = try run(["plugin", "inspect", "--json", "org.many.p7"], as: profile)
            let object = try JSONSerialization.jsonObject(with: Data(named.standardOutput.utf8)) as? [String: Any]
            #expect(object?["id"] as? String == "org.many.p7", "\(named)")
        }

        /// Root obeys no manifest of somebody else, and says so; its owner may use it.
        @Test(.needs(.root, .user), arguments: Profile.allCases) func manifestsOfOthers(profile: Profile) throws {
            let record = try #require(Profile.user.record)
            try chown("\(plugins)/org.skiff.hello.plugin", record.uid, record.gid)
            let image = try Images.shared.get().directory
            let hello = try run(["exec", "--hello", "x", image, "sh", "-c", "echo $HELLO"], as: profile)
            if profile == .user {
                #expect(hello.isSuccess && hello.line == "x", "\(hello)")
            } else {
                let reason = "needs the plugin org.skiff.hello, which cannot be used: cannot trust \(plugins)"
                #expect(hello.end == .exited(1) && hello.standardError.contains(reason), "\(hello)")
            }
        }
    }
}
