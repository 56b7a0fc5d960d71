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

    /// An instance that is being stopped. A class, because there is no list of move-only values.
    private final class Target {
        let instance: Instance
        let first: OwnedFD
        let keeper: OwnedFD
        /// When PID 1 was killed, in milliseconds.
        private(set) var killed: Int64?

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

        func ask(_ signal: CInt) throws(Errno) {
            try? sendSignal(Keeper.ending, to: keeper)
            // Somebody may have stopped it.
            try? sendSignal(SIGCONT, to: keeper)
            try sendSignal(signal, to: first)
        }

        func kill() {
            killed = monotonicMilliseconds()
            try? sendSignal(SIGKILL, to: first)
        }
    }

    /// Returns when nothing is left of any of them.
    package func run(_ instances: [Instance]) throws(SkiffError) {
        var targets = instances.compactMap { Target($0, owner: owner) }
        for target in targets {
            Log.info("Stopping \(target.text)")
            do throws(Errno) {
                try target.ask(signal)
            } catch {
                // It has ended meanwhile: the keeper is about to.
                if error != .noSuchProcess {
                    throw SkiffError("cannot stop instance \(target.instance.name)", errno: error, code: .command)
                }
            }
        }
        let deadline = monotonicMilliseconds() + Int64(clamping: seconds) * 1000
        while let last = targets.last {
            // Keepers end one by one: who waits for any of them looks at all of them soon enough.
            _ = try hasEnded(last.keeper, within: 10)
            let now = monotonicMilliseconds()
            var left: [Target] = []
            for target in targets where try !hasEnded(target.keeper, within: 0) {
                left.append(target)
                if let killed = target.killed {
                    if now - killed > Self.patience { throw Self.refusal(of: target.instance) }
                } else if children(of: target.instance.first.pid).isEmpty {
                    target.kill()
                } else if now >= deadline {
                    Log.info("Killing \(target.text) (Timeout)")
                    target.kill()
                }
            }
            targets = left
        }
    }

    private static func refusal(of instance: Instance) -> SkiffError {
        SkiffError(
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
