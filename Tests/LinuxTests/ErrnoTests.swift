import CLinux
import Synchronization
import Testing

@testable import Linux

@Suite struct ErrnoTests {
    @Test(arguments: [
        (Errno.noSuchFile, "ENOENT", "No such file or directory"), (.accessDenied, "EACCES", "Permission denied"),
        (.noSpace, "ENOSPC", "No space left on device"), (.tryAgain, "EAGAIN", "Resource temporarily unavailable"),
        (Errno(4095), "E4095", "unknown error 4095"), (Errno(-1), "E-1", "unknown error -1"),
    ]) func numbersHaveNamesAndTexts(error: Errno, name: String, text: String) {
        #expect(error.name == name && error.description == text)
    }

    @Test func callsThatFailThrowTheirNumber() {
        #expect(throws: Errno.noSuchFile) { try checked { CLinux.access("/no/such/file", F_OK) } }
    }

    @Test func callsThatSucceedGiveTheirResult() throws {
        #expect(try checked { CInt(7) } == 7)
        // Only -1 is a failure: an offset or address may look negative.
        #expect(try checked { -2 } == -2)
    }

    /// A handler without SA_RESTART lets a call that waits end with EINTR; signal(7).
    @Test(.timeLimit(.minutes(1))) func interruptedCallsAreRepeated() throws {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in handled.add(1, ordering: .relaxed) }
        sigaction(SIGUSR2, &action, nil)
        let ends = try makePipe()
        let reader = OwnedFD(adopting: ends.first)
        let (from, to) = (reader.raw, ends.second)
        let waiting = Mutex<pthread_t?>(nil)
        let answer = Mutex<Result<[UInt8], Errno>?>(nil)
        inThreads(2) { number in
            if number == 1 {
                // Threads of libdispatch, whose masks new ones inherit, block signals.
                _ = try? setSignalMask(.none)
                waiting.withLock { $0 = pthread_self() }
                let result = Result { () throws(Errno) in try readToEnd(from) }
                answer.withLock { $0 = result }
            } else {
                var thread: pthread_t?
                while thread == nil { thread = waiting.withLock { $0 } }
                for _ in 0..<20 {
                    if let thread { pthread_kill(thread, SIGUSR2) }
                    pause(milliseconds: 1)
                }
                try? writeFully(to, [42])
                CLinux.close(to)
            }
        }
        #expect(handled.load(ordering: .relaxed) > 0)
        #expect(try answer.withLock { $0 }?.get() == [42])
    }
}

private let handled = Atomic(0)
