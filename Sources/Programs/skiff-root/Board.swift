import Linux
import Synchronization

/// The state of each process of a `Crew`, in memory that all of them and their parent share; mmap(2) MAP_SHARED.
final class Board {
    /// The most calls that can wait at one time for something that the kernel does not finish.
    static let places = 1024

    /// One number for each place, so that it changes in one step: the state of a process, or the call that it is
    /// working on.
    private enum State {
        static let empty: UInt64 = 0
        static let idle: UInt64 = 1
        /// Given up by the parent: takes no more calls.
        static let doomed: UInt64 = 2
    }

    private struct Place: ~Copyable {
        let state = Atomic<UInt64>(State.empty)
    }

    private let base: UnsafeMutablePointer<Place>

    private static var size: Int { places * MemoryLayout<Place>.stride }

    init() throws(Errno) {
        base = try sharedMemory(Self.size).bindMemory(to: Place.self, capacity: Self.places)
    }

    deinit { unmapMemory(base, Self.size) }

    func setEmpty(_ place: Int) { base[place].state.store(State.empty, ordering: .sequentiallyConsistent) }

    func setIdle(_ place: Int) { base[place].state.store(State.idle, ordering: .sequentiallyConsistent) }

    /// - Parameter call: its id, which the kernel counts up from a random number, so it is none of `State`'s.
    func begin(_ call: UInt64, _ place: Int) { base[place].state.store(call, ordering: .sequentiallyConsistent) }

    /// - Returns: false if the parent has given the process up.
    func end(_ call: UInt64, _ place: Int) -> Bool { change(place, from: call, to: State.idle) }

    /// Gives up the process, if it is still working on that call.
    func doom(_ call: UInt64, _ place: Int) -> Bool { change(place, from: call, to: State.doomed) }

    private func change(_ place: Int, from old: UInt64, to new: UInt64) -> Bool {
        base[place].state.compareExchange(expected: old, desired: new, ordering: .sequentiallyConsistent).exchanged
    }

    private func isIdle(_ place: Int) -> Bool {
        base[place].state.load(ordering: .sequentiallyConsistent) == State.idle
    }

    /// Returns the call that a process is working on.
    func call(_ place: Int) -> UInt64? {
        let state = base[place].state.load(ordering: .sequentiallyConsistent)
        return state > State.doomed ? state : nil
    }

    /// Returns how many of the first `count` places wait for a call, counted up to `limit`.
    func idle(of count: Int, limit: Int) -> Int {
        var found = 0
        for place in 0..<count where found < limit && isIdle(place) { found += 1 }
        return found
    }
}
