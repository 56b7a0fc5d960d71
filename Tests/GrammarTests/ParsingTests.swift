import Core
import Testing

@testable import Grammar

/// Parses as `skiff` would, with variables as `NAME=value`.
func parse(_ words: String..., variables: [String] = [], plugins: PluginGrammar = .init()) throws -> Outcome {
    let grammar = Grammar(program: ProgramName(calledAs: "apptainer"), plugins: plugins)
    return try grammar.parse(words, environment: FlagEnvironment(variables))
}

extension Outcome {
    /// The invocation, or a failed expectation.
    func invocation(_ location: SourceLocation = #_sourceLocation) throws -> Invocation {
        guard case .command(let invocation) = self else {
            throw Unexpected("\(self)")
        }
        return invocation
    }

    func answer() throws -> Answer {
        guard case .answer(let answer) = self else { throw Unexpected("\(self)") }
        return answer
    }

    /// The first line on standard error.
    func complaint() throws -> String {
        let answer = try answer()
        #expect(answer.status == 1)
        return String(answer.standardError.split(separator: "\n").first ?? "")
    }
}

struct Unexpected: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

@Suite struct ParsingTests {
    @Test func firstPositionalEndsFlags() throws {
        let invocation = try parse("exec", "-c", "x.sif", "ls", "-l", "--pid").invocation()
        #expect(invocation.command == "exec")
        #expect(invocation.positionals == ["x.sif", "ls", "-l", "--pid"])
        #expect(invocation[.contain])
        #expect(!invocation[.pid])
    }

    @Test func sifVerbsTakeFlagsAnywhere() throws {
        let invocation = try parse("sif", "add", "a.sif", "--datatype", "1", "b", "--groupid=2").invocation()
        #expect(invocation.command == "sif add")
        #expect(invocation.positionals == ["a.sif", "b"])
        #expect(invocation[.datatype] == 1)
        #expect(invocation[.groupID] == 2)
        #expect(invocation.words == ["sif", "add", "a.sif", "--datatype", "1", "b", "--groupid=2"])
    }

    @Test func globalFlagsOnlyBeforeTheCommand() throws {
        let invocation = try parse("-d", "--nocolor", "-c", "/my.conf", "exec", "x", "y").invocation()
        #expect(invocation.global.messageLevel == 5)
        #expect(!invocation.global.isColorAllowed)
        #expect(invocation.global.configurationFile == "/my.conf")
        let complaint = try parse("exec", "-d", "x", "y").complaint()
        #expect(complaint == "Error for command \"exec\": unknown shorthand flag: 'd' in -d")
    }

    @Test(arguments: [
        (["-v"], 4), (["-q"], -1), (["-s"], -3), (["-s", "-q"], -1), (["-v", "-q"], 4), (["-q", "-v", "-d"], 5),
        ([], 1),
    ]) func strongestLevelFlagWins(_ flags: [String], _ level: Int) throws {
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        let outcome = try grammar.parse(flags + ["exec", "x", "y"], environment: FlagEnvironment([]))
        #expect(try outcome.invocation().global.messageLevel == level)
    }

    @Test func booleansTakeValuesOnlyBehindEquals() throws {
        #expect(try !parse("exec", "--contain=false", "x", "y").invocation()[.contain])
        #expect(try !parse("exec", "-c=0", "x", "y").invocation()[.contain])
        let invocation = try parse("exec", "--contain", "false", "y").invocation()
        #expect(invocation[.contain])
        #expect(invocation.positionals == ["false", "y"])
    }

    @Test func shortFlagsCluster() throws {
        let invocation = try parse("exec", "-cieB/a:/b", "x", "y").invocation()
        #expect(invocation[.contain] && invocation[.ipc] && invocation[.cleanenv])
        #expect(invocation[.bind] == ["/a:/b"])
        #expect(try parse("exec", "-cB", "/a", "-B=/b", "x", "y").invocation()[.bind] == ["/a", "/b"])
        #expect(try parse("exec", "-H=", "x", "y").invocation()[.home] == "=")
    }

    @Test func doubleDashEndsFlags() throws {
        #expect(try parse("exec", "-c", "--", "-x", "y").invocation().positionals == ["-x", "y"])
        #expect(try parse("exec", "-", "true").invocation().positionals == ["-", "true"])
        #expect(try parse("sif", "list", "--", "--help").invocation().positionals == ["--help"])
    }

