import CFuse
import CLinux
import Linux
import Synchronization

/// Threads that take requests from the kernel and answer them.
///
/// One of them at a time leads: only the leader takes requests. It answers what is at hand itself. Before it loads a
/// block, and when the next request is already waiting, it hands the lead over to a waiting thread. There are never
/// more threads than CPUs that this process may use.
///
/// So a program that asks one thing after another is answered by one thread, and after an answer that thread watches
/// for the next question for a moment before it sleeps: being woken takes longer than most answers, on a virtual
/// machine ten times as long.
///
/// libfuse has a loop of its own; it starts a second thread with the first request, before anything waits for it.
final class ServingLoop: Sendable {
    /// How long a watch lasts after an answer, in microseconds.
    private static let watch: Int64 = 50
    /// A watch is worth it when the last question came this soon after the answer before it, in microseconds. The time
    /// to wake up is part of that, unless a thread was watching.
    private static let soon: Int64 = 100

    private let limit: Int
    private let threads = Atomic<Int>(1)
    /// pthread_self(3) of the leader; 0 when nobody leads.
    private let leader = Atomic<UInt>(0)
    private let followers = Atomic<Int>(0)
    private let lead = Semaphore()
    private let lastAnswer = Atomic<Int64>(0)
    private let isLively = Atomic<Bool>(false)

    /// - Parameter limit: how many threads there may be.
    init(limit: Int) { self.limit = limit }

    /// What to serve, and what to call when serving starts and ends.
    struct Service: Sendable {
        // libfuse's session is made for several threads: fuse_session_receive_buf(3) may be called by any.
        nonisolated(unsafe) let session: OpaquePointer
        let descriptor: CInt
        /// Runs once the first request, FUSE_INIT, has been answered.
        let started: @Sendable () -> Void
        /// Runs when the file system is unmounted everywhere, while other threads may still be in the middle of a
        /// request that nobody waits for any more.
        let ended: @Sendable () -> Never
    }

    /// Serves on the calling thread, and on more when they are needed, until the file system is unmounted everywhere.
    func run(_ service: Service) -> Never {
        var buffer = fuse_buf()
        while true {
            waitForLead()
            while leader.load(ordering: .relaxed) == me {
                receive(service, &buffer)
                let isFirst = lastAnswer.load(ordering: .relaxed) == 0
                fuse_session_process_buf(service.session, &buffer)
                lastAnswer.store(monotonicMicroseconds(), ordering: .relaxed)
                if isFirst { service.started() }
            }
        }
    }

    /// Hands over the lead. Called by a thread that has a request to answer, before it starts on anything slow.
    func handOver() {
        let order = leader.compareExchange(expected: me, desired: 0, ordering: .sequentiallyConsistent)
        if order.exchanged, followers.load(ordering: .sequentiallyConsistent) > 0 { lead.post() }
    }

    private var me: UInt { UInt(pthread_self()) }

    private func waitForLead() {
        if takeLead() { return }
        followers.add(1, ordering: .sequentiallyConsistent)
        // Checks once more before each sleep, for a leader that looked for followers just before.
        while !takeLead() { lead.wait() }
        followers.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// Tries to take the lead and returns whether it did. A thread that was told to take it may find that another was
    /// faster.
    private func takeLead() -> Bool {
        leader.compareExchange(expected: 0, desired: me, ordering: .sequentiallyConsistent).exchanged
    }

    /// Takes the next request.
    private func receive(_ service: Service, _ buffer: inout fuse_buf) {
        let watchedInVain = isLively.load(ordering: .relaxed) && !watch(service.descriptor)
        while true {
            let count =
                fuse_session_exited(service.session) == 0
                ? fuse_session_receive_buf(service.session, &buffer) : 0
            if count > 0 { break }
            // 0: unmounted (ENODEV). Anything but a signal: requests can no longer be read.
            if count != -EINTR { service.ended() }
        }
        let gap = monotonicMicroseconds() - lastAnswer.load(ordering: .relaxed)
        isLively.store(limit > 1 && !watchedInVain && gap < Self.soon, ordering: .relaxed)
        let isWaiting = hasRequest(service.descriptor)
        if isWaiting || isRead(buffer) { growIfWorthwhile(service) }
        if isWaiting { handOver() }
    }

    /// Watches for a request; returns whether one came before the time was over.
    private func watch(_ descriptor: CInt) -> Bool {
        let end = lastAnswer.load(ordering: .relaxed) + Self.watch
        while monotonicMicroseconds() < end {
            if hasRequest(descriptor) { return true }
        }
        return false
    }

    private func hasRequest(_ descriptor: CInt) -> Bool {
        (try? waitReadable(descriptor, milliseconds: 0)) == true
    }

    /// Starts a thread, but only where none is free to take the lead.
    private func growIfWorthwhile(_ service: Service) {
        guard followers.load(ordering: .relaxed) == 0, threads.load(ordering: .relaxed) < limit else { return }
        // Only the leader runs this, so nobody else changes the count.
        threads.add(1, ordering: .relaxed)
        do throws(Errno) {
            try startThread { self.run(service) }
        } catch {
            threads.subtract(1, ordering: .relaxed)
        }
    }

    /// Whether the request reads a file's content, which may have to be loaded.
    private func isRead(_ buffer: fuse_buf) -> Bool {
        guard buffer.size >= MemoryLayout<fuse_in_header>.size, let start = buffer.mem else { return false }
        return start.loadUnaligned(as: fuse_in_header.self).opcode == FUSE_READ.rawValue
    }
}
