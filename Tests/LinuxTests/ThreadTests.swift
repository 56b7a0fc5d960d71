import Synchronization
import Testing

@testable import Linux

@Suite(.timeLimit(.minutes(1))) struct ThreadTests {
    @Test(arguments: [0, 1, 2, 9]) func everyNumberIsRunOnce(count: Int) {
        let seen = Mutex<[Int]>([])
        inThreads(count) { number in seen.withLock { $0.append(number) } }
        #expect(seen.withLock { $0.sorted() } == Array(0..<count))
    }

    /// Both must be inside at once, or neither gets on.
    @Test func numbersRunAtTheSameTime() {
        let (first, second) = (Semaphore(), Semaphore())
        inThreads(2) { number in
            (number == 0 ? first : second).post()
            (number == 0 ? second : first).wait()
        }
    }

    @Test func startedThreadsRun() throws {
        let semaphore = Semaphore()
        try startThread { semaphore.post() }
        semaphore.wait()
    }

    /// A queue with room for two between four that give and four that take.
    @Test func waitLockLetsOneInAtATime() {
        final class Queue: @unchecked Sendable {
            let lock = WaitLock()
            var items: [Int] = []
            var sum = 0
            var isWrong = false
        }
        let queue = Queue()
        inThreads(8) { number in
            for value in 1...1000 {
                if number % 2 == 0 {
                    queue.lock.when({ queue.items.count < 2 }, { queue.items.append(value) })
                } else {
                    queue.lock.when(
                        { !queue.items.isEmpty },
                        {
                            queue.sum += queue.items.removeLast()
                            if queue.items.count > 1 { queue.isWrong = true }
                        })
                }
            }
        }
        #expect(queue.lock.locked { queue.sum } == 4 * 500_500)
        #expect(queue.items.isEmpty && !queue.isWrong)
    }

    @Test func waitLockGivesTheResult() {
        struct Unique: ~Copyable { let value: Int }
        let lock = WaitLock()
        #expect(lock.locked { Unique(value: 7) }.value == 7)
    }

    @Test func threadsAreCounted() throws {
        let (started, end) = (Semaphore(), Semaphore())
        try startThread {
            started.post()
            end.wait()
        }
        started.wait()
        #expect(try threadCount() >= 2)
        end.post()
        #expect(allowedCPUs() >= 1)
    }
}
