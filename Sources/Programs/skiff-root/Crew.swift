import CLinux
import Core
import Linux

/// The processes that answer the calls of one filter. Each takes the next call by itself: the kernel wakes exactly one
/// waiting process. There is always one more than there are calls in progress, so a call that blocks, in FUSE or on a
/// network, delays no other. A call ends with its caller: a process still working on a call whose caller is gone is
/// killed.
///
/// They are forked and never execute anything, so their memory stays closed to the container (`detachFromCaller`).
final class Crew {
    private let listener: OwnedFD
    private let bounds: Bounds
    private let board: Board
    private var workers: [Worker] = []
    /// The calls that workers were working on at the last look.
    private var seen: [Int: UInt64] = [:]
    private var isShort = false
    private let ending: EndingProcesses

    private final class Worker {
        let pid: pid_t
        let place: Int
        /// The pipe that reports that nobody waits for the next call; ends with the process.
        let line: OwnedFD

        init(_ pid: pid_t, _ place: Int, _ line: consuming OwnedFD) {
            (self.pid, self.place) = (pid, place)
            self.line = line
        }
    }

    init(_ listener: consuming OwnedFD, _ bounds: Bounds, ending: EndingProcesses) throws(Errno) {
        wakeHere(listener.raw)
        self.listener = listener
        self.bounds = bounds
        self.ending = ending
        board = try Board()
    }

    var number: CInt { listener.raw }

    var lines: [CInt] { workers.map { $0.line.raw } }

    /// Whether time matters: a worker is needed, or one may be working on a call whose caller is gone.
    var needsWatching: Bool { isShort || workers.count > 2 }

    // MARK: the parent's part

    /// Starts one more process.
    func start(_ table: CredentialTable, _ home: CInt) {
        let taken = Set(workers.map(\.place))
        guard let place = (0..<Board.places).first(where: { !taken.contains($0) }),
            let pipe = try? makePipe()
        else {
            isShort = true
            return
        }
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        // It counts from now on: a worker that is asked meanwhile must not ask for another.
        board.setIdle(place)
        let parent = processID()
        guard let pid = try? cloneProcess() else {
            board.setEmpty(place)
            isShort = true
            return
        }
        if pid == 0 {
            serve(place, writing.raw, table, home, parent: parent)
        }
        isShort = false
        workers.append(Worker(pid, place, reading))
    }

    /// Reads what the workers reported.
    func attend(readable: [CInt], closed: [CInt], _ table: CredentialTable, _ home: CInt) {
        for worker in workers where readable.contains(worker.line.raw) {
            var bytes = [UInt8](repeating: 0, count: 64)
            _ = bytes.withUnsafeMutableBytes { try? read(worker.line.raw, into: $0) }
        }
        for worker in workers where closed.contains(worker.line.raw) { bury(worker) }
        workers.removeAll { closed.contains($0.line.raw) }
        if workers.isEmpty || board.idle(of: Board.places, limit: 1) == 0 { start(table, home) }
    }

    /// Ends the workers whose caller was killed. One that is just about to finish finds that it was given up, and ends
    /// as well: a process that may have taken its next call is never killed, since nobody would answer that call.
    func watch() {
        var now: [Int: UInt64] = [:]
        for worker in workers {
            guard let call = board.call(worker.place) else { continue }
            if seen[worker.place] == call && !isWaiting(id: call, at: number) && board.doom(call, worker.place) {
                try? sendSignal(SIGKILL, to: worker.pid)
            } else {
                now[worker.place] = call
            }
        }
        seen = now
    }

    /// Called when the filter's last process has ended. A worker that the kernel still holds ends when the kernel lets
    /// go.
    func end() {
        for worker in workers {
            try? sendSignal(SIGKILL, to: worker.pid)
            ending.add(worker.pid)
        }
        workers = []
    }

    /// A worker that was killed or crashed in the middle of a call leaves a caller behind.
    private func bury(_ worker: Worker) {
        if let call = board.call(worker.place) { try? answer(id: call, error: .noSystemCall, at: number) }
        board.setEmpty(worker.place)
        ending.add(worker.pid)
        seen[worker.place] = nil
    }

    // MARK: the worker's part

    private func serve(_ place: Int, _ line: CInt, _ table: CredentialTable, _ home: CInt, parent: pid_t) -> Never {
        guard (try? setParentDeathSignal(SIGKILL)) != nil, parentProcessID() == parent,
            let table = try? table.reopened()
        else { _exit(1) }
        let desk = CallDesk(listener: number, bounds: bounds, home: home, table: table)
        while true {
            guard let call = try? receiveSystemCall(from: number) else {
                // The call went away, or all callers have.
                guard let state = try? waitReadable([], orEndOf: [number], milliseconds: 0), state.closed.isEmpty else {
                    _exit(0)
                }
                continue
            }
            board.begin(call.id, place)
            if board.idle(of: Board.places, limit: 1) == 0 { _ = try? writeFully(line, [1]) }
            desk.serve(call)
            if board.idle(of: Board.places, limit: 2) == 2 {
                board.setEmpty(place)
                _exit(0)
            }
            guard board.end(call.id, place) else { _exit(0) }
        }
    }
}

/// Children that are about to end, or held by the kernel in a call. Waiting for them does not block.
final class EndingProcesses {
    private var processes: [pid_t] = []

    func add(_ process: pid_t) { processes.append(process) }

    func reap() {
        processes.removeAll { process in
            do throws(Errno) { return try waitFor(process, options: WNOHANG) != nil } catch { return true }
        }
    }

    /// Called before this process ends: not every first process of a host, or of the container we run in, reaps
    /// orphans.
    func reapAtEnd() {
        for process in processes {
            guard let handle = try? openPidFD(process) else { continue }
            // Only a process that the kernel holds takes longer than that.
            _ = try? waitReadable(handle.raw, milliseconds: 100)
        }
        reap()
    }
}
