import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core
@testable import Shell

@Suite struct EnvironmentActionTests {
    static func words(_ bytes: [[UInt8]]) -> [String] { bytes.map { String(decoding: $0, as: UTF8.self) } }

    private func arguments(_ launch: Launch, _ root: FakeRoot) throws -> [String] {
        Self.words(try launch.start(root).attempt.arguments)
    }

    private func failure(_ launch: Launch, _ root: FakeRoot) throws -> SkiffError? {
        let run = try launch.run(root)
        do throws(SkiffError) { _ = try run.run() } catch { return error }
        return nil
    }

    /// The error texts of exec, as Apptainer 1.4.5 prints them.
    @Test func commandIsLookedForInPath() throws {
        let root = try imageRoot()
        try root.write("/usr/bin/tool", "", mode: 0o755)
        try root.write("/etc/passwd", "")
        #expect(try arguments(Launch(.exec, ["tool", "a b"]), root) == ["/usr/bin/tool", "a b"])
        #expect(try arguments(Launch(.exec, ["/usr//bin/../bin/./tool"]), root) == ["/usr/bin/tool"])
        for (word, text) in [
            ("nosuchcommand", "\"nosuchcommand\": executable file not found in $PATH"),
            ("", "\"\": executable file not found in $PATH"),
            ("/nosuch/path", "stat /nosuch/path: no such file or directory"),
            ("./nosuch", "stat /tmp/w/nosuch: no such file or directory"),
            ("/etc/passwd", "exec /etc/passwd failed: permission denied"),
            ("/bin", "exec /bin failed: is a directory"),
        ] {
            let error = try #require(try failure(Launch(.exec, [word]), root))
            #expect(error.description == text)
            #expect(error.code == .fatal)
        }
    }

    @Test func runPrefersScripts() throws {
        let root = try imageRoot()
        #expect(try failure(Launch(.run, []), root)?.code == .command)
        try root.write("/bin/sh", "", mode: 0o755)
        let fallback = try Launch(.run, ["-c", "x"]).start(root)
        #expect(Self.words(fallback.attempt.arguments) == ["/bin/sh", "-c", "x"])
        #expect(fallback.messages.map(\.text) == ["No runscript found in container, executing /bin/sh"])
        try root.write("/apptainer", "", mode: 0o755)
        #expect(try arguments(Launch(.run, []), root) == ["/apptainer"])
        try root.write("/.singularity.d/runscript", "#!/bin/sh\necho hi\n", mode: 0o755)
        #expect(try arguments(Launch(.run, ["q"]), root) == ["/.singularity.d/runscript", "q"])
    }

    @Test func shellsInOrder() throws {
        let root = try imageRoot(environment: "export SINGULARITY_SHELL=/bin/zsh\n")
        #expect(try failure(Launch(.shell, []), root)?.description == "/bin/sh does not exist in container")
        try root.write("/bin/sh", "", mode: 0o755)
        let plain = try Launch(.shell, ["-c", "x"]).start(root)
        #expect(Self.words(plain.attempt.arguments) == ["/bin/sh", "-c", "x"])
        #expect(texts(plain.environment)["SHELL"] == "/bin/sh")
        try root.write("/bin/bash", "", mode: 0o755)
        #expect(try arguments(Launch(.shell, ["x"]), root) == ["/bin/bash", "--norc", "x"])
        try root.write("/bin/zsh", "", mode: 0o755)
        let chosen = try Launch(.shell, ["x"]).start(root)
        #expect(Self.words(chosen.attempt.arguments) == ["/bin/zsh", "x"])
        #expect(texts(chosen.environment)["SHELL"] == nil)
    }

    @Test func testAndStartMayBeAbsent() throws {
        let root = try imageRoot()
        for (action, text) in [
            (Request.Action.test, "No test script found in container, exiting"),
            (.start, "No instance start script found in container"),
        ] {
            guard case .end(0, _, let messages) = try Launch(action, []).run(root).run() else {
                Issue.record("started \(action)")
                continue
            }
            #expect(messages.map(\.text) == [text])
        }
        var launch = Launch(.test, [])
        launch.request.app = "hello"
        #expect(try failure(launch, root)?.description == "No tests for contained app: hello")
    }

    // MARK: OCI

    /// A runscript as builders make it for ENTRYPOINT and CMD (Docs/spec/deffile.md §9): two settings, then these
    /// tests.
    static func runscript(entrypoint: String, cmd: String, literalEntrypoint: [String], literalCmd: [String]) -> String
    {
        func prepend(_ words: [String]) -> String {
            words.reversed().map { "set -- \(ShellQuoting.single($0)) \"$@\"\n" }.joined()
        }
        return """
            #!/bin/sh
            OCI_ENTRYPOINT=\(ShellQuoting.single(entrypoint))
            OCI_CMD=\(ShellQuoting.single(cmd))
            if [ -n "$SINGULARITY_NO_EVAL" ]; then
                if [ $# -eq 0 ]; then
                    \(literalCmd.isEmpty ? ":" : prepend(literalCmd))
                fi
                \(prepend(literalEntrypoint))
                exec "$@"
            fi
            CMDLINE_ARGS=""
            for arg in "$@"; do
                CMDLINE_ARGS="${CMDLINE_ARGS} \\"$arg\\""
            done
            if [ $# -gt 0 ]; then
                SINGULARITY_OCI_RUN="${OCI_ENTRYPOINT} ${CMDLINE_ARGS}"
            else
                SINGULARITY_OCI_RUN="${OCI_ENTRYPOINT} ${OCI_CMD}"
            fi
            eval "set ${SINGULARITY_OCI_RUN}"
            exec "$@"

            """
    }

