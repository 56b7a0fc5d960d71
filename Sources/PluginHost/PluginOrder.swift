/// The order in which plugins take part in a phase: what `after` and `before` say, then priority, then id.
enum PluginOrder {
    /// Always returns an order, even for contradictory rules: a cycle is broken at its member with the lowest priority.
    static func sorted<Item>(_ items: [Item], manifest: (Item) -> Manifest) -> [Item] {
        var waiting = items.sorted { left, right in
            let (first, second) = (manifest(left), manifest(right))
            return (first.priority, first.id) < (second.priority, second.id)
        }
        var result: [Item] = []
        while !waiting.isEmpty {
            let next = waiting.firstIndex { candidate in
                !waiting.contains { other in mustPrecede(manifest(other), manifest(candidate)) }
            }
            result.append(waiting.remove(at: next ?? waiting.startIndex))
        }
        return result
    }

    private static func mustPrecede(_ first: Manifest, _ second: Manifest) -> Bool {
        first.id != second.id && (second.after.contains(first.id) || first.before.contains(second.id))
    }
}
