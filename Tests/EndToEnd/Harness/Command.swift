import CLinux
import Foundation
import Linux

/// One run of a program: as which user, where, with which environment, and for how long at most.
///
/// Output goes to files, not pipes: a process that outlives the run and keeps a descriptor cannot hang the test.
struct Command {
    var words: [String]
    var profile: Profile
    var environment: [String: String]
    var directory = "/"
    var input = "/dev/null"
    var seconds = 20.0

    init(_ words: [String], as profile: Profile) {
        self.words = words
        self.profile = profile
        environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "HOME": profile.record?.home ?? "/", "USER": profile.record?.name ?? "nobody", "TERM": "dumb",
        ]
    }

    func run() throws -> Outcome { try start().wait(seconds: seconds) }

    /// Starts the program in a session of its own, so that everything it leaves can be found.
    func start() throws -> RunningCommand {
        let folder = try WorkDirectory.make(for: .current)
        let output = try open(folder + "/stdout", O_WRONLY | O_CREAT, mode: 0o644)
        let errors = try open(folder + "/stderr", O_WRONLY | O_CREAT, mode: 0o644)
        let input = try open(input, O_RDONLY)
        let all = profile.switching + ["/usr/bin/env", "-C", directory] + words
        let pid = try spawn(
            all[0], all, environment: environment.map { "\($0.key)=\($0.value)" },
            descriptors: [(0, input.raw), (1, output.raw), (2, errors.raw)], newSession: true)
        return RunningCommand(pid: pid, folder: folder, words: words)
    }
}

/// A command that was started; its PID is the number of its session.
struct RunningCommand {
    let pid: pid_t
    let folder: String
    let words: [String]

    func signal(_ number: CInt) throws { try sendSignal(number, to: pid) }

    /// Waits for the end, and kills the whole session when the time is over.
    func wait(seconds: Double) throws -> Outcome {
        let handle = try openPidFD(pid)
        let isInTime = try waitReadable(handle.raw, milliseconds: CInt(seconds * 1000))
        if !isInTime { ProcessTable.current().filter { $0.session == pid }.forEach { kill($0.pid, SIGKILL) } }
        let ended = try waitFor(pid)
        let outcome = Outcome(
            words: words, standardOutput: text("stdout"), standardError: text("stderr"),
            end: isInTime ? ended?.status : nil)
        try FileManager.default.removeItem(atPath: folder)
        return outcome
    }

    /// Waits until the command has written the text to stdout.
    func waitForOutput(_ wanted: String, seconds: Double = 10) -> Bool {
        for _ in 0..<Int(seconds * 100) {
            if text("stdout").contains(wanted) { return true }
            usleep(10_000)
        }
        return false
    }

    /// Returns what the command has written so far.
    func text(_ stream: String) -> String {
        String(decoding: (try? readFile(folder + "/" + stream)) ?? [], as: UTF8.self)
    }
}

/// The result of a run.
struct Outcome: CustomStringConvertible {
    let words: [String]
    let standardOutput: String
    let standardError: String
    /// How the run ended; nil when it was still running at its limit and had to be killed.
    let end: ExitStatus?

    /// `key=value` lines, as the inside reporter prints them.
    var values: [String: String] {
        var values: [String: String] = [:]
        for line in standardOutput.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            values[String(line[..<equals])] = String(line[line.index(after: equals)...])
        }
        return values
    }

    var description: String {
        let how = end.map { "\($0)" } ?? "killed after its time was over"
        return "\(words.joined(separator: " "))\nended: \(how)\nstdout: \(standardOutput)\nstderr: \(standardError)"
    }
}

extension Outcome {
    var isSuccess: Bool { end == .exited(0) }
    /// Output without the last line feed.
    var line: String { standardOutput.last == "\n" ? String(standardOutput.dropLast()) : standardOutput }
}
