import Base
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

    /// What the evaluator leaves to a shell goes to the host's.
    @Test func shellOfTheHostHelps() throws {
        let found = values(
            try evaluate([
                "f() { echo \"$1 $HOSTVAR\"; }\nA=$(f hi)\nB=\"two\nlines\"\nC=$((6 * 7))\nD=\"$1\"\n[ -n \"\" ]\n"
            ]))
        #expect(found == ["A": "hi from host", "B": "two\nlines", "C": "42", "D": "/.singularity.d/actions/exec"])
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
