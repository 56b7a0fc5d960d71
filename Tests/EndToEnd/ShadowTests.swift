import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What goes before the image's own libraries, and who is told.
    @Suite struct ShadowNotices {
        @Test(arguments: Profile.allCases) func onlyATerminalIsTold(profile: Profile) throws {
            try need(profile)
            try need(.python)
            let image = try Images.shared.get().directory
            let text = "PYTHONPATH of the host goes before what the image has: --cleanenv leaves that out"
            func run(_ words: [String]) throws -> Outcome {
                try skiffCommand(words, as: profile) { $0.environment["PYTHONPATH"] = "/opt/mine" }.run()
            }
            let plain = try run(["exec", image, "true"])
            #expect(plain.isSuccess && plain.standardError.isEmpty && plain.standardOutput.isEmpty, "\(plain)")
            #expect(try run(["exec", "--explain", image, "true"]).standardOutput.contains(text))
            for flags in [["--cleanenv"], ["--env", "PYTHONPATH=/x"], ["--contain", "--cleanenv"]] {
                let explained = try run(["exec", "--explain"] + flags + [image, "true"])
                #expect(!explained.standardOutput.contains(" of the host go"), "\(explained)")
            }
            let file = try WorkDirectory.make(for: .current) + "/skiff.conf"
            try writeFile(file, Array("shadow notice = no\n".utf8), mode: 0o644)
            #expect(!(try run(["--config", file, "exec", "--explain", image, "true"])).standardOutput.contains(text))
        }

        @Test(arguments: Profile.allCases) func theTerminalIsTold(profile: Profile) throws {
            try need(profile)
            try need(.python)
            let program = try Stage.shared.get().program
            let image = try Images.shared.get().directory
            let script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
            func told(_ flags: [String]) throws -> Outcome {
                try Command(
                    ["/usr/bin/python3", "-c", script, program] + flags + ["exec", image, "true"], as: profile
                )
                .withVariable("PERL5LIB", "/opt/mine").run()
            }
            let outcome = try told([])
            #expect(outcome.standardOutput.contains("PERL5LIB of the host goes before"), "\(outcome)")
            #expect(try told(["-q"]).standardOutput.isEmpty && told(["-s"]).standardOutput.isEmpty)
        }

        @Test(arguments: Profile.allCases) func nestedBindsCanBeLeftOut(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let mounts = [
                "--mount", "type=bind,src=/usr,dst=/tmp/one,nonested", "--bind", "/usr:/tmp/two",
            ]
            let outcome = try skiffCommand(
                ["exec", "--contain"] + mounts + [image, "sh", "-c", "echo $APPTAINER_BIND; ls -d /tmp/one/bin"],
                as: profile
            ).run()
            #expect(outcome.standardOutput == "/tmp/two\n/tmp/one/bin\n", "\(outcome)")
        }
    }
}

extension Command {
    fileprivate func withVariable(_ name: String, _ value: String) -> Command {
        var copy = self
        copy.environment[name] = value
        return copy
    }
}
