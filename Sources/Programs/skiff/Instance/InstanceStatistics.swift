import Base
import CLinux
import Core
import Grammar
import Linux

/// `instance stats`: what an instance uses, every second or once.
struct InstanceStatistics {
    private let invocation: Invocation
    private let directory: InstanceDirectory

    init(_ invocation: Invocation, _ directory: InstanceDirectory) {
        (self.invocation, self.directory) = (invocation, directory)
    }

    func run() throws(SkiffError) {
        let pattern = invocation.positionals.first ?? ""
        let found = directory.running { matches($0, pattern) }
        guard let instance = found.first else { throw SkiffError("no instance found", code: .usage) }
        guard found.count == 1 else {
            throw SkiffError("more than one instance matches \(pattern)", code: .usage)
        }
        Log.info("Stats for \(instance.name) instance of \(instance.image) (PID=\(instance.first.pid))")
        guard var before = InstanceUsage.of(instance) else {
            throw SkiffError(
                "stats are only available if cgroups are enabled, see the Apptainer instance user guide for instructions",
                code: .usage)
        }
        if invocation[.json] {
            if !invocation[.noStream] { Log.warning("JSON is printed once: add --no-stream") }
            return try write(before.json.text(indent: "\t") + "\n")
        }
        var time = monotonicMilliseconds()
        repeat {
            pause(milliseconds: 1000)
            guard instance.keeper.isRunning, let usage = InstanceUsage.of(instance) else { return }
            let now = monotonicMilliseconds()
            let row = usage.row(instance.name, since: before, milliseconds: now - time, machine: machineMemory())
            // Clears the screen, as top(1) does.
            let clearing = invocation[.noStream] ? "" : "\u{1B}[2J\u{1B}[H"
            try write(InstanceListing.table([InstanceUsage.heading, row]), after: clearing)
            (before, time) = (usage, now)
        } while !invocation[.noStream]
    }

    private func write(_ text: String, after control: String = "") throws(SkiffError) {
        try during("cannot write the answer") { () throws(Errno) in
            try writeFully(1, control)
            try writeAnswer(text)
        }
    }

    private func machineMemory() -> UInt64 {
        UInt64(max(0, sysconf(CInt(_SC_PHYS_PAGES)))) &* UInt64(max(0, sysconf(CInt(_SC_PAGESIZE))))
    }
}
