import Base
import CLinux
import Linux

/// PID 1 of a container with its own PID namespace: starts the program, reaps whatever is left to it, passes signals on,
/// and ends with the program's status, unless the container is kept. When it ends the kernel kills the rest of the
/// namespace; pid_namespaces(7).
struct Shim {
    private let program: pid_t
    /// Nil where PID 1 stays when the program has ended, and nobody is told how it fares.
    private let reports: CInt?
    /// How often the program was stopped, as the monitor was told.
    private var stops: CInt = 0

    /// The signal by which the monitor continues the program. It carries the number of the stop that it ends: the
    /// program may have been continued with its process group and have stopped again since.
    static var continuation: CInt { highestSignal() }

    /// Called in PID 1, before the environment is made. Returns only in the new process, which becomes the program.
    ///
    /// PID 1 stays as long as the container does, so it holds nothing but a pipe to the monitor, and memory that nobody in the
    /// container may look into.
    /// - Parameter reports: where the monitor reads that the program was stopped: the first process of a namespace
    ///   cannot stop itself. Nil for a container that is kept.
    static func run(reports: CInt?) throws(SkiffError) {
        try during("cannot close the memory of PID 1") { () throws(Errno) in try setDumpable(false) }
        let program = try during("cannot start the program's process") { () throws(Errno) in try cloneProcess() }
        if program == 0 {
            // What is sent to PID 1 is for all that the program has started.
            if reports == nil { leadProcessGroup() }
            return
        }
        // What the program closes must not stay open here.
        closeDescriptors(except: [reports].compactMap { $0 })
        for standard: CInt in 0...2 { _ = close(standard) }
        setProcessName("appinit")
        setProcessTitle("appinit")
        var shim = Shim(program: program, reports: reports)
        shim.serve()
    }

    /// Becomes PID 1 of a container that several processes share: it starts nothing, reaps, and stays until its keeper
    /// ends it.
    static func idle() throws(SkiffError) -> Never {
        try during("cannot close the memory of PID 1") { () throws(Errno) in try setDumpable(false) }
        closeDescriptors(except: [])
        for standard: CInt in 0...2 { _ = close(standard) }
        setProcessName("appinit")
        setProcessTitle("appinit")
        while true {
            while (try? waitFor(-1, options: WNOHANG)) != nil {}
            _ = try? waitForSignal(.all)
        }
    }

    private mutating func serve() -> Never {
        while true {
            reap()
            guard let received = try? waitForSignal(.all) else { continue }
            pass(on: received)
        }
    }

    private mutating func reap() {
        while let changed = try? waitFor(-1, options: WNOHANG | WUNTRACED) {
            guard changed.pid == program, let reports else { continue }
            guard case .stopped(let signal) = changed.status else { _exit(changed.status.code) }
            stops &+= 1
            try? writeFully(reports, [UInt8(truncatingIfNeeded: signal)])
        }
    }

    /// Passes signals on to the program, except SIGCONT from outside and job control signals from inside: those are
    /// sent to a process group, so the program has its own.
    private func pass(on received: ReceivedSignal) {
        guard received.isSent, received.number != SIGCHLD else { return }
        let isFromOutside = received.sender == 0
        if reports == nil {
            if isFromOutside { passToAll(received.number) }
            return
        }
        if received.number == Self.continuation && isFromOutside {
            if received.value ?? stops == stops { try? resume(program) }
        } else if isFromOutside ? received.number != SIGCONT : !isJobControl(received.number) {
            try? sendSignal(received.number, to: program)
        }
    }

    /// Passes a signal on to the program's process group; once that has ended, to everybody that it has left, such as a
    /// daemon: who stops a container wants its programs to stop.
    private func passToAll(_ signal: CInt) {
        do throws(Errno) {
            try sendSignal(signal, to: -program)
        } catch {
            try? sendSignal(signal, to: -1)
        }
    }
}
