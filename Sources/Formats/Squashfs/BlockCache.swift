import Synchronization

/// Decoded blocks by their position in the image, bounded in bytes, shared by all threads.
///
/// When two threads want the same block, it is decoded once and the other thread waits: a program that opens many small
/// files asks for the same fragment again and again. Eviction is the clock algorithm: a hit sets one flag and reorders
/// nothing.
final class BlockCache<Value: Sendable>: Sendable {
    fileprivate final class Slot: Sendable {
        let key: UInt64
        let content = Mutex<Value?>(nil)
        init(key: UInt64) { self.key = key }
    }

    fileprivate struct Place {
        var slot: Slot
        var used: Bool
    }

    fileprivate struct State {
        var places: [Place] = []
        var index: [UInt64: Int] = [:]
        var hand = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: how many blocks are kept; at least one.
    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Returns the block `key`, made by `load` when it is not cached.
    func value(for key: UInt64, load: () throws(SquashfsError) -> Value) throws(SquashfsError) -> Value {
        let slot = state.withLock { $0.slot(for: key, capacity: capacity) }
        return try slot.content.withLock { content throws(SquashfsError) in
            if let content { return content }
            let value = try load()
            content = value
            return value
        }
    }

    /// Returns the block if it is cached or being made.
    func present(_ key: UInt64) -> Value? {
        let slot = state.withLock { state -> Slot? in
            guard let place = state.index[key] else { return nil }
            state.places[place].used = true
            return state.places[place].slot
        }
        return slot?.content.withLock { $0 }
    }
}

extension BlockCache.State {
    fileprivate mutating func slot(for key: UInt64, capacity: Int) -> BlockCache.Slot {
        if let place = index[key] {
            places[place].used = true
            return places[place].slot
        }
        let slot = BlockCache.Slot(key: key)
        if places.count < capacity {
            index[key] = places.count
            places.append(BlockCache.Place(slot: slot, used: false))
            return slot
        }
        // At most one turn: every place passed loses its mark.
        while places[hand].used {
            places[hand].used = false
            hand = (hand + 1) % places.count
        }
        index[places[hand].slot.key] = nil
        index[key] = hand
        places[hand] = BlockCache.Place(slot: slot, used: false)
        hand = (hand + 1) % places.count
        return slot
    }
}
