import Base
import CLinux
import Core
import Grammar
import Linux

/// `instance list`, `stop`, `stats`, `logs` (Docs/spec/cli.md §3).
struct InstanceCommands {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// - Returns: the exit status.
    func run() throws(SkiffError) -> CInt {
        switch invocation.command {
        case "instance list": try list()
        case "instance stop": try stop()
        case "instance stats": try InstanceStatistics(invocation, try directory("see")).run()
        default: try InstanceLogs(invocation).run()
        }
        return 0
    }

    private func list() throws(SkiffError) {
        if invocation[.json] && invocation[.logs] { throw SkiffError("more than one flags have been set") }
        let directory = try directory("list")
        let listing = InstanceListing(directory.running(where: isWanted), in: directory)
        try write(invocation[.json] ? listing.json : invocation[.logs] ? listing.logText : listing.text)
    }

    private func stop() throws(SkiffError) {
        guard invocation[.all] || !invocation.positionals.isEmpty else {
            throw SkiffError("invalid command", code: .usage)
        }
        let directory = try directory("stop")
        var signal =
            try invocation[.signal].flatMap { text throws(SkiffError) in try SignalName.number(text) } ?? SIGINT
        if invocation[.force] { signal = SIGKILL }
        let instances = directory.running(where: isWanted)
        if instances.isEmpty { throw SkiffError("no instance found", code: .usage) }
        try InstanceStop(signal: signal, seconds: invocation[.timeout] ?? 10, owner: directory.owner).run(instances)
    }

    /// Whether a name is one of those that the command line asks for.
    private func isWanted(_ name: String) -> Bool { matches(name, invocation.positionals.first ?? "*") }

    /// The caller's directory, or that of `--user`.
    /// - Parameter verb: as Apptainer's refusal has it.
    private func directory(_ verb: String) throws(SkiffError) -> InstanceDirectory {
        guard let user = invocation[.user] else { return .ofCaller() }
        guard effectiveUID() == 0 else { throw SkiffError("Only root user can \(verb) user's instances") }
        guard let record = userRecord(name: user) else {
            throw SkiffError("cannot find the instances of \(user): there is no such user")
        }
        return record.uid == 0 ? .ofCaller() : .of(record)
    }

    private func write(_ text: String) throws(SkiffError) {
        try during("cannot write the answer") { () throws(Errno) in try writeAnswer(text) }
    }
}
