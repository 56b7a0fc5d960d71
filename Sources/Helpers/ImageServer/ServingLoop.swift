import CFuse
import CLinux
import Linux
import Synchronization

/// Threads that take requests from the kernel and answer them: one at first, more when requests wait, never more than
/// this process may use CPUs.
///
/// libfuse has a loop of its own; it starts a second thread with the first request, before anybody waits for it.
final class ServingLoop: Sendable {
    // libfuse's session is made for several threads: fuse_session_receive_buf(3) may be called by any.
    private nonisolated(unsafe) let session: OpaquePointer
    private let descriptor: CInt
    private let limit: Int
    private let threads = Atomic<Int>(1)
    private let idle = Atomic<Int>(0)

    init(session: OpaquePointer, descriptor: CInt, limit: Int) {
        self.session = session
        self.descriptor = descriptor
        self.limit = limit
    }

    /// Serves on the calling thread until the file system is unmounted everywhere.
    /// - Parameter afterFirst: runs when the first request, FUSE_INIT, was answered.
    func run(afterFirst: () -> Void = {}) {
        var buffer = fuse_buf()
        defer { free(buffer.mem) }
        var isFirst = true
        while fuse_session_exited(session) == 0 {
            idle.add(1, ordering: .relaxed)
            let count = fuse_session_receive_buf(session, &buffer)
            let othersIdle = idle.subtract(1, ordering: .relaxed).newValue
            if count == -EINTR { continue }
            // 0: unmounted (ENODEV). Anything else: no way to read requests is left.
            if count <= 0 { break }
            if othersIdle == 0 { growIfWorthwhile(buffer) }
            fuse_session_process_buf(session, &buffer)
            if isFirst { afterFirst() }
            isFirst = false
        }
    }

    /// A read takes a decompression, during which a second request should not wait; other requests are quick, so another
    /// thread helps only when one is waiting already.
    private func growIfWorthwhile(_ buffer: fuse_buf) {
        guard threads.load(ordering: .relaxed) < limit else { return }
        guard isRead(buffer) || (try? waitReadable(descriptor, milliseconds: 0)) == true else { return }
        guard threads.add(1, ordering: .relaxed).newValue <= limit else {
            threads.subtract(1, ordering: .relaxed)
            return
        }
        do throws(Errno) {
            try startThread { self.run() }
        } catch {
            threads.subtract(1, ordering: .relaxed)
        }
    }

    /// The opcode is the second word of every request; linux/fuse.h, FUSE_READ.
    private func isRead(_ buffer: fuse_buf) -> Bool {
        guard buffer.size >= 8, let start = buffer.mem else { return false }
        return start.load(fromByteOffset: 4, as: UInt32.self) == 15
    }
}
