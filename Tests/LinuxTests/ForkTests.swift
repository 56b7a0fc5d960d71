import CLinux
import Foundation
import Linux
import Testing

@Suite struct ForkTests {
    /// Says to the threads when to end.
    private final class Flag: @unchecked Sendable {
        private let lock = NSLock()
        private var isOver = false
        var value: Bool { lock.withLock { isOver } }
        func set() { lock.withLock { isOver = true } }
    }

    /// A child that waited for a lock of malloc(3) would never end. There are more threads than arenas, so that they share them.
    @Test func childrenAllocateWhileThreadsDo() throws {
        let flag = Flag()
        for _ in 0..<48 {
            Thread.detachNewThread {
                while !flag.value { _ = (0..<64).map { [UInt8](repeating: 1, count: 16 + $0) } }
            }
        }
        defer { flag.set() }
        for round in 0..<40 {
            let child = try forkProcess()
            if child == 0 {
                let blocks = (0..<64).map { [UInt8](repeating: 2, count: 16 + $0) }
                _exit(blocks.count == 64 ? 0 : 1)
            }
            let handle = try openPidFD(child)
            let hasEnded = try waitReadable(handle.raw, milliseconds: 20_000)
            if !hasEnded { try sendSignal(SIGKILL, to: child) }
            #expect(try waitFor(child)?.status == .exited(0), "round \(round)")
            if !hasEnded { return }
        }
    }
}
