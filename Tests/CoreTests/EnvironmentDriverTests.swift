import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core
@testable import Shell

/// The driver script that a shell runs must produce the same environment as the evaluation in process.
@Suite struct EnvironmentDriverTests {
    static let shells = [["/bin/bash"], ["/bin/dash"], ["/bin/busybox", "sh"]]

    /// Runs the driver in a shell of this machine; paths of the image's scripts are redirected into the fake root.
    private func drive(_ launch: Launch, _ root: FakeRoot, _ shell: [String]) throws -> (
        environment: [String: String], status: CInt, text: String
    ) {
        let run = try launch.run(root)
        guard case .start(let start) = try run.startShell(run.scripts(), because: NeedsShell("test")) else {
            throw SkiffError("no start")
        }
        #expect(start.shellReason == "test")
        let words = start.attempt.arguments.dropFirst().map { String(decoding: $0, as: UTF8.self) }
        let there = ["/.singularity.d/env", "/scif/apps", "/environment"].reduce(words) { words, path in
            words.enumerated().map { $0 == 1 ? Self.replace($1, path, root.path + path) : $1 }
        }
        let pipe = try makePipe()
        let reader = OwnedFD(adopting: pipe.first)
        let writer = OwnedFD(adopting: pipe.second)
        let variables = start.environment.map { String(decoding: $0, as: UTF8.self) }
        let pid = try spawn(
            shell[0], shell + there, environment: variables, descriptors: [(1, writer.raw), (2, writer.raw)])
        try writer.close()
        let bytes = try readToEnd(reader.raw)
        let status = try waitFor(pid)?.status.code ?? -1
        let text = Self.replace(String(decoding: bytes, as: UTF8.self), root.path, "")
        return (texts(text.split(separator: "\0").map { Array($0.utf8) }), status, text)
    }

    private static func replace(_ text: String, _ old: String, _ new: String) -> String {
        var result = ""
        var rest = text[...]
        while let range = rest.firstRange(of: old) {
            result += rest[..<range.lowerBound] + new
            rest = rest[range.upperBound...]
        }
        return result + rest
    }

    /// One of these shells knows UID and EUID, and none knows GID.
    @Test(arguments: shells) func everyShellKnowsTheIdentity(shell: [String]) throws {
        guard isAccessible(shell[0], X_OK) else { return }
        var launch = Launch(.exec, ["env", "-0"])
        launch.request.environment = [("B", "$UID:$EUID:$GID")]
        let driven = try drive(launch, try imageRoot(environment: "export A=\"$UID.$EUID.$GID\"\n"), shell)
        let (user, effective, group) = (realUID(), effectiveUID(), realGID())
        #expect(driven.environment["A"] == "\(user).\(effective).\(group)", "\(driven)")
        #expect(driven.environment["B"] == "\(user):\(effective):\(group)", "\(driven)")
        #expect(driven.environment["GID"] == nil, "\(driven)")
    }

    private func launches() -> [Launch] {
        var plain = Launch(.exec, ["env", "-0"])
        plain.host = [
            "USER=me", "E=", "N=a\nb'\"$x`", "PATH=/u", "TERM=xterm", "SHELL=/bin/zsh", "SHLVL=5", "PS1=host",
            "OLDPWD=/o",
            "FOO=host", "HOSTNAME=h", "PS4=+", "A-B=1", "PROMPT_COMMAND=hello",
        ]
        var wishing = plain
        wishing.request.environment = [
            ("X", "$FOO-\\$FOO-\"q\"-'s \\\\ \\\"z"), ("FOO", ""), ("PREPEND_PATH", "/p"), ("APPEND_PATH", "/q"),
            ("T", "a\\"),
            ("LD_LIBRARY_PATH", "/l"), ("NL", "a\nb"), ("APPTAINER_NAME", "zz"),
        ]
        var literal = wishing
        literal.request.noEvaluation = true
        literal.request.cleanEnvironment = true
        var libraries = plain
        libraries.request.environment = [
            ("PREPEND_LD_LIBRARY_PATH", "/first dir"), ("APPEND_LD_LIBRARY_PATH", "/last"),
        ]
        var both = libraries
        both.request.environment.append(("LD_LIBRARY_PATH", "/mine"))
        return [plain, wishing, literal, libraries, both]
    }

