import CLinux
import Foundation
import Linux
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
                $0.seconds = 60
            }.run()
            #expect(outcome.isSuccess, "\(outcome)")
            // The instructions that ran.
            return outcome.standardError.split(separator: "\n").compactMap { line in
                guard line.contains("Cache: "), line.contains(": runs: "), let file = line.range(of: "Dockerfile:")
                else { return nil }
                return String(line[file.upperBound...].prefix { $0.isNumber })
            }
        }

        @Test(arguments: Profile.allCases) func runsOnlyWhatChanged(profile: Profile) throws {
            try need(profile)
            try need(.overlay)
            if profile == .user { try need(.userNamespace) }
            let folder = try WorkDirectory.make(for: profile)
            let linux = try Images.shared.get().directory
            let copied = try Command(["/bin/cp", "-a", linux, folder + "/linux"], as: .root).run()
            #expect(copied.isSuccess, "\(copied)")
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
    }
}
