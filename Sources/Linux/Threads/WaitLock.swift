import CLinux

/// A mutex with one condition to wait for; pthread_mutex_lock(3), pthread_cond_wait(3). For helpers with threads.
package final class WaitLock: @unchecked Sendable {
    // Each has its own heap memory: the address of neither may change.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Waits until `isReady`, then runs `body` while no other thread is inside. Wakes the others up afterwards, since
    /// what they wait for may have happened.
    package func when<Result: ~Copyable>(_ isReady: () -> Bool, _ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        while !isReady() { pthread_cond_wait(condition, mutex) }
        let result = body()
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
        return result
    }

    package func locked<Result: ~Copyable>(_ body: () -> Result) -> Result { when({ true }, body) }
}
