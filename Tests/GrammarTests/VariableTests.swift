import Base
import Core
import Testing

@testable import Grammar

@Suite struct VariableTests {
    @Test func ownNameComesFirst() throws {
        let variables = ["SINGULARITY_HOME=/s", "APPTAINER_HOME=/a", "SKIFF_HOME=/k"]
        #expect(try parse("exec", "x", "y", variables: variables).invocation()[.home] == "/k")
        #expect(try parse("exec", "x", "y", variables: Array(variables.prefix(2))).invocation()[.home] == "/a")
        #expect(try parse("exec", "x", "y", variables: Array(variables.prefix(1))).invocation()[.home] == "/s")
    }

    @Test func commandLineBeatsVariables() throws {
        let invocation = try parse("exec", "-H", "/c", "x", "y", variables: ["SKIFF_HOME=/k"]).invocation()
        #expect(invocation[.home] == "/c")
        #expect(try !parse("exec", "-c=0", "x", "y", variables: ["APPTAINER_CONTAIN=1"]).invocation()[.contain])
    }

    @Test func legacyAndDifferingNamesAreNoted() throws {
        func notes(_ variables: String...) throws -> [Invocation.Note] {
            try parse("exec", "x", "y", variables: variables).invocation().notes
        }
        #expect(
            try notes("SINGULARITY_CONTAIN=1") == [
                .init(
                    level: .info,
                    text: "Environment variable SINGULARITY_CONTAIN is set, but APPTAINER_CONTAIN is preferred")
            ])
        #expect(try notes("SINGULARITY_CONTAIN=1", "APPTAINER_CONTAIN=1") == [])
        #expect(
            try notes("SINGULARITY_CONTAIN=1", "APPTAINER_CONTAIN=0") == [
                .init(
                    level: .warning,
                    text: "SINGULARITY_CONTAIN and APPTAINER_CONTAIN have different values, using the latter")
            ])
    }

    @Test func blankValuesAreIgnored() throws {
        let invocation = try parse("exec", "x", "y", variables: ["APPTAINER_CONTAIN= \t", "APPTAINER_PID="])
            .invocation()
        #expect(!invocation.isGiven(.contain))
        #expect(!invocation.isGiven(.pid))
    }

    @Test func firstOfTwoKeysWins() throws {
        let both = ["APPTAINER_APP=one", "APPTAINER_APPNAME=two"]
        #expect(try parse("run", "x", variables: both).invocation()[.app] == "one")
        #expect(try parse("run", "x", variables: ["APPTAINER_APPNAME=two"]).invocation()[.app] == "two")
    }

    @Test func bindsAndMountsAddUp() throws {
        let variables = [
            "APPTAINER_BINDPATH=/p", "APPTAINER_BIND=/b,/bb", "SINGULARITY_MOUNT=type=bind,src=/m\ntype=bind,src=/n",
        ]
        let invocation = try parse("exec", "-B", "/c", "--mount", "m0", "x", "y", variables: variables).invocation()
        #expect(invocation[.bind] == ["/c", "/b,/bb", "/p"])
        #expect(invocation[.mount] == ["m0", "type=bind,src=/m", "type=bind,src=/n"])
    }

    @Test func spacesAtCommasOfSlicesAreDropped() throws {
        let variables = ["APPTAINER_NO_MOUNT=tmp , home,\tcwd"]
        #expect(
            try parse("exec", "x", "y", variables: variables).invocation()[.noMount] == ["tmp", "home", "cwd"])
    }

    @Test(arguments: ["1", "t", "T", "TRUE", "true", "True"]) func booleansMayBeTrue(_ text: String) throws {
        #expect(try parse("exec", "x", "y", variables: ["SKIFF_PID=\(text)"]).invocation()[.pid])
    }

    @Test(arguments: ["maybe", "yes", "on", "2", "tRUE"]) func otherBooleansAreFatal(_ text: String) {
        #expect {
            try parse("exec", "x", "y", variables: ["APPTAINER_CONTAIN=\(text)"])
        } throws: { error in
            guard let error = error as? SkiffError else { return false }
            return error.code == .fatal && error.message.contains("APPTAINER_CONTAIN")
        }
        #expect(throws: SkiffError.self) { try parse("version", variables: ["APPTAINER_DEBUG=\(text)"]) }
    }

    @Test func variablesOfOtherCommandsAreNothing() throws {
        #expect(try parse("inspect", "x", variables: ["APPTAINER_CONTAIN=maybe"]).invocation().command == "inspect")
    }

    /// Without it the container would be less isolated than somebody asked for.
    @Test(arguments: [
        "SKIFF_FUSESPEC=x", "APPTAINER_INTEL_HPU=1", "APPTAINER_FUSESPEC=x",
    ]) func variablesOfFlagsThatAreNotHereAreFatal(_ variable: String) throws {
        let name = try #require(variable.split(separator: "=").first)
        #expect {
            try parse("exec", "x", "y", variables: [variable])
        } throws: { error in
            guard let error = error as? SkiffError else { return false }
            return error.code == .fatal && error.message.hasPrefix("cannot use the variable \(name): flag --")
                && error.message.contains("is not available in skiff")
        }
    }

    /// Every flag that is known to be missing, so that a new one cannot be forgotten.
    @Test(arguments: ["exec", "run", "shell", "test", "build"]) func noVariableOfAMissingFlagIsLost(_ path: String) {
        let own = Table.command(path)?.flags ?? []
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        let keys = grammar.missingFlags(path).flatMap { $0.environment.split(separator: " ") }.filter { key in
            !own.contains { $0.isSet(by: String(key)) }
        }
        #expect(!keys.isEmpty)
        for key in keys where key != "BUILDKIT_HOST" {
            #expect(throws: SkiffError.self, "\(key)") {
                try parse(path, "x", "y", variables: ["SINGULARITY_\(key)=1"])
            }
        }
    }

    @Test(arguments: ["APPTAINER_NET=0", "APPTAINER_NETWORK= ", "SINGULARITY_FUSESPEC="])
    func variablesThatAskForNothingAreNothing(_ variable: String) throws {
        #expect(try parse("exec", "x", "y", variables: [variable]).invocation().notes == [])
    }

    @Test func variablesOfMissingFlagsOfOtherCommandsAreNothing() throws {
        #expect(try parse("inspect", "x", variables: ["APPTAINER_NETWORK=none"]).invocation().command == "inspect")
    }

    @Test func messageLevelHasAVariable() throws {
        func level(_ variables: String...) throws -> Int {
            try parse("exec", "x", "y", variables: variables).invocation().global.messageLevel
        }
        #expect(try level("APPTAINER_MESSAGELEVEL=5") == 5)
        #expect(try level("SINGULARITY_MESSAGELEVEL=4") == 4)
        #expect(try level("APPTAINER_MESSAGELEVEL=-3") == 1)
        #expect(try level("APPTAINER_MESSAGELEVEL=much") == 1)
        #expect(try level("APPTAINER_MESSAGELEVEL=5", "APPTAINER_QUIET=1") == -1)
    }
}
