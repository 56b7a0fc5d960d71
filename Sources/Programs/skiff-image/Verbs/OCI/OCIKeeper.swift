import Base
import CLinux
import Core
import Linux

/// Makes a container and stays with its program: holds its streams, writes the log, serves those who attach, and records
/// how it has ended. A process of its own, which ends with the program.
///
/// One thread and one poll(2); what somebody types waits until the program reads.
struct OCIKeeper {
    private let container: OCIContainer
    private var log: OCILog?
    /// What the program writes: its two pipes, or its terminal.
    private var sources: [(descriptor: OwnedFDBox, stream: String, kind: UInt8)] = []
    /// Where its input goes; nil once it is closed.
    private var input: OwnedFDBox?
    private var terminal: OwnedFDBox?
    private var clients: [OwnedFDBox] = []

    /// Runs in a new process.
    /// - Parameter report: told `+` when the container is made, else why it is not.
    static func keep(
        _ container: OCIContainer, _ runtime: OCIRuntime, bundle: String, hasTerminal: Bool, log: OCILog?,
        report: CInt
    ) -> Never {
        leaveSession()
        closeDescriptors(except: [report] + (log.map { [$0.descriptor] } ?? []))
        // Blocked, since the program would inherit what is ignored: Ctrl-C in a terminal of its own ends nothing then.
        _ = try? setSignalMask(SignalSet([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP]))
        try? changeDirectory("/")
        var status: ExitStatus?
        do throws(SkiffError) {
            try during("cannot take in orphans") { () throws(Errno) in try becomeSubreaper() }
            var keeper = OCIKeeper(container: container, log: log)
            let listener = try during("cannot listen at \(container.socket)") { () throws(Errno) in
                try Linux.listen(at: container.socket)
            }
            try keeper.create(runtime, bundle, hasTerminal)
            guard let pid = container.pid else {
                throw SkiffError("cannot create container \(container.id): \(runtime.path) names no process")
            }
            let process = try during("cannot watch process \(pid)") { () throws(Errno) in try openPidFD(pid) }
            try? writeFully(report, "+")
            _ = CLinux.close(report)
            // Nothing of the caller's is held any more.
            if let null = try? open("/dev/null", O_RDWR) {
                for number: CInt in 0...2 { try? duplicate(null.raw, onto: number) }
            }
            status = keeper.serve(listener.raw, process, pid)
        } catch {
            try? writeFully(report, error.description)
            _exit(1)
        }
        if let status { container.write(status) }
        _exit(0)
    }

    private init(container: OCIContainer, log: OCILog?) {
        self.container = container
        self.log = log
    }

    private mutating func create(_ runtime: OCIRuntime, _ bundle: String, _ hasTerminal: Bool) throws(SkiffError) {
        var words = ["--log", container.log, "create", "--bundle", bundle, "--pid-file", container.pidFile]
        var given: [(child: CInt, parent: CInt)] = []
        var console: OwnedFD?
        // Closed in this process once the program has them.
        var theirs: [OwnedFDBox] = []
        do throws(Errno) {
            let null = OwnedFDBox(try open("/dev/null", O_RDWR))
            theirs.append(null)
            if hasTerminal {
                console = try Linux.listen(at: container.console, seqpacket: false)
                words += ["--console-socket", container.console]
                given = [(0, null.raw), (1, null.raw), (2, null.raw)]
            } else {
                let (read, out, err) = (try makePipe(), try makePipe(), try makePipe())
                input = OwnedFDBox(OwnedFD(adopting: read.second))
                sources = [
                    (OwnedFDBox(OwnedFD(adopting: out.first)), "stdout", KeeperMessage.output),
                    (OwnedFDBox(OwnedFD(adopting: err.first)), "stderr", KeeperMessage.error),
                ]
                theirs += [read.first, out.second, err.second].map { OwnedFDBox(OwnedFD(adopting: $0)) }
                given = [(0, read.first), (1, out.second), (2, err.second)]
            }
            let pid = try spawn(
                runtime.path, runtime.words(words + [container.id]), environment: OCIRuntime.environment,
                descriptors: given)
            if let listener = console.take() { try takeTerminal(listener, from: pid) }
            guard try waitFor(pid)?.status == .exited(0) else { throw Errno(ECANCELED) }
        } catch {
            let said = (try? readFile(container.log, limit: 1 << 16)) ?? []
            if said.isEmpty { throw SkiffError("cannot create container \(container.id)", errno: error) }
            throw SkiffError("cannot create container \(container.id): \(OCIRuntime.reason(said))")
        }
        withExtendedLifetime(theirs) {}
    }

