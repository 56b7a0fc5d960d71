import CLinux
import Foundation
import Linux
import Testing

/// The definition files of `Tests/Corpus`, and a directory of each profile in which they are built.
final class Corpus: Sendable {
    static let folder = Stage.repository + "/Tests/Corpus"

    /// The names of all cases, from the files with expectations.
    static let names = names(in: "Definitions")
    static let dockerfiles = names(in: "Dockerfiles")

    private static func names(in kind: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + kind)) ?? [])
            .filter { $0.hasSuffix(".expect") }.map { String($0.dropLast(7)) }.sorted()
    }

    private static let root = Result { try Corpus(.root) }
    private static let user = Result { try Corpus(.user) }

    static func directory(for profile: Profile) throws -> String {
        try (profile == .root ? root : user).get().directory
    }

    private let directory: String

    private init(_ profile: Profile) throws {
        directory = try Stage.shared.get().root + "/corpus-" + profile.rawValue
        let shell = try Stage.shared.get().prefix + "/libexec/skiff/sh"
        let prepared = try Command([Self.folder + "/prepare", directory, shell], as: .current).run()
        guard prepared.isSuccess else { throw HarnessError("cannot prepare the corpus: \(prepared)") }
        if effectiveUID() == 0, let record = profile.record {
            let owned = try Command(["/bin/chown", "-R", "\(record.uid):\(record.gid)", directory], as: .current).run()
            guard owned.isSuccess else { throw HarnessError("cannot give the corpus away: \(owned)") }
        }
        // chown(2) takes the setuid bit away.
        try Linux.chmod(directory + "/src/tool", 0o4755)
        let built = try skiffCommand(["build", "base.sif", "base"], as: profile) { $0.directory = self.directory }.run()
        guard built.isSuccess else { throw HarnessError("cannot build the base: \(built)") }
    }
}

/// The content of `NAME.expect`; the words are explained in `Tests/Corpus/Definitions/README.md`.
struct Expectation {
    struct Fact: CustomStringConvertible {
        let kind: String
        let text: String
        var description: String { kind + " " + text }

        /// The first word, and the rest.
        var parts: (first: String, rest: String) {
            let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (words.first ?? "", words.count > 1 ? words[1] : "")
        }

        /// The text before and after ` | `.
        var sides: (command: String, output: String) {
            guard let bar = text.range(of: "| ", options: .backwards) ?? text.range(of: "|") else { return (text, "") }
            return (String(text[..<bar.lowerBound]), String(text[bar.upperBound...]))
        }
    }

    let facts: [Fact]

    init(_ name: String, in kind: String = "Definitions") throws {
        let text = try String(contentsOfFile: Corpus.folder + "/\(kind)/\(name).expect", encoding: .utf8)
        facts = text.split(separator: "\n").map { line in
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let text = words.count > 1 ? words[1] : ""
            return Fact(
                kind: words[0],
                text: text.replacingOccurrences(of: "\\n", with: "\n").replacingOccurrences(of: "\\t", with: "\t"))
        }
    }

    func value(_ kind: String) -> String? { facts.first { $0.kind == kind }?.text }
    var status: Int32 { value("exit").flatMap { Int32($0) } ?? 0 }
    var isImage: Bool { value("target") == "sif" }
}
