import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Every definition of the corpus, built by both users.
    @Suite struct Definitions {
        @Test(arguments: Corpus.names, Profile.allCases) func builds(name: String, profile: Profile) throws {
            try build(try Expectation(name), name + ".def", profile)
        }

        @Test(arguments: Corpus.dockerfiles, Profile.allCases)
        func buildsDockerfiles(name: String, profile: Profile) throws {
            try build(try Expectation(name, in: "Dockerfiles"), name + ".Dockerfile", profile)
        }

        private func build(_ expectation: Expectation, _ file: String, _ profile: Profile) throws {
            try need(profile)
            let only = expectation.facts.filter { $0.kind == "only" }.map(\.text)
            guard only.isEmpty || only.contains(profile.rawValue) else { return }
            let directory = try Corpus.directory(for: profile)
            let target = directory + (expectation.isImage ? "/out.sif" : "/out")
            defer { try? removeTree(target) }
            var words = (expectation.value("args") ?? "").split(separator: " ").map { word in
                word.replacingOccurrences(of: "@", with: directory + "/")
            }
            if !expectation.isImage { words.append("--sandbox") }
            // A build that fails leaves what was there as it was.
            if expectation.status != 0 {
                words.append("--force")
                try makeDirectory(target, mode: 0o755)
                try writeFile(target + "/marker", [], mode: 0o644)
            }
            words += [target, expectation.value("spec") ?? file]
            let outcome = try skiffCommand(["build"] + words, as: profile) { $0.directory = directory }.run()
            #expect(outcome.end == .exited(expectation.status), "\(outcome)")
            check(expectation, outcome)
            let left = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix(".") }
            #expect(left.isEmpty, "left beside the target: \(left)")
            if expectation.status != 0 {
                #expect(try FileManager.default.contentsOfDirectory(atPath: target) == ["marker"])
            } else if outcome.isSuccess {
                try checkResult(expectation, target, profile)
            }
        }

        private func check(_ expectation: Expectation, _ outcome: Outcome) {
            for fact in expectation.facts {
                switch fact.kind {
                case "stdout": #expect(outcome.standardOutput.contains(fact.text), "\(fact): \(outcome)")
                case "stderr": #expect(outcome.standardError.contains(fact.text), "\(fact): \(outcome)")
                case "no-stderr": #expect(!outcome.standardError.contains(fact.text), "\(fact): \(outcome)")
                default: break
                }
            }
        }

        private func checkResult(_ expectation: Expectation, _ target: String, _ profile: Profile) throws {
            for fact in expectation.facts {
                switch fact.kind {
                case "file", "dir", "link", "absent", "text", "has": try checkFile(fact, below: target)
                case "owner": try checkOwner(fact, of: target)
                case "label", "no-label", "inspect": try checkRecord(fact, target, profile)
                case "run", "exec":
                    let (command, output) = fact.sides
                    var words = command.isEmpty ? [] : try shellWords(command)
                    words = fact.kind == "run" ? ["run"] + words + [target] : words.map { $0 == "@" ? target : $0 }
                    let outcome = try skiffCommand(words, as: profile).run()
                    #expect(outcome.isSuccess && outcome.line.hasPrefix(output), "\(fact): \(outcome)")
                default: break
                }
            }
        }

        /// Splits a text at blanks; single quotes hold words together.
        private func shellWords(_ text: String) throws -> [String] {
            text.split(separator: "'", omittingEmptySubsequences: false).enumerated().flatMap { index, part in
                index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
            }
        }

        private func checkFile(_ fact: Expectation.Fact, below target: String) throws {
            var (name, rest) = fact.parts
            // Names with blanks: take words until the file exists.
            while (try? status(target + name, follow: false)) == nil, let next = rest.split(separator: " ").first {
                name += " " + next
                rest = String(rest.dropFirst(next.count + 1))
            }
            let found = try? status(target + name, follow: false)
            switch fact.kind {
            case "absent": #expect(found == nil, "\(fact)")
            case "file": #expect(found?.isRegular == true && found?.permissions == mode_t(rest, radix: 8), "\(fact)")
            case "dir": #expect(found?.isDirectory == true && found?.permissions == mode_t(rest, radix: 8), "\(fact)")
            case "link": #expect((try? readLink(target + name)) == rest, "\(fact)")
            default:
                let text = (try? readFile(target + name)).map { String(decoding: $0, as: UTF8.self) }
                let whole = text?.hasSuffix("\n") == true ? text.map { String($0.dropLast()) } : text
                let isRight = fact.kind == "has" ? text?.contains(rest) == true : whole == rest
                #expect(isRight, "\(fact): is \(text ?? "not there")")
            }
        }

        /// Checks the owner recorded in the squashfs inside, which does not depend on who looks.
        private func checkOwner(_ fact: Expectation.Fact, of image: String) throws {
            let (path, owner) = fact.parts
            let header = try skiff("sif", "list", image, as: .current).standardOutput
            let line = header.split(separator: "\n").first { $0.contains("FS (Squashfs") } ?? ""
            let start = line.split(separator: "|").dropFirst(3).first.flatMap { $0.split(separator: "-").first } ?? ""
            let offset = start.trimmingCharacters(in: .whitespaces)
            let listed = try Command(["/usr/bin/unsquashfs", "-lln", "-o", offset, image], as: .current).run()
            let found = listed.standardOutput.split(separator: "\n").first { row in
                row.hasSuffix(" squashfs-root" + path) || row.contains(" squashfs-root\(path) -> ")
            }
            let words = found?.split(separator: " ") ?? []
            #expect(words.count > 1 && words[1].replacing("/", with: ":") == owner, "\(fact): \(found ?? "not there")")
        }

        private func checkRecord(_ fact: Expectation.Fact, _ target: String, _ profile: Profile) throws {
            let outcome = try skiff("inspect", "--all", target, as: profile)
            let (key, value) = fact.parts
            switch fact.kind {
            case "inspect":
                let text = outcome.standardOutput.filter { !$0.isWhitespace }
                #expect(text.contains(fact.text.replacingOccurrences(of: "\n", with: "\\n")), "\(fact): \(outcome)")
            default:
                let record = try JSONSerialization.jsonObject(with: Data(outcome.standardOutput.utf8)) as? [String: Any]
                let attributes = (record?["data"] as? [String: Any])?["attributes"] as? [String: Any]
                let found = (attributes?["labels"] as? [String: String])?[key]
                #expect(found == (fact.kind == "label" ? value : nil), "\(fact): is \(found ?? "not there")")
            }
        }
    }
}
