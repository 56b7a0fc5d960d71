/// A hash table from directory and name to an entry, with open addressing and four bytes per slot. The caller compares
/// entries.
struct NameIndex {
    typealias Key = (directory: UInt32, name: ArraySlice<UInt8>)

    private static let free = UInt32.max
    private var places: [UInt32]
    private var used = 0
    /// Random, so that nobody can make an image whose names all collide.
    private let seed = UInt64.random(in: .min ... .max)

    init() { places = [UInt32](repeating: Self.free, count: 64) }

    var bytes: Int { places.capacity * 4 }

    private var mask: Int { places.count - 1 }

    private func start(_ directory: UInt32, _ name: ArraySlice<UInt8>) -> Int {
        var hash = seed ^ UInt64(directory) &* 0x9E37_79B9_7F4A_7C15
        for byte in name {
            let product = (hash ^ UInt64(byte)).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
            hash = product.high ^ product.low
        }
        return Int(truncatingIfNeeded: hash) & mask
    }

    func find(_ directory: UInt32, _ name: ArraySlice<UInt8>, _ matches: (UInt32) -> Bool) -> UInt32? {
        var place = start(directory, name)
        while places[place] != Self.free {
            if matches(places[place]) { return places[place] }
            place = (place + 1) & mask
        }
        return nil
    }

    mutating func insert(
        _ number: UInt32, _ directory: UInt32, _ name: ArraySlice<UInt8>, _ key: (UInt32) -> Key
    ) {
        used += 1
        if used * 4 > places.count * 3 { grow(key) }
        put(number, directory, name)
    }

    private mutating func put(_ number: UInt32, _ directory: UInt32, _ name: ArraySlice<UInt8>) {
        var place = start(directory, name)
        while places[place] != Self.free { place = (place + 1) & mask }
        places[place] = number
    }

    private mutating func grow(_ key: (UInt32) -> Key) {
        let old = places
        places = [UInt32](repeating: Self.free, count: old.count * 2)
        for number in old where number != Self.free {
            let key = key(number)
            put(number, key.directory, key.name)
        }
    }

    /// Removes an entry and closes the gap, so that searches need no tombstones.
    mutating func remove(
        _ number: UInt32, _ directory: UInt32, _ name: ArraySlice<UInt8>, _ key: (UInt32) -> Key
    ) {
        var gap = start(directory, name)
        while places[gap] != number {
            if places[gap] == Self.free { return }
            gap = (gap + 1) & mask
        }
        used -= 1
        var next = (gap + 1) & mask
        while places[next] != Self.free {
            let wanted = key(places[next])
            let home = start(wanted.directory, wanted.name)
            // An entry may move back if its home slot is not between the gap and its slot.
            if (next - home) & mask >= (next - gap) & mask {
                places[gap] = places[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        places[gap] = Self.free
    }
}