    private func roots() throws -> [FakeRoot] {
        let docker = try imageRoot(environment: "export P90=\"$PATH\" USER= \n")
        try docker.write(
            "/.singularity.d/env/10-docker2singularity.sh",
            "export PATH=\"/opt/bin:/usr/bin\" V=\"${V:-\"a \\\"b\\\"\"}\"\n")
        let bare = try FakeRoot()
        let old = try FakeRoot()
        try old.write("/environment", "export OLD=1 PATH=/old:/usr/bin\n")
        let gaps = try FakeRoot()
        try gaps.write("/.singularity.d/env/90-environment.sh", "export FOO=bar PS1='mine> '\n")
        return [try imageRoot(), docker, bare, old, gaps]
    }

    @Test(arguments: shells) func agreesWithTheEvaluator(_ shell: [String]) throws {
        for root in try roots() {
            try root.write("/usr/bin/env", "", mode: 0o755)
            for launch in launches() {
                var expected = try launch.environment(root)
                var (found, status, text) = try drive(launch, root, shell)
                #expect(status == 0, "\(text)")
                // Shells set these for themselves.
                for name in ["_", "PWD", "OLDPWD", "SHLVL"] {
                    expected[name] = nil
                    found[name] = nil
                }
                for name in Set(expected.keys).union(found.keys) {
                    #expect(found[name] == expected[name], "\(name)")
                }
            }
        }
    }

    /// What the evaluator refuses works here.
    @Test(arguments: shells) func runsWhatNeedsAShell(_ shell: [String]) throws {
        let root = try imageRoot(environment: "f() { echo \"$1!\"; }\nexport GREETING=\"$(f hello)\"\n")
        try root.write("/usr/bin/env", "", mode: 0o755)
        let launch = Launch(.exec, ["env", "-0"])
        #expect(try launch.start(root).shellReason != nil)
        let (found, status, _) = try drive(launch, root, shell)
        #expect(status == 0)
        #expect(found["GREETING"] == "hello!")
        #expect(found["APPTAINER_COMMAND"] == "exec")
        var evaluated = launch
        evaluated.request.environment = [("D", "$(echo 1; echo 2)")]
        #expect(try drive(evaluated, try imageRoot(), shell).environment["D"] == "1\n2")
    }

    @Test(arguments: shells) func failuresHaveTheKnownWords(_ shell: [String]) throws {
        let root = try imageRoot()
        for (word, text) in [
            ("nosuchcommand", "\"nosuchcommand\": executable file not found in $PATH"),
            ("/nosuch/path", "stat /nosuch/path: no such file or directory"),
            ("/etc/passwd", "exec /etc/passwd failed: permission denied"),
            ("/etc", "exec /etc failed: is a directory"),
        ] {
            let (_, status, printed) = try drive(Launch(.exec, [word]), root, shell)
            #expect(status == 255)
            #expect(printed == "FATAL:   \(text)\n")
        }
        let leaving = try imageRoot(environment: "exit 9\n")
        #expect(try drive(Launch(.exec, ["env"]), leaving, shell).status == 9)
    }

    @Test(arguments: shells) func shellOfTheImageIsChosen(_ shell: [String]) throws {
        let root = try imageRoot(environment: "export SINGULARITY_SHELL=/bin/echo\n")
        try root.write("/bin/sh", "", mode: 0o755)
        let (_, status, printed) = try drive(Launch(.shell, ["a", "b c"]), root, shell)
        #expect(status == 0 && printed == "a b c\n")
        try root.write("/bin/bash", "", mode: 0o755)
        #expect(try drive(Launch(.shell, ["a"]), root, shell).text == "a\n")
    }

    /// No shell in the image: the static one reads the script itself.
    @Test func scriptsWithoutAnyShell() throws {
        let root = try imageRoot(environment: "export A=$(echo 1)\n")
        try root.write("/.singularity.d/runscript", "#!/bin/sh\necho \"$A $0 $#\" \"$@\"\nexit 4\n", mode: 0o755)
        let launch = Launch(.run, ["x y", "z"])
        #expect(try launch.start(root).attempt.program == .staticShell)
        let run = try launch.run(root)
        guard case .start(let start) = try run.startShell(run.scripts(), because: NeedsShell("test")) else { return }
        let text = String(decoding: start.attempt.arguments[2], as: UTF8.self)
        #expect(text.hasSuffix(". '/.singularity.d/runscript'\n"))
        #expect(
            start.attempt.arguments.dropFirst(3).map { String(decoding: $0, as: UTF8.self) }
                == ["/.singularity.d/runscript", "x y", "z"])
    }
}
