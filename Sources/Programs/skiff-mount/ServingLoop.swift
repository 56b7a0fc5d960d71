import CFuse
import CLinux
import Linux
import Synchronization

/// Threads that take requests from the kernel and answer them.
///
/// One of them at a time leads: it alone takes requests. It answers what is at hand itself. Before it loads a block, and
/// when the next request waits already, it hands the lead over to a thread that waits for it. There are never more threads
/// than this process may use CPUs.
///
/// So a program that asks one thing after another has one thread that answers, and after an answer that thread watches for
/// the next question for a moment before it sleeps: to be woken takes longer than most answers, on a virtual machine ten
/// times as long.
///
/// libfuse has a loop of its own; it starts a second thread with the first request, before anybody waits for it.
final class ServingLoop: Sendable {
    /// How long a watch lasts after an answer, in microseconds.
    private static let watch: Int64 = 50
    /// A watch is worth it when the last question came this soon after the answer before, in microseconds. To be woken is
    /// a part of that time, unless somebody watched.
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

    /// What to serve, and whom to tell.
    struct Service: Sendable {
        // libfuse's session is made for several threads: fuse_session_receive_buf(3) may be called by any.
        nonisolated(unsafe) let session: OpaquePointer
        let descriptor: CInt
        /// Runs when the first request, FUSE_INIT, was answered.
        let started: @Sendable () -> Void
        /// Runs when the file system is unmounted everywhere, while other threads may still be in the middle of a request
        /// that nobody waits for.
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

    /// Called by a thread that has a request to answer, before it does what takes long.
    func handOver() {
        let order = leader.compareExchange(expected: me, desired: 0, ordering: .sequentiallyConsistent)
        if order.exchanged, followers.load(ordering: .sequentiallyConsistent) > 0 { lead.post() }
    }

    private var me: UInt { UInt(pthread_self()) }

    private func waitForLead() {
        if takeLead() { return }
        followers.add(1, ordering: .sequentiallyConsistent)
        // Once more before each sleep, for a leader that looked for followers just before.
        while !takeLead() { lead.wait() }
        followers.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// Whether the calling thread leads now. A thread that was told to take the lead may find that another was faster.
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
            // 0: unmounted (ENODEV). Anything else than a signal: no way to read requests is left.
            if count != -EINTR { service.ended() }
        }
        let gap = monotonicMicroseconds() - lastAnswer.load(ordering: .relaxed)
        isLively.store(limit > 1 && !watchedInVain && gap < Self.soon, ordering: .relaxed)
        let isWaiting = hasRequest(service.descriptor)
        if isWaiting || isRead(buffer) { growIfWorthwhile(service) }
        if isWaiting { handOver() }
    }

    /// Looks for a request until one is there or the watch is over.
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

    /// Only where nobody is free to take the lead.
    private func growIfWorthwhile(_ service: Service) {
        guard followers.load(ordering: .relaxed) == 0, threads.load(ordering: .relaxed) < limit else { return }
        // Only the leader is here, so nobody else counts.
        threads.add(1, ordering: .relaxed)
        do throws(Errno) {
            try startThread { self.run(service) }
        } catch {
            threads.subtract(1, ordering: .relaxed)
        }
    }

    /// Whether the content of a file is asked for, which may have to be loaded.
    private func isRead(_ buffer: fuse_buf) -> Bool {
        guard buffer.size >= MemoryLayout<fuse_in_header>.size, let start = buffer.mem else { return false }
        return start.loadUnaligned(as: fuse_in_header.self).opcode == FUSE_READ.rawValue
    }
}
