import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

@Suite struct EnvironmentFileTests {
    private func evaluate(_ texts: [String], _ change: (inout Launch) -> Void = { _ in }) throws -> EnvironmentPlan {
        let root = try FakeRoot()
        var launch = Launch(.exec, ["prog", "arg one"])
        launch.host = ["HOSTVAR=from host", "PATH=/usr/bin:/bin", "SAME=1", "HOME=/h"]
        for (index, text) in texts.enumerated() {
            try root.write("/\(index).env", text)
            launch.request.environmentFiles.append(root.path + "/\(index).env")
        }
        change(&launch)
        return try EnvironmentPlan.make(launch.request, host: launch.host, facts: launch.facts)
    }

    private func values(_ plan: EnvironmentPlan) -> [String: String] {
        Dictionary(plan.overrides.map { ($0.name, $0.text) }, uniquingKeysWith: { $1 })
    }

    @Test func assignmentsAreTaken() throws {
        let found = values(
            try evaluate([
                "# comment\nA=1\nexport B=\"$HOSTVAR\"\nC='x y'\nexport HOSTVAR\nD=$APPTAINER_IMAGE\nE=\"$2-$3\"\nUNUSED=1\n"
                    + "unset UNUSED\nHOME=/nope\nSAME=1\nPWD=/nope\n"
            ]))
        #expect(
            found == [
                "A": "1", "B": "from host", "C": "x y", "HOSTVAR": "from host", "D": "/tmp/w/full.sif",
                "E": "prog-arg one",
                "SAME": "1",
            ])
    }

    @Test func laterFilesWinAndOptionsBeatThem() throws {
        let plan = try evaluate(["A=1\nB=1\n", "B=2\nC=2\n"]) { $0.request.environment = [("C", "opt")] }
        #expect(values(plan) == ["A": "1", "B": "2", "C": "opt"])
        #expect(plan.messages.map(\.text) == ["Ignored environment file variable C: override from --env"])
        #expect(plan.overrides.first { $0.name == "A" }?.origin.hasPrefix("--env-file ") == true)
    }

    /// What runs no command is evaluated here, however it is quoted; the container evaluates it once more, in double
    /// quotes.
    @Test func understandsWhatSuchFilesHold() throws {
        let found = values(
            try evaluate([
                "A='x(y)'\r\nB=\"two\nlines\"\r\nD=\"$1\"\n[ -n \"\" ]\nE='$no `no` $(no)'\nF=\"${A}er\"\n"
                    + "if true; then G=1; else G=2; fi; H=${NONE:-d}\nI=$UID.$EUID.$GID\nexit 0\nLATE=1\n"
            ]))
        let identity = "\(realUID()).\(effectiveUID()).\(realGID())"
        #expect(
            found == [
                "A": "x(y)", "B": "two\nlines", "D": "/.singularity.d/actions/exec", "E": "\\$no \\`no\\` \\$(no)",
                "F": "x(y)er", "G": "1", "H": "d", "I": identity,
            ])
    }

    /// A variable whose value needs a command is left out and reported; no line after it is lost, and the command is
    /// not run.
    @Test(arguments: [
        ("A=$(touch CANARY)", "A"), ("A=`touch CANARY`", "A"), ("export A=\"x $(touch CANARY) y\"", "A"),
        ("A=\"$(echo \"a ) b\"; touch CANARY)\" # don't", "A"), ("A=1 B=$(touch CANARY | cat)", "A, B"),
        ("A=\"`touch CANARY`\";", "A"), ("A=${X:-$(touch CANARY)}", "A"), ("A=$(\n(touch CANARY)\n)", "A"),
    ])
    func runsNoCommand(line: String, names: String) throws {
        let root = try FakeRoot()
        let canary = root.path + "/canary"
        let plan = try evaluate(["BEFORE=1\n" + line.replacing("CANARY", with: canary) + "\nAFTER=1\n"])
        #expect(values(plan) == ["BEFORE": "1", "AFTER": "1"])
        #expect(plan.messages.count == 1, "\(plan.messages)")
        let text = plan.messages.first?.text ?? ""
        #expect(text.hasPrefix("Ignored \(names) in line 2 of environment file /"), "\(text)")
        #expect(!isAccessible(canary, F_OK))
    }

    /// Text that is not understood ends the launch, with its line.
    @Test(arguments: [
        "touch CANARY", "A=1 2", "A=1 touch CANARY", ". CANARY", "source CANARY", "\u{FEFF}A=1", "A=x(y)",
        "A=$((6 * 7))",
        "f() { :; }", "A+=1", "A=1 | cat", "A=1 > CANARY", "eval \"$(touch CANARY)\"", "eval touch CANARY", "A=$(",
        "A='x",
        "exec touch CANARY", "A=\0", "[ -n \"$(touch CANARY)\" ]", "A=$RANDOM", "while true; do :; done",
    ])
    func refusesWhatItDoesNotUnderstand(line: String) throws {
        let root = try FakeRoot()
        let canary = root.path + "/canary"
        do {
            _ = try evaluate(["A=1\n\n" + line.replacing("CANARY", with: canary) + "\n"])
            Issue.record("no error")
        } catch let error as SkiffError {
            #expect(error.message.hasPrefix("cannot evaluate environment file "), "\(error)")
            #expect(error.message.contains("/0.env, line 3: "), "\(error)")
        }
        #expect(!isAccessible(canary, F_OK))
    }

    /// Variables that the runtime sets are not taken from a file, and that is reported.
    @Test func namesOfTheRuntimeAreIgnored() throws {
        let plan = try evaluate(["UID=0\nEUID=0\nGID=0\nIFS=,\nOPTIND=3\nHOME=/nope\nPWD=/nope\nA=1\n"])
        #expect(values(plan) == ["A": "1"])
        let ignored = ["EUID", "GID", "HOME", "IFS", "OPTIND", "PWD", "UID"]
        #expect(
            plan.messages.map(\.text)
                == ignored.map { "Ignored environment file variable \($0): the runtime decides its value" })
    }

    @Test func failuresAreToldWithTheFile() throws {
        for text in ["exit 3\n", "A=$(", "if then\n"] {
            #expect(throws: SkiffError.self) { try evaluate([text]) }
        }
        var launch = Launch()
        launch.request.environmentFiles = ["/nonexistent/file.env"]
        do throws(SkiffError) {
            _ = try EnvironmentPlan.make(launch.request, host: launch.host, facts: launch.facts)
            Issue.record("no error")
        } catch {
            #expect(
                error.description == "cannot read environment file /nonexistent/file.env: no such file or directory")
        }
    }
}
