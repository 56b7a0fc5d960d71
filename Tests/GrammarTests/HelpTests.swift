import Foundation
import TestSupport
import Testing

@testable import Grammar

@Suite struct HelpTests {
    /// Help is kept as files, so that a change of it shows in a review. `SKIFF_UPDATE_SNAPSHOTS=1` writes them anew.
    @Test(arguments: ["skiff", "exec", "build", "sif", "sif add", "plugin", "version"])
    func helpIsAsRecorded(_ path: String) throws {
        let words = path == "skiff" ? [] : path.split(separator: " ").map(String.init)
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        let answer = try grammar.parse(words + ["--help"], environment: FlagEnvironment([])).answer()
        let name = path.split(separator: " ").joined(separator: "-") + ".txt"
        let file = URL(filePath: repository + "/Tests/GrammarTests/Snapshots/\(name)")
        if ProcessInfo.processInfo.environment["SKIFF_UPDATE_SNAPSHOTS"] == "1" {
            try answer.standardOutput.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(answer.standardOutput == (try String(contentsOf: file, encoding: .utf8)))
    }

    @Test func helpIsReachedInThreeWays() throws {
        let long = try parse("sif", "list", "--help").answer()
        #expect(try parse("help", "sif", "list").answer() == long)
        #expect(try parse("sif", "list", "x", "-h").answer() == long)
        #expect(try parse("help", "exec", "nosuch").answer() == (try parse("exec", "-h").answer()))
        #expect(try parse("help").answer() == (try parse("--help").answer()))
        #expect(
            try parse("exec", "--help=false", "x").complaint().hasSuffix("requires at least 2 arg(s), only received 1"))
    }

    @Test func unknownTopicsShowTheUsage() throws {
        let answer = try parse("help", "a", "b").answer()
        #expect(answer.status == 0)
        #expect(
            answer.standardOutput.hasPrefix(
                "Unknown help topic [`a` `b`]\nUsage:\n  apptainer [global options...] <command>\n"))
    }

    @Test func versionsDependOnTheName() throws {
        func version(_ name: String, _ word: String) throws -> String {
            let grammar = Grammar(program: ProgramName(calledAs: name))
            return try grammar.parse([word], environment: FlagEnvironment([])).answer().standardOutput
        }
        #expect(try version("skiff", "--version") == "skiff version 0.1.0\n")
        #expect(try version("/x/singularity", "--version") == "apptainer version 1.6.0+skiff.0.1.0\n")
        #expect(try version("apptainer", "version") == "1.6.0+skiff.0.1.0\n")
        // Site scripts look for this.
        #expect(try version("singularity", "--version").contains(/^(apptainer|singularity(-ce)?) version (\d+)\.(\d+)/))
    }

    @Test func hiddenThingsStayHidden() throws {
        let exec = try parse("exec", "--help").answer().standardOutput
        #expect(!exec.contains("      --pwd"))
        #expect(!exec.contains("--tmpdir"))
        #expect(try !parse("--help").answer().standardOutput.contains("buildcfg"))
        #expect(try parse("buildcfg").invocation().command == "buildcfg")
    }

    /// Lines that the real Apptainer 1.4.5 printed, rebuilt from the text that they came from.
    @Test func columnsAreApptainers() {
        var command = Command("x", summary: "", usage: "x", description: "")
        command.flags = [
            Flag(named: "build-config", .bool, help: "use configuration needed for building containers"),
            Flag(
                named: "config", short: "c", .string,
                help: "specify a configuration file (for root or unprivileged installation only)",
                defaultText: "/etc/apptainer/apptainer.conf"),
            Flag(named: "debug", short: "d", .bool, help: "print debugging information (highest verbosity)"),
            Flag(named: "nocolor", .bool, help: "print without color output (default False)"),
        ]
        let grammar = Grammar(program: ProgramName(calledAs: "apptainer"))
        #expect(
            grammar.optionLines(command) == """
                      --build-config    use configuration needed for building containers
                  -c, --config string   specify a configuration file (for root or
                                        unprivileged installation only) (default
                                        "/etc/apptainer/apptainer.conf")
                  -d, --debug           print debugging information (highest verbosity)
                      --nocolor         print without color output (default False)

                """)
        command.flags = [
            Flag(named: "blkio-weight-device", .slice, help: "Device specific block IO relative weight"),
            Flag(
                named: "bind", short: "B", .array,
                help: "a user-bind path specification.  spec has the format src[:dest[:opts]], where src and dest are "
                    + "outside and inside paths.  If dest is not given, it is set equal to src."),
            Flag(named: "cpu-shares", .int, help: "CPU shares for container", defaultText: "-1"),
            Flag(named: "env", .map, help: "pass environment variable to contained process"),
            Flag(
                named: "home", short: "H", .string, help: "overrides the home directory within the container.",
                defaultText: "/home/tester"),
            Flag(named: "drop-caps", .string, help: "a comma separated capability list to drop"),
        ]
        #expect(
            grammar.optionLines(command)
                == [
                    "  -B, --bind stringArray              a user-bind path specification. ",
                    "                                      spec has the format",
                    "                                      src[:dest[:opts]], where src and",
                    "                                      dest are outside and inside paths. ",
                    "                                      If dest is not given, it is set",
                    "                                      equal to src.",
                    "      --blkio-weight-device strings   Device specific block IO relative weight",
                    "      --cpu-shares int                CPU shares for container (default -1)",
                    "      --drop-caps string              a comma separated capability list to drop",
                    "      --env stringToString            pass environment variable to",
                    "                                      contained process (default [])",
                    "  -H, --home string                   overrides the home directory within",
                    "                                      the container. (default \"/home/tester\")", "",
                ].joined(separator: "\n"))
    }

    @Test func narrowColumnsBecomeABlock() {
        let text = wrapped("one two three four five", indent: 70, width: 80)
        #expect(text == "\n" + String(repeating: " ", count: 16) + "one two three four five")
        #expect(wrapped("a b", indent: 10, width: 12) == "a b")
        #expect(wrapped("", indent: 10, width: 80) == "")
    }
}
