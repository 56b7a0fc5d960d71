/// The order in which plugins take part in a phase: what `after` and `before` say, then priority, then id.
enum PluginOrder {
    /// Always returns an order, even for contradictory rules: a cycle is broken at its member with the lowest priority.
    static func sorted<Item>(_ items: [Item], manifest: (Item) -> Manifest) -> [Item] {
        let sorted = items.sorted { left, right in
            let (first, second) = (manifest(left), manifest(right))
            return (first.priority, first.id) < (second.priority, second.id)
        }
        let manifests = sorted.map(manifest)
        if manifests.allSatisfy({ $0.after.isEmpty && $0.before.isEmpty }) { return sorted }
        return Ranks(manifests).order.map { sorted[$0] }
    }

    /// Places in a list that is sorted by priority and id, and what must precede each.
    private struct Ranks {
        /// Places that wait for this one; how many this one waits for.
        private var followers: [[Int]]
        private var waits: [Int]
        private(set) var order: [Int] = []

        init(_ manifests: [Manifest]) {
            followers = Array(repeating: [], count: manifests.count)
            waits = Array(repeating: 0, count: manifests.count)
            let places = Dictionary(
                zip(manifests.map(\.id), manifests.indices), uniquingKeysWith: { first, _ in first })
            for (place, manifest) in manifests.enumerated() {
                for id in manifest.after { if let other = places[id] { add(other, before: place) } }
                for id in manifest.before { if let other = places[id] { add(place, before: other) } }
            }
            arrange()
        }

        private mutating func add(_ first: Int, before second: Int) {
            guard first != second, !followers[first].contains(second) else { return }
            followers[first].append(second)
            waits[second] += 1
        }

        private mutating func arrange() {
            var isDone = Array(repeating: false, count: waits.count)
            // Places that wait for nothing; the smallest is next. Few become free behind the place that was reached.
            var (next, freed): (Int, Set<Int>) = (0, [])
            while order.count < waits.count {
                while next < waits.count, isDone[next] || waits[next] > 0 { next += 1 }
                var chosen = freed.min() ?? next
                if next < waits.count { chosen = min(chosen, next) }
                // A circle: its first member.
                if chosen >= waits.count { chosen = isDone.firstIndex(of: false) ?? 0 }
                isDone[chosen] = true
                freed.remove(chosen)
                order.append(chosen)
                for follower in followers[chosen] {
                    waits[follower] -= 1
                    if waits[follower] == 0, follower < next, !isDone[follower] { freed.insert(follower) }
                }
            }
        }
    }
}
