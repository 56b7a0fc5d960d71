import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between text that others wrote and the lines and terminal of those who read our messages.
    @Suite struct TextBoundary {
        private static let forged = "x\nWARNING: forged \u{1B}[2J\u{9B}1m\u{202E}"

        /// Checks for lines that begin like ours, and for control characters.
        private func check(_ text: String, _ outcome: Outcome) {
            #expect(!text.split(separator: "\n").contains { $0.hasPrefix("WARNING: forged") }, "\(outcome)")
            let controls = text.unicodeScalars.filter {
                ($0.value < 0x20 && $0 != "\n" && $0 != "\t") || (0x7F..<0xA0).contains($0.value) || $0 == "\u{202E}"
            }
            #expect(controls.isEmpty, "\(outcome)")
        }

        /// A name in the image, in the reason why it cannot be unpacked.
        @Test(arguments: Profile.allCases) func nameInAnError(profile: Profile) throws {
            try need(profile.facility)
            let hostile = try HostileImage(profile)
            defer { hostile.remove() }
            let odd = "a\nWARNING: forged \u{1B}[2J"
            let same = String(repeating: "Q", count: odd.utf8.count)
            let tree = try hostile.tree { tree in
                try writeFile(tree + "/" + odd, [], mode: 0o644)
                try writeFile(tree + "/" + same, [], mode: 0o644)
            }
            try hostile.makeExt3(tree)
            try hostile.replace(same, with: odd)
            let outcome = try skiff("exec", "--unsquash", hostile.file, "true", as: profile)
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(outcome.standardError.contains(#"/a\nWARNING: forged \x1b[2J in the image"#), "\(outcome)")
            check(outcome.standardError, outcome)
        }

        /// The path of an image in the plan and in an error.
        @Test(arguments: Profile.allCases) func pathInAPlan(profile: Profile) throws {
            try need(profile.facility)
            let folder = try WorkDirectory.make(for: profile)
            let box = folder + "/" + Self.forged
            try FileManager.default.copyItem(atPath: try Images.shared.get().directory, toPath: box)
            let plan = try skiff("exec", "--explain", box, "true", as: profile)
            #expect(plan.isSuccess, "\(plan)")
            check(plan.standardOutput, plan)
            let missing = try skiff("exec", box + "/missing", "true", as: profile)
            #expect(missing.end == .exited(255), "\(missing)")
            check(missing.standardError, missing)
        }

        /// Text in a label: bytes for a script, visible characters on a terminal.
        @Test(arguments: Profile.allCases) func labels(profile: Profile) throws {
            try need(profile.facility)
            try need(.python)
            let label = "red \u{1B}[31m\u{9B}1m"
            let box = try Images.shared.get().changed("\(profile)-labels") { box in
                try makeDirectories(box + "/.singularity.d")
                let json = #"{"maker":"red \u001b[31m\u009b1m"}"#
                try writeFile(box + "/.singularity.d/labels.json", Array(json.utf8), mode: 0o644)
            }
            defer { try? removeTree(box) }
            let piped = try skiff("inspect", box, as: profile)
            #expect(piped.standardOutput == "maker: \(label)\n", "\(piped)")
            let script = "import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
            var command = try skiffCommand(["inspect", box], as: profile)
            command.words = ["/usr/bin/python3", "-c", script] + command.words
            let shown = try command.run()
            #expect(shown.standardOutput.contains(#"maker: red \x1b[31m\x9b1m"#), "\(shown)")
        }

        /// What a registry or a definition says about itself.
        @Test(arguments: Profile.allCases) func wordsOfADefinition(profile: Profile) throws {
            try need(profile.facility)
            let folder = try WorkDirectory.make(for: profile)
            for (name, text) in [
                ("a.def", "Bootstrap: \u{1B}[2J\u{202E}\n"),
                ("b.def", "Bootstrap: localimage\nFrom: x\u{1B}]0;t\u{7}\n"),
                ("Dockerfile", "FROM scratch\nRUNN \u{1B}[2J\n"),
            ] {
                try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o644)
                let outcome = try skiff("build", "--sandbox", folder + "/box", folder + "/" + name, as: profile)
                #expect(outcome.isSuccess == false, "\(outcome)")
                check(outcome.standardError, outcome)
            }
        }
    }
}
