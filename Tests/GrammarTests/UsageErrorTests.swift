import Base
import Core
import Testing

@testable import Grammar

/// The first lines are those that the real Apptainer 1.4.5 printed for the same words.
@Suite struct UsageErrorTests {
    @Test(arguments: [
        (["exec", "--nosuchflag", "s.sif", "true"], "exec", "unknown flag: --nosuchflag"),
        (["exec", "-cz", "x", "y"], "exec", "unknown shorthand flag: 'z' in -z"),
        (["exec", "-é", "x"], "exec", "unknown shorthand flag: 'Ã' in -é"),
        (["exec", "-=x", "true"], "exec", "unknown shorthand flag: '=' in -=x"),
        (["exec", "-cB"], "exec", "flag needs an argument: 'B' in -B"),
        (["exec", "--bind"], "exec", "flag needs an argument: --bind"),
        (["exec", "---x", "x"], "exec", "bad flag syntax: ---x"),
        (["exec", "--=x", "x"], "exec", "bad flag syntax: --=x"),
        (["exec"], "exec", "requires at least 2 arg(s), only received 0"),
        (["exec", "s.sif"], "exec", "requires at least 2 arg(s), only received 1"),
        (["run"], "run", "requires at least 1 arg(s), only received 0"),
        (["build"], "build", "accepts 2 arg(s), received 0"),
        (["inspect", "a", "b"], "inspect", "accepts 1 arg(s), received 2"),
        (["sif", "list"], "list", "accepts 1 arg(s), received 0"),
        (["sif", "--nosuch"], "sif", "unknown flag: --nosuch"),
        (["sif", "list", "--nosuch", "x"], "list", "unknown flag: --nosuch"),
        (["buildcfg", "A", "B"], "buildcfg", "accepts at most 1 arg(s), received 2"),
        (["plugin"], "plugin", "invalid command"),
        (["plugin", "lis"], "plugin", "invalid command"),
        (["--nosuchflag"], "apptainer", "unknown flag: --nosuchflag"),
        (["-dz"], "apptainer", "unknown shorthand flag: 'z' in -z"),
        (["--config"], "apptainer", "flag needs an argument: --config"),
        (["version", "-z"], "version", "unknown shorthand flag: 'z' in -z"),
        (
            ["exec", "--contain=maybe", "x", "y"], "exec",
            "invalid argument \"maybe\" for \"-c, --contain\" flag: "
                + "strconv.ParseBool: parsing \"maybe\": invalid syntax"
        ),
        (
            ["sif", "add", "--datatype", "x", "a", "b"], "add",
            "invalid argument \"x\" for \"--datatype\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"
        ),
        (
            ["exec", "--env", "A", "x", "true"], "exec",
            "invalid argument \"A\" for \"--env\" flag: A must be formatted as key=value"
        ),
    ]) func messagesAreApptainers(_ words: [String], _ command: String, _ reason: String) throws {
        let grammar = Grammar(program: ProgramName(calledAs: "apptainer"))
        let answer = try grammar.parse(words, environment: FlagEnvironment([])).answer()
        #expect(answer.status == 1)
        #expect(answer.standardOutput.isEmpty)
        let lines = answer.standardError.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines[3].isEmpty)
        #expect(lines[0] == "Error for command \"\(command)\": \(reason)")
        #expect(lines[1].hasPrefix("Usage: apptainer [global options...] "))
        #expect(
            lines[2].hasPrefix("Run 'apptainer ") && lines[2].hasSuffix(" --help' for more detailed usage information.")
        )
    }

    @Test func usageAndWhereToReadMoreFollow() throws {
        #expect(
            try parse("exec").answer().standardError == """
                Error for command "exec": requires at least 2 arg(s), only received 0
                Usage: apptainer [global options...] exec [exec options...] <container> <command>
                Run 'apptainer exec --help' for more detailed usage information.

                """)
        #expect(
            try parse("plugin", "list", "--x").answer().standardError == """
                Error for command "list": unknown flag: --x
                Usage: apptainer [global options...] plugin [plugin options...] list [list options...]
                Run 'apptainer plugin list --help' for more detailed usage information.

                """)
        #expect(
            try parse("--x").answer().standardError == """
                Error for command "apptainer": unknown flag: --x
                Usage: apptainer [global options...] <command>
                Run 'apptainer --help' for more detailed usage information.

                """)
    }

    @Test func commandsCanFailLikeUsageErrors() {
        let error = SkiffError("no such object", code: .usage)
        let answer = Grammar(program: ProgramName(calledAs: "apptainer")).answer(to: error, of: "sif dump")
        #expect(
            answer
                == Answer(
                    "",
                    standardError: """
                        Error for command "dump": no such object
                        Usage: apptainer [global options...] sif dump <id> <sif_path>
                        Run 'apptainer sif dump --help' for more detailed usage information.

                        """, status: 1))
    }

    @Test func unknownCommandsGetASuggestion() throws {
        #expect(
            try parse("runn").answer().standardError == """
                Error: unknown command "runn" for "apptainer"

                Did you mean this?
                \trun

                Usage: apptainer [global options...] <command>
                Run 'apptainer --help' for more detailed usage information.

                """)
        #expect(
            try parse("nosuchcommand").answer().standardError
                == """
                Error: unknown command "nosuchcommand" for "apptainer"
                Usage: apptainer [global options...] <command>
                Run 'apptainer --help' for more detailed usage information.

                """)
    }

    @Test func missingFlagsAndCommandsOfApptainerSaySo() throws {
        let version = Version.number
        let flag = try parse("exec", "--intel-hpu", "x", "y").complaint()
        let bound = "no plugin for these devices yet; --bind /dev/accel gives them"
        #expect(flag == "Error for command \"exec\": flag --intel-hpu is not available in skiff \(version): \(bound)")
        let other = try parse("build", "--rocm", "x", "y").complaint()
        #expect(other.hasPrefix("Error for command \"build\": flag --rocm is not available in skiff \(version): "))
        let command = try parse("checkpoint", "list").complaint()
        let reason = "it needs DMTCP, which must be installed, and which skiff does not drive yet"
        #expect(command == "Error: command \"checkpoint\" is not available in skiff \(version): \(reason)")
    }

    @Test func groupsWithoutVerbFailOrHelp() throws {
        #expect(try parse("plugin").answer().status == 1)
        let sif = try parse("sif").answer()
        #expect(sif.status == 0)
        #expect(sif.standardOutput.contains("Available Commands:\n  add         Add an object\n"))
        #expect(try parse("sif", "nosuch").answer() == sif)
    }

    @Test func nothingAtAllShowsTheUsage() throws {
        let answer = try parse().answer()
        #expect(answer.status == 1)
        #expect(answer.standardError.isEmpty)
        #expect(
            answer.standardOutput.hasPrefix(
                "Usage:\n  apptainer [global options...] <command>\n\nAvailable Commands:\n"))
        #expect(!answer.standardOutput.contains("\n  help "))
    }
}
