import CLinux
import Linux
import Synchronization

/// What each process of a `Crew` is at, in memory that all of them and their parent share; mmap(2) MAP_SHARED.
final class Board {
    /// As many calls can wait at one time for what the kernel does not finish.
    static let places = 1024

    enum State: UInt64 {
        case empty = 0
        case idle, busy
    }

    private struct Place: ~Copyable {
        let state = Atomic<UInt64>(0)
        let call = Atomic<UInt64>(0)
    }

    private let base: UnsafeMutablePointer<Place>

    private static var size: Int { places * MemoryLayout<Place>.stride }

    init() throws(Errno) {
        base = try sharedMemory(Self.size).bindMemory(to: Place.self, capacity: Self.places)
    }

    deinit { unmapMemory(base, Self.size) }

    /// - Parameter call: its id, when `busy`.
    func set(_ place: Int, _ state: State, call: UInt64 = 0) {
        base[place].call.store(call, ordering: .sequentiallyConsistent)
        base[place].state.store(state.rawValue, ordering: .sequentiallyConsistent)
    }

    func isIdle(_ place: Int) -> Bool {
        base[place].state.load(ordering: .sequentiallyConsistent) == State.idle.rawValue
    }

    /// The call that a process is at.
    func call(_ place: Int) -> UInt64? {
        guard base[place].state.load(ordering: .sequentiallyConsistent) == State.busy.rawValue else { return nil }
        return base[place].call.load(ordering: .sequentiallyConsistent)
    }

    /// How many wait for a call, of the first `count` places, counted up to `limit`.
    func idle(of count: Int, limit: Int) -> Int {
        var found = 0
        for place in 0..<count where found < limit && isIdle(place) { found += 1 }
        return found
    }
}
