import CLinux
import TestSupport
import Testing

@testable import Linux

@Suite struct ProcessTests {
    private func shell(_ script: String, descriptors: [(child: CInt, parent: CInt)] = []) throws -> pid_t {
        try spawn("/bin/sh", ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"], descriptors: descriptors)
    }

    @Test(arguments: [
        ("exit 0", Linux.ExitStatus.exited(0), 0), ("exit 255", .exited(255), 255),
        ("kill -9 $$", .signaled(SIGKILL), 137),
        ("kill -TERM $$", .signaled(SIGTERM), 143),
    ]) func endsAreTold(script: String, status: Linux.ExitStatus, code: CInt) throws {
        let pid = try shell(script)
        let end = try #require(try waitFor(pid))
        #expect(end.pid == pid && end.status == status && end.status.code == code)
    }

    @Test func stoppedProcessesAreTold() throws {
        let pid = try shell("kill -STOP $$")
        #expect(try waitFor(pid, options: WUNTRACED)?.status == .stopped(SIGSTOP))
        try sendSignal(SIGCONT, to: pid)
        #expect(try waitFor(pid)?.status == .exited(0))
    }

    @Test func waitingForNobodyIsAnError() throws {
        let pid = try shell("exit 0")
        _ = try waitFor(pid)
        #expect(throws: Errno.noChild) { try waitFor(pid) }
        #expect(throws: Errno.noSuchProcess) { try sendSignal(0, to: .max) }
        #expect(throws: Errno.noSuchProcess) { _ = try openPidFD(.max) }
    }

    @Test func waitingWithoutPatienceFindsNothingYet() throws {
        let pid = try shell("sleep 60")
        #expect(try waitFor(pid, options: WNOHANG) == nil)
        let handle = try openPidFD(pid)
        #expect(try !waitReadable(handle.raw, milliseconds: 0))
        try sendSignal(SIGKILL, to: handle)
        #expect(try waitReadable(handle.raw, milliseconds: 10_000))
        #expect(try waitFor(pid)?.status == .signaled(SIGKILL))
        #expect(throws: Errno.noSuchProcess) { try sendSignal(SIGKILL, to: handle) }
    }

    @Test(arguments: [("/no/such/program", Errno.noSuchFile), ("/etc/passwd", .accessDenied), ("/", .accessDenied)])
    func programsThatCannotStartAreErrors(path: String, error: Errno) {
        #expect(throws: error) { try spawn(path, ["x"], environment: []) }
    }

    /// The child has what it is given under the numbers that it expects, and nothing else of ours.
    @Test func childrenGetTheirDescriptorsOnly() throws {
        let scratch = try Scratch()
        let output = try scratch.openFile("output")
        let secret = try scratch.openFile("secret")
        let pid = try shell("ls /proc/self/fd; echo given >&9", descriptors: [(1, output.raw), (9, output.raw)])
        #expect(try waitFor(pid)?.status == .exited(0))
        let lines = try scratch.text("output").split(separator: "\n")
        #expect(lines.contains("9") && lines.last == "given")
        #expect(!lines.contains("\(secret.raw)") || secret.raw == 9)
    }

    @Test func childrenGetTheirEnvironmentOnly() throws {
        let (bytes, status) = try output(
            of: "/usr/bin/env", ["env"], environment: ["A=1", "B=x y"], limit: 1 << 16)
        #expect(status == .exited(0) && bytes == Array("A=1\nB=x y\n".utf8))
    }

    /// What a process ignores or blocks, its children would too.
    @Test func childrenBlockNoSignals() throws {
        let before = try setSignalMask(SignalSet([SIGUSR1]))
        let pid = try shell("kill -USR1 $$; exit 0")
        _ = try setSignalMask(before)
        #expect(try waitFor(pid)?.status == .signaled(SIGUSR1))
    }

    @Test func sessionsOfTheirOwnHaveTheirNumber() throws {
        let pid = try spawn("/bin/sleep", ["sleep", "60"], environment: [], newSession: true)
        #expect(getsid(pid) == pid)
        try sendSignal(SIGKILL, to: pid)
        _ = try waitFor(pid)
    }

    /// Children of children too, while each of them starts more.
    @Test(.timeLimit(.minutes(1))) func familiesEndTogether() throws {
        let scratch = try Scratch()
        let output = try scratch.openFile("pids")
        let pid = try shell(
            "for i in 1 2 3; do (for j in 1 2; do sleep 60 & echo $! >&9; done; wait) & echo $! >&9; done; wait",
            descriptors: [(9, output.raw)])
        func started() throws -> [pid_t] { try scratch.text("pids").split(separator: "\n").compactMap { pid_t($0) } }
        while try started().count < 9 { pause(milliseconds: 5) }
        #expect(Set(family(of: pid)) == Set(try started() + [pid]))
        endFamily(of: pid)
        #expect(try waitFor(pid)?.status == .signaled(SIGKILL))
        for child in try started() {
            while (try? status("/proc/\(child)/exe")) != nil { pause(milliseconds: 5) }
        }
    }

    @Test func environmentIsReadAsItIs() {
        let strings = environmentStrings()
        #expect(strings.contains { $0.hasPrefix("PATH=") })
        #expect(strings.map { Array($0.utf8) } == environmentBytes())
        #expect(environmentValue("PATH").map { strings.contains("PATH=" + $0) } == true)
        #expect(environmentValue("SKIFF_NO_SUCH_VARIABLE") == nil)
    }

    @Test func signalSetsHoldTheirMembers() {
        var set = SignalSet([SIGINT, SIGTERM])
        #expect(sigismember(&set.raw, SIGINT) == 1 && sigismember(&set.raw, SIGHUP) == 0)
        var (all, none) = (SignalSet.all, SignalSet.none)
        #expect(sigismember(&all.raw, SIGHUP) == 1 && sigismember(&none.raw, SIGHUP) == 0)
        #expect(sigismember(&all.raw, highestSignal()) == 1)
    }
}
