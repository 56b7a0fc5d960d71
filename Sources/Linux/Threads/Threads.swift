import CLinux

/// pthread_create(3). The launch path has one thread until its last clone(2) is over; see `EarlyReading`.
private func makeThread(_ body: @escaping @Sendable () -> Void) throws(Errno) -> pthread_t {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard failure == 0 else {
        box.release()
        throw Errno(failure)
    }
    return thread
}

/// Starts a thread that nobody waits for: it ends by itself, or with the process.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    pthread_detach(try makeThread(body))
}

/// Gives this thread its own copy of the process's descriptors, for its own opening and closing; unshare(2)
/// CLONE_FILES.
package func separateDescriptors() throws(Errno) { _ = try checked { unshare(CInt(CLONE_FILES)) } }

/// Runs `body` with the numbers below `count` at the same time, one thread each, and returns when all have ended. Runs
/// them itself, one after another, where no thread can be started.
package func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    var threads: [pthread_t] = []
    for number in 1..<max(1, count) {
        do throws(Errno) {
            threads.append(try makeThread { body(number) })
        } catch {
            body(number)
        }
    }
    if count > 0 { body(0) }
    for thread in threads { pthread_join(thread, nil) }
}

/// A counter that threads wait for; sem_overview(7).
package final class Semaphore: @unchecked Sendable {
    private let storage = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    package init() { sem_init(storage, 0, 0) }

    deinit {
        sem_destroy(storage)
        storage.deallocate()
    }

    /// Lets one thread go on: one that waits, or the next that would.
    package func post() { sem_post(storage) }

    package func wait() {
        while sem_wait(storage) != 0, Errno.current == .interrupted {}
    }
}