    @Test(
        arguments: [
            ("", "\"c\" \"$FOO x\"", [], ["bin/c", "bar x"]), ("", "\"c\"", ["a", "b c"], ["bin/a", "b c"]),
            ("\"e\" \"-f\"", "", [], ["bin/e", "-f"]), ("\"e\"", "\"c\"", [], ["bin/e", "c"]),
            ("\"e\"", "\"c\"", ["a", "$FOO", "\\$FOO"], ["bin/e", "a", "bar", "$FOO"]),
        ] as [(String, String, [String], [String])])
    func entrypointAndCommand(_ entrypoint: String, _ cmd: String, _ given: [String], _ expected: [String]) throws {
        let root = try imageRoot()
        for name in ["a", "c", "e"] { try root.write("/bin/" + name, "", mode: 0o755) }
        let script = Self.runscript(entrypoint: entrypoint, cmd: cmd, literalEntrypoint: [], literalCmd: [])
        try root.write("/.singularity.d/runscript", script, mode: 0o755)
        #expect(try arguments(Launch(.run, given), root) == ["/" + expected[0]] + expected.dropFirst())
    }

    @Test func withoutEvaluationArgumentsAreExact() throws {
        let root = try imageRoot()
        for name in ["e", "c"] { try root.write("/bin/" + name, "", mode: 0o755) }
        let script = Self.runscript(
            entrypoint: "\"e\"", cmd: "\"c\"", literalEntrypoint: ["e", "it's $FOO"], literalCmd: ["c \"q\""])
        try root.write("/.singularity.d/runscript", script, mode: 0o755)
        var launch = Launch(.run, [])
        launch.request.noEvaluation = true
        #expect(try arguments(launch, root) == ["/bin/e", "it's $FOO", "c \"q\""])
        launch.request.arguments = ["$FOO", "\"", "'"].map { Array($0.utf8) }
        #expect(try arguments(launch, root) == ["/bin/e", "it's $FOO", "$FOO", "\"", "'"])
    }

    @Test func runscriptsThatNeedAShellGetIt() throws {
        let root = try imageRoot()
        let script = Self.runscript(entrypoint: "\"e\" \"$(id)\"", cmd: "", literalEntrypoint: [], literalCmd: [])
        try root.write("/.singularity.d/runscript", script, mode: 0o755)
        #expect(try arguments(Launch(.run, ["x"]), root) == ["/.singularity.d/runscript", "x"])
    }

    // MARK: Failures of execve

    @Test func scriptsFindAShell() throws {
        let root = try FakeRoot()
        let fallback = ExecFallback(files: root.files)
        try root.write("/s", "echo hi\n", mode: 0o755)
        try root.write("/t", "#! /bin/sh  -e \necho hi\n", mode: 0o755)
        let path = Array("/s".utf8)
        let attempt = ExecAttempt(.path(path), [path, Array("a".utf8)])
        let script = ExecAttempt(.path(Array("/t".utf8)), [Array("/t".utf8), Array("a".utf8)])
        let bare = fallback.next(after: .noExecFormat, of: attempt, hasStaticShell: true)
        #expect(bare?.program == .staticShell)
        #expect(Self.words(bare?.arguments ?? []) == ["/bin/sh", "/s", "a"])
        let missing = fallback.next(after: .noSuchFile, of: script, hasStaticShell: true)
        #expect(missing?.program == .staticShell)
        #expect(Self.words(missing?.arguments ?? []) == ["/bin/sh", "-e", "/t", "a"])
        #expect(fallback.next(after: .noSuchFile, of: script, hasStaticShell: false) == nil)
        try root.write("/bin/sh", "", mode: 0o755)
        #expect(
            fallback.next(after: .noExecFormat, of: attempt, hasStaticShell: true)?.program
                == .path(Array("/bin/sh".utf8)))
        #expect(fallback.next(after: .accessDenied, of: attempt, hasStaticShell: true) == nil)
    }

    @Test func failuresAreExplained() throws {
        let root = try FakeRoot()
        let fallback = ExecFallback(files: root.files)
        func explain(_ name: String, _ errno: Errno) -> String {
            fallback.explain(errno, ExecAttempt(.path(Array(name.utf8)), [])).description
        }
        try root.write("/p", "#!/usr/bin/perl\n", mode: 0o755)
        #expect(explain("/p", .noSuchFile) == "exec /p failed: its interpreter /usr/bin/perl is missing in the image")
        let own = [UInt8]([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1]) + [UInt8](repeating: 0, count: 11)
        try writeFile(root.path + "/foreign", own + [22, 0], mode: 0o755)
        #expect(explain("/foreign", .noExecFormat) == "image targets 's390x', cannot run on '\(ELFMachine.own)'")
        try root.write("/x", "", mode: 0o755)
        #expect(explain("/x", .accessDenied) == "exec /x failed: permission denied")
        let program = try open("/proc/self/exe", O_RDONLY)
        #expect(ELFMachine.name(try readBytes(program.raw, at: 0, count: 20)) == ELFMachine.own)
    }
}
