package import Base
import CLinux
import Linux

// A command in which plugins take part is two processes: the one that the user started stays clear of their code, and
// one that it forks loads them and goes on.
//
//   guard (skiff)               host of the plugins                 child
//   ─────────────               ───────────────────                 ─────
//   fork ───────────────────▶   load, plan
//                               clone, as child of the guard ───▶   …
//   ◀── child, its pipes ────
//   monitor of the child        waits
//   program runs ───────────▶   plugins: started
//   program ended ──────────▶   helpers end; plugins: stopped
//   ◀── end ─────────────────
//   ends as the program did
//
// In place, the host of the plugins becomes the program. A command of a plugin ends with its host.

/// The way of the process that runs plugins to the one that waits for it, its guard.
package struct PluginGuard {
    /// The guard's process id.
    let monitor: pid_t
    package let socket: CInt

    /// Forks. Returns in the new process; the old one waits, and ends as the command does.
    /// - Parameters:
    ///   - plugins: their ids.
    ///   - standsForProgram: whether the process stops and goes on as the program does, for a shell that waits for it.
    package static func start(_ plugins: [String], standsForProgram: Bool) throws(SkiffError) -> PluginGuard {
        try during("cannot start a process for plugins") { () throws(Errno) in
            let record = try CallRecord()
            let pair = try makeSocketPair()
            let monitor = processID()
            let mask = try setSignalMask(.all)
            let pid = try cloneProcess()
            if pid != 0 {
                closeDescriptors(except: [pair.first])
                var guardian = GuardingProcess(
                    of: pid, over: pair.first, record, plugins: plugins, standsForProgram: standsForProgram)
                guardian.run()
            }
            _ = CLinux.close(pair.first)
            record.begin()
            try setParentDeathSignal(SIGKILL)
            // The guard may have ended before the call.
            if parentProcessID() != monitor { _exit(255) }
            _ = try setSignalMask(mask)
            return PluginGuard(monitor: monitor, socket: pair.second)
        }
    }

    /// Tells the guard that this process becomes the program, now or never.
    /// - Returns: a descriptor that must stay open until execve(2) closes it.
    func becomeProgram() throws(SkiffError) -> CInt {
        try send(GuardMessage.inPlace)
        return socket
    }

    /// Leaves a process to the guard, whose child it is, and which is about to end.
    func leave(_ process: pid_t) throws(Errno) {
        try sendMessage(GuardMessage.passing(process), over: socket)
    }

    /// Gives the child to the guard, and waits until it has ended.
    /// - Parameters:
    ///   - directory: what is removed when this process does not live to do it.
    ///   - whenRunning: called when the program runs, with its pidfd. When it throws, the program is ended.
    func watch(_ child: borrowing StartedChild, directory: String?, whenRunning: (CInt) throws(SkiffError) -> Void)
        throws(SkiffError)
        -> ExitStatus
    {
        let reports: CInt?
        switch child.reports {
        case .some(let pipe): reports = pipe.raw
        case .none: reports = nil
        }
        try send(GuardMessage.child(child.pid, isShim: child.isShim, directory: directory), child.running.raw)
        if let reports { try send([], reports) }
        var refusal: SkiffError?
        while true {
            var message = try during("cannot wait for the container") { () throws(Errno) in
                try receiveMessage(over: socket)
            }
            if message.bytes == GuardMessage.runs, let process = message.descriptor.take() {
                do throws(SkiffError) {
                    try whenRunning(process.raw)
                } catch {
                    refusal = error
                    try? sendSignal(SIGKILL, to: process)
                }
            } else if let status = GuardMessage.status(message.bytes) {
                if let refusal { throw refusal }
                return status
            } else {
                // A guard that is killed closes its socket a moment before the death signal, which leaves nothing to say.
                pause(milliseconds: 1000)
                throw SkiffError("cannot wait for the container: the process that does has ended")
            }
        }
    }

    private func send(_ message: [UInt8], _ descriptor: CInt? = nil) throws(SkiffError) {
        try during("cannot hand over the container") { () throws(Errno) in
            try sendMessage(message, descriptor: descriptor, over: socket)
        }
    }
}

/// What the two processes tell each other.
enum GuardMessage {
    static let inPlace: [UInt8] = [UInt8(ascii: "I")]
    static let runs: [UInt8] = [UInt8(ascii: "R")]
    private static let childMark = UInt8(ascii: "C")
    private static let passingMark = UInt8(ascii: "P")
    private static let exited = UInt8(ascii: "E")
    private static let signaled = UInt8(ascii: "S")

    static func child(_ pid: pid_t, isShim: Bool, directory: String?) -> [UInt8] {
        [childMark, isShim ? 1 : 0] + bytes(pid) + (directory?.bytes ?? [])
    }

    static func child(_ message: [UInt8]) -> (pid: pid_t, isShim: Bool, directory: String?)? {
        guard message.first == childMark, message.count >= 6 else { return nil }
        let directory = String(bytes: message.dropFirst(6))
        return (number(message[2..<6]), message[1] == 1, directory.isEmpty ? nil : directory)
    }

    static func passing(_ pid: pid_t) -> [UInt8] { [passingMark] + bytes(pid) }

    static func passing(_ message: [UInt8]) -> pid_t? {
        message.first == passingMark && message.count == 5 ? number(message[1...]) : nil
    }

    static func ended(_ status: ExitStatus) -> [UInt8] {
        switch status {
        case .exited(let code): [exited] + bytes(code)
        case .signaled(let signal), .stopped(let signal): [signaled] + bytes(signal)
        }
    }

    static func status(_ message: [UInt8]) -> ExitStatus? {
        guard message.count == 5 else { return nil }
        let value = number(message[1...])
        return message[0] == exited ? .exited(value) : message[0] == signaled ? .signaled(value) : nil
    }

    private static func bytes(_ number: CInt) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

    private static func number(_ bytes: ArraySlice<UInt8>) -> CInt {
        bytes.reversed().reduce(CInt(0)) { $0 << 8 | CInt($1) }
    }
}
