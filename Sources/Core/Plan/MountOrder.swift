import Base

extension [Mount] {
    /// Returns the mounts in the order in which they are made: by group, within a group as they were added. A mount
    /// that the user asked for, or that nobody would find any more, comes after the mounts that nobody asked for and in
    /// which it lies: an empty /tmp covers no home below it, and the current directory no bind into it
    /// (Docs/spec/runtime.md §2).
    func inOrder() -> [Mount] {
        let order = indices.sorted { left, right in
            self[left].group == self[right].group ? left < right : self[left].group < self[right].group
        }
        let sorted = order.map { self[$0] }
        /// By the index of the last mount that would hide them.
        var hidden: [Int: [Mount]] = [:]
        var moved: Set<Int> = []
        for (index, mount) in sorted.enumerated() where mount.isAsked || mount.isOwnHome {
            guard let last = sorted[(index + 1)...].lastIndex(where: { $0.hides(mount) }) else { continue }
            hidden[last, default: []].append(mount)
            moved.insert(index)
        }
        if hidden.isEmpty { return sorted }
        return sorted.indices.flatMap { index in (moved.contains(index) ? [] : [sorted[index]]) + (hidden[index] ?? [])
        }
    }
}

extension Mount {
    /// Whether this is a home that is no part of the host, as `--contain` makes it: a mount over it would not show it.
    fileprivate var isOwnHome: Bool {
        if case .bind = source { return false }
        return group == .home
    }

    /// Whether this mount, made after another, would cover it although nobody asked for this one. One in the same place
    /// also covers a mount that was asked for.
    fileprivate func hides(_ other: Mount) -> Bool {
        guard !isAsked, isPath(other.destination, within: destination) else { return false }
        return other.isAsked || !other.destination.utf8.elementsEqual(destination.utf8)
    }
}