    @Test func slicesSplitAndArraysKeepCommas() throws {
        let invocation = try parse(
            "exec", "--no-mount", "a,\"b,c\"", "--no-mount=d", "--bind", "/a,/b", "-B", "/c", "x", "y"
        ).invocation()
        #expect(invocation[.noMount] == ["a", "b,c", "d"])
        #expect(invocation[.bind] == ["/a,/b", "/c"])
        #expect(try parse("exec", "--no-mount=", "x", "y").invocation()[.noMount] == [])
    }

    @Test func mapsHoldPairs() throws {
        func pairs(_ values: String...) throws -> [Assignment.Pair] {
            let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
            let words = ["exec"] + values.flatMap { ["--env", $0] } + ["x", "y"]
            return try grammar.parse(words, environment: FlagEnvironment([])).invocation()[.env]
        }
        // One `=` keeps the commas, several split at them, quoting protects.
        #expect(try pairs("A=b,c") == [.init("A", "b,c")])
        #expect(try pairs("A=1,B=2") == [.init("A", "1"), .init("B", "2")])
        #expect(try pairs("\"A=1,2\",B=2") == [.init("A", "1,2"), .init("B", "2")])
        #expect(try pairs("A=", "B=x=y") == [.init("A", ""), .init("B", "x=y")])
        #expect(try pairs("\"A=q\"") == [.init("A", "q")])
    }

    @Test func compressionTakesALevel() throws {
        let typed = try parse("build", "--compression", "zstd:9", "x.sif", "x.def").invocation()
        #expect(typed[.compression] == "zstd:9")
    }

    @Test func explainHasAnImpliedValue() throws {
        #expect(try parse("exec", "--explain", "x", "y").invocation()[.explain] == "text")
        #expect(try parse("exec", "--explain=json", "x", "y").invocation()[.explain] == "json")
        #expect(try parse("exec", "x", "y").invocation()[.explain] == nil)
        let complaint = try parse("exec", "--explain=xml", "x", "y").complaint()
        #expect(complaint.hasSuffix("invalid argument \"xml\" for \"--explain\" flag: must be one of: text json"))
    }

    @Test func valuesKnowTheirOrigin() throws {
        let invocation = try parse("exec", "-c", "x", "y", variables: ["APPTAINER_PID=1"]).invocation()
        #expect(invocation.origin(.contain) == .commandLine)
        #expect(invocation.origin(.pid) == .environment("APPTAINER_PID"))
        #expect(invocation.origin(.ipc) == .defaultValue)
        #expect(invocation.isGiven(.pid) && !invocation.isGiven(.ipc))
        let build = try parse("build", "a", "b").invocation()
        #expect(build[.section] == ["all"])
        #expect(!build.isGiven(.section))
        #expect(try parse("build", "--section=post", "a", "b").invocation()[.section] == ["post"])
    }

    @Test func runSingularityMeansQuietRun() throws {
        let name = ProgramName(calledAs: "/usr/bin/run-singularity")
        #expect(name.arguments(["x.sif", "-v"]) == ["--quiet", "run", "x.sif", "-v"])
        #expect(ProgramName(calledAs: "/opt/bin/singularity").text == "apptainer")
        #expect(ProgramName(calledAs: "./skiff").text == "skiff")
        #expect(ProgramName(calledAs: "skiff").arguments(["a"]) == ["a"])
    }

    @Test func olderSpellingsWorkWithAWarning() throws {
        let flags = [Flag(named: "no-https", .bool, help: "h", oldSpelling: "nohttps")]
        var parser = FlagParser(flags: flags, later: { _ in [] }, absence: { _ in nil })
        #expect(try parser.parse(["--nohttps", "x"], interspersed: false) == ["x"])
        #expect(parser.values[.noHTTPS])
        #expect(
            parser.notes == [.init(level: .warning, text: "Flag --nohttps has been deprecated, use --no-https")])
    }

    @Test func repeatedFlagsAddOrReplace() throws {
        let invocation = try parse("exec", "-H", "/a", "-H/b", "-c", "-c=0", "x", "y").invocation()
        #expect(invocation[.home] == "/b")
        #expect(!invocation[.contain])
    }

    @Test func aValueMayLookLikeAFlag() throws {
        let invocation = try parse("exec", "--home", "--contain", "-B", "--", "x", "y").invocation()
        #expect(invocation[.home] == "--contain")
        #expect(invocation[.bind] == ["--"])
        #expect(!invocation[.contain])
    }
}
