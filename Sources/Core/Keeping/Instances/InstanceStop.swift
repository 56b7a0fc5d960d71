package import Base
package import CLinux
import Linux

/// Ends instances: asks with a signal, and kills after a time.
package struct InstanceStop {
    private let signal: CInt
    private let seconds: Int
    private let owner: uid_t

    /// How long the helpers of a container that was killed may take to end, in milliseconds.
    private static let patience: Int64 = 30_000

    /// - Parameter owner: the user whose instances they are; what a state file names is stopped only if it is this user's.
    package init(signal: CInt, seconds: Int, owner: uid_t) {
        (self.signal, self.seconds, self.owner) = (signal, seconds, owner)
    }

    private struct Target: ~Copyable {
        let instance: Instance
        let first: OwnedFD
        let keeper: OwnedFD
        var isKilled = false

        init?(_ instance: Instance, owner: uid_t) {
            // By handles, and only then by what /proc says: so the numbers cannot come to mean others in between.
            guard let first = instance.first.open(), let keeper = instance.keeper.open(),
                userID(of: instance.keeper.pid) == owner, parent(of: instance.first.pid) == instance.keeper.pid
            else { return nil }
            self.instance = instance
            self.first = first
            self.keeper = keeper
        }

        var text: String { "\(instance.name) instance of \(instance.image) (PID=\(instance.first.pid))" }

        mutating func kill() {
            isKilled = true
            try? sendSignal(SIGKILL, to: first)
        }
    }

    /// Returns when nothing is left of any of them.
    package func run(_ instances: [Instance]) throws(SkiffError) {
        // One after the other, since a list of handles cannot be; the signals go first.
        for instance in instances {
            guard let target = Target(instance, owner: owner) else { continue }
            Log.info("Stopping \(target.text)")
            try? sendSignal(Keeper.ending, to: target.keeper)
            // Somebody may have stopped it.
            try? sendSignal(SIGCONT, to: target.keeper)
            try during("cannot stop instance \(instance.name)") { () throws(Errno) in
                try sendSignal(signal, to: target.first)
            }
        }
        let deadline = monotonicMilliseconds() + Int64(clamping: seconds) * 1000
        for instance in instances {
            guard var target = Target(instance, owner: owner) else {
                // PID 1 has ended: the keeper is about to.
                if let keeper = instance.keeper.open() { try wait(for: keeper, of: instance) }
                continue
            }
            while try !hasEnded(target.keeper, within: 10) {
                if target.isKilled {
                    try wait(for: target.keeper, of: instance)
                } else if children(of: instance.first.pid).isEmpty {
                    target.kill()
                } else if monotonicMilliseconds() >= deadline {
                    Log.info("Killing \(target.text) (Timeout)")
                    target.kill()
                }
            }
        }
    }

    private func wait(for keeper: borrowing OwnedFD, of instance: Instance) throws(SkiffError) {
        if try hasEnded(keeper, within: Self.patience) { return }
        throw SkiffError(
            "cannot stop instance \(instance.name): its keeper, process \(instance.keeper.pid), does not end",
            code: .command)
    }

    private func hasEnded(_ process: borrowing OwnedFD, within milliseconds: Int64) throws(SkiffError) -> Bool {
        let handle = process.raw
        return try during("cannot wait for a process") { () throws(Errno) in
            try waitReadable(handle, milliseconds: CInt(clamping: milliseconds))
        }
    }
}

/// The names of signals; signal(7).
package enum SignalName {
    private static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
        "IO",
        "PWR", "SYS",
    ]

    /// Reads `SIGTERM`, `term` or `15`; with Apptainer's errors.
    package static func number(_ text: String) throws(SkiffError) -> CInt {
        let word = text.uppercased()
        if let index = names.firstIndex(of: word.hasPrefix("SIG") ? String(word.dropFirst(3)) : word) {
            return CInt(index) + 1
        }
        guard let number = CInt(text) else {
            throw SkiffError("Could not convert stop signal: \(text) is not a number")
        }
        guard (1...highestSignal()).contains(number) else {
            throw SkiffError("Could not convert stop signal: can't convert \(number) to signal number")
        }
        return number
    }
}