    /// The runtime sends the other end of the program's terminal over a stream; unless it fails before.
    private mutating func takeTerminal(_ listener: consuming OwnedFD, from runtime: pid_t) throws(Errno) {
        let process = try openPidFD(runtime)
        let ready = try readable(among: [listener.raw, process.raw], milliseconds: 30_000)
        guard ready.contains(listener.raw) else { throw Errno(ECANCELED) }
        let link = try acceptConnection(on: listener.raw)
        guard try waitReadable(link.raw, milliseconds: 30_000) else { throw Errno(ETIMEDOUT) }
        var message = try receiveMessage(over: link.raw)
        guard let master = message.descriptor.take() else { throw Errno(ECANCELED) }
        let box = OwnedFDBox(master)
        (terminal, input, sources) = (box, box, [(box, "stdout", KeeperMessage.output)])
    }

    // MARK: serving

    /// - Returns: how the program has ended.
    private mutating func serve(_ listener: CInt, _ process: borrowing OwnedFD, _ pid: pid_t) -> ExitStatus? {
        var status: ExitStatus?
        while true {
            // Who types more than the program reads waits.
            let takesInput = input.map { isWritable($0.raw) } ?? true
            // Who has connected first gets all that is written from then on.
            var watched = status == nil ? [listener] : []
            watched += sources.map(\.descriptor.raw) + (takesInput ? clients.map(\.raw) : [])
            watched += status == nil ? [process.raw] : []
            let ready = (try? readable(among: watched, milliseconds: status == nil ? takesInput ? -1 : 20 : 0)) ?? []
            for descriptor in ready {
                if descriptor == process.raw {
                    status = (try? waitFor(pid))?.status ?? .exited(255)
                } else if descriptor == listener {
                    accept(on: listener)
                } else if sources.contains(where: { $0.descriptor.raw == descriptor }) {
                    read(descriptor)
                } else {
                    listen(to: descriptor, process)
                }
            }
            // What processes that live on write is nobody's any more.
            guard let status, !ready.contains(where: { number in sources.contains { $0.descriptor.raw == number } })
            else { continue }
            log?.finish()
            container.write(status)
            for client in clients { send([KeeperMessage.end] + "\(status.code)".bytes, to: client) }
            return status
        }
    }

    private mutating func accept(on listener: CInt) {
        guard let client = try? acceptConnection(on: listener), (try? peer(of: client.raw).uid) == 0 else { return }
        clients.append(OwnedFDBox(client))
    }

    private mutating func read(_ descriptor: CInt) {
        guard let index = sources.firstIndex(where: { $0.descriptor.raw == descriptor }) else { return }
        var buffer = [UInt8](repeating: 0, count: 16384)
        let count = try? buffer.withUnsafeMutableBytes { bytes throws(Errno) in try Linux.read(descriptor, into: bytes)
        }
        // A terminal that nobody has open any more gives EIO.
        guard let count, count > 0 else {
            sources.remove(at: index)
            return
        }
        let (stream, kind) = (sources[index].stream, sources[index].kind)
        let bytes = Array(buffer[..<count])
        log?.write(bytes, stream)
        for client in clients { send([kind] + bytes, to: client) }
    }

    /// A client that reads too slowly holds up the program, as a pipe to it would; one that has gone does not.
    private func send(_ message: [UInt8], to client: OwnedFDBox) { try? sendMessage(message, over: client.raw) }

    private mutating func listen(to client: CInt, _ process: borrowing OwnedFD) {
        guard let message = try? receiveMessage(limit: 8192, over: client).bytes, let kind = message.first else {
            clients.removeAll { $0.raw == client }
            return
        }
        let rest = Array(message.dropFirst())
        switch kind {
        case KeeperMessage.input: if let input { try? writeFully(input.raw, rest) }
        case KeeperMessage.endOfInput where terminal == nil: input = nil
        case KeeperMessage.signal:
            if let number = CInt(String(bytes: rest)) { try? sendSignal(number, to: process) }
        case KeeperMessage.size:
            let numbers = String(bytes: rest).split(separator: " ").compactMap { UInt16($0) }
            if let terminal, numbers.count == 2 {
                TerminalSize(rows: numbers[0], columns: numbers[1]).apply(to: terminal.raw)
            }
        default: break
        }
    }
}
