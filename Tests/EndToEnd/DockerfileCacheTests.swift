import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What runs again when a Dockerfile, or what it copies, changes.
    @Suite struct DockerfileCache {
        private let text = """
            FROM scratch AS base
            COPY linux/ /
            FROM base AS other
            COPY --chmod=u=rw,go=r one /one
            FROM base
            ARG word=first
            COPY --chmod=640 one two /files/
            RUN echo $word >> /files/one
            COPY --from=other /one /copied

            """

        private func build(_ folder: String, _ text: String, _ flags: [String], _ profile: Profile) throws -> [String] {
            try writeFile(folder + "/Dockerfile", Array(text.utf8), mode: 0o644)
            let words =
                ["build", "-F", "--explain-cache", "--ignore-subuid"] + flags + [
                    folder + "/out.sif", folder + "/Dockerfile",
                ]
            let outcome = try skiffCommand(words, as: profile) {
                $0.environment["APPTAINER_CACHEDIR"] = folder + "/cache"
                $0.seconds = 240
            }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            // The instructions that ran.
            return outcome.standardError.split(separator: "\n").compactMap { line in
                guard line.contains("Cache: "), line.contains(": runs: "), let file = line.range(of: "Dockerfile:")
                else { return nil }
                return String(line[file.upperBound...].prefix { $0.isNumber })
            }
        }

        /// More steps than one overlay takes layers, and than the usual limit of open files.
        @Test(arguments: Profile.allCases) func manySteps(profile: Profile) throws {
            let folder = try prepare(profile)
            let steps = (1...300).map { "RUN echo \($0) >>/all; echo \($0) >/step-\($0)\n" }.joined()
            let text = "FROM scratch\nCOPY linux/ /\n" + steps
            let ran = try build(folder, text, [], profile)
            #expect(ran.count == 301)
            let seen = try skiff(
                "exec", folder + "/out.sif", "sh", "-c", "ls / | grep -c step-; tail -n 1 /all; wc -l </all",
                as: profile)
            #expect(seen.standardOutput == "300\n300\n300\n", "\(seen)")
            #expect(try build(folder, text + "RUN true\n", [], profile) == ["303"])
        }

        @Test(arguments: Profile.allCases) func runsOnlyWhatChanged(profile: Profile) throws {
            let folder = try prepare(profile)
            for name in ["one", "two"] { try writeFile(folder + "/" + name, Array(name.utf8), mode: 0o644) }
            #expect(try build(folder, text, [], profile) == ["2", "7", "8", "4", "9"])
            #expect(try build(folder, text, [], profile) == [])
            #expect(try build(folder, text, ["--build-arg", "word=second"], profile) == ["8", "9"])
            try writeFile(folder + "/two", Array("changed".utf8), mode: 0o644)
            #expect(try build(folder, text, [], profile) == ["7", "8", "9"])
            try writeFile(folder + "/one", Array("changed".utf8), mode: 0o644)
            #expect(try build(folder, text, [], profile) == ["7", "8", "4", "9"])
            let longer = text.replacing("chmod=640", with: "chmod=600")
            #expect(try build(folder, longer, [], profile) == ["7", "8", "9"])
            let shown = try skiff("exec", folder + "/out.sif", "cat", "/files/two", as: profile)
            #expect(shown.line == "changed", "\(shown)")
        }

        /// Makes a folder with a base, built into `out.sif` by `run`.
        private func prepare(_ profile: Profile) throws -> String {
            try need(profile)
            try need(.overlay)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let linux = try Images.shared.get().directory
            let copied = try Command(["/bin/cp", "-a", linux, folder + "/linux"], as: .root).run()
            #expect(copied.isSuccess, "\(copied)")
            return folder
        }

        private func run(_ folder: String, _ text: String, _ profile: Profile, _ flags: [String] = []) throws -> Outcome
        {
            try writeFile(folder + "/Dockerfile", Array(text.utf8), mode: 0o644)
            let words = ["build", "-F", "--ignore-subuid"] + flags + [folder + "/out.sif", folder + "/Dockerfile"]
            return try skiffCommand(words, as: profile) {
                $0.environment["APPTAINER_CACHEDIR"] = folder + "/cache"
                $0.seconds = 60
            }.run()
        }

        @Test(arguments: Profile.allCases) func addFetchesFiles(profile: Profile) throws {
            let folder = try prepare(profile)
            let web = try WorkDirectory.make(for: .current)
            func serve(_ content: String, _ time: Int64) throws {
                try writeFile(web + "/d%61ta", Array(content.utf8), mode: 0o644)
                try writeFile(web + "/data", Array(content.utf8), mode: 0o644)
                for name in ["data", "d%61ta"] {
                    try setTimes(HostPath(web + "/" + name), seconds: time)
                }
            }
            try serve("one", 1_000_000_000)
            let server = try WebServer(web)
            defer { try? server.stop() }
            // The digest of "one".
            let digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
            let text = """
                FROM scratch
                COPY linux/ /
                ADD \(server.address)/d%61ta?query /got/
                ADD --chmod=640 --chown=3:4 \(server.address)/data /named
                RUN stat -c '%n %a %u:%g %Y' /got/* /named > /told
                ARG sum=sha256:\(digest)
                ADD --checksum=$sum \(server.address)/data /checked

                """
            #expect(try build(folder, text, [], profile) == ["2", "3", "4", "5", "7"])
            let told = try skiff("exec", folder + "/out.sif", "cat", "/told", "/checked", as: profile)
            #expect(
                told.standardOutput
                    == "/got/data 600 0:0 1000000000\n/named 640 3:4 1000000000\none", "\(told)")
            let asked = server.log.split(separator: "\n").count { $0.contains("GET ") }
            #expect(try build(folder, text, [], profile) == [])
            #expect(server.log.split(separator: "\n").count { $0.contains("GET ") } == asked)
            // A file whose digest is given is not even asked for.
            try serve("two", 1_000_000_001)
            let changed = try run(folder, text, profile, ["--explain-cache"])
            #expect(changed.end == .exited(255), "\(changed)")
            #expect(changed.standardError.contains(":3): runs: the fetched files changed"), "\(changed)")
            #expect(changed.standardError.contains("/data: its digest is sha256:3fc4ccfe"), "\(changed)")
            #expect(changed.standardError.contains("Dockerfile:7: ADD --checksum=$sum"), "\(changed)")
        }

        @Test(arguments: Profile.allCases) func addTellsWhatItCannotFetch(profile: Profile) throws {
            let folder = try prepare(profile)
            let web = try WorkDirectory.make(for: .current)
            let server = try WebServer(web)
            defer { try? server.stop() }
            for (line, reason) in [
                ("ADD \(server.address)/none /", "cannot add \(server.address)/none: there is no such file"),
                ("ADD \(server.address)/ /to/", "cannot add \(server.address)/ to a directory: it names no file"),
                ("ADD ssh://host/x /", "cannot add ssh://host/x: only http:// and https:// are fetched"),
            ] {
                let outcome = try run(folder, "FROM scratch\n\(line)\n", profile)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains(reason), "\(outcome)")
                #expect(outcome.standardError.contains("Dockerfile:2: \(line)"), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func cacheMountsStay(profile: Profile) throws {
            let folder = try prepare(profile)
            let text = """
                FROM scratch
                COPY linux/ /
                ARG n
                RUN --mount=type=cache,target=/c,sharing=locked,mode=0711 echo $n >> /c/list && cp /c/list /seen
                RUN --mount=type=cache,target=/other,id=/c stat -c '%a %u' /other >> /seen

                """
            func seen(_ number: Int, _ flags: String...) throws -> String {
                let outcome = try run(folder, text, profile, ["--build-arg", "n=\(number)"] + flags)
                #expect(outcome.isSuccess, "\(outcome)")
                return try skiff("exec", folder + "/out.sif", "cat", "/seen", as: profile).standardOutput
            }
            func cache(_ words: String...) throws -> String {
                try skiffCommand(["cache"] + words, as: profile) {
                    $0.environment["APPTAINER_CACHEDIR"] = folder + "/cache"
                }.run().standardOutput
            }
            #expect(try seen(1) == "1\n711 0\n")
            #expect(try seen(2) == "1\n2\n711 0\n")
            #expect(try seen(3, "--disable-cache") == "3\n711 0\n")
            #expect(try seen(4, "--no-cache") == "1\n2\n4\n711 0\n")
            let list = try cache("list", "--verbose")
            #expect(list.contains("There are 1 build mount(s) using ") && list.contains("build mount\n"), "\(list)")
            _ = try cache("clean", "--force", "--type", "build")
            #expect(try !cache("list").contains("build mount"))
            #expect(try seen(5) == "5\n711 0\n")
        }
    }
}
