import Base
import Linux
import Synchronization

/// An unfinished entry. Its name tells which process writes it, so that others can check whether it is alive.
struct UnfinishedEntry {
    static let prefix = "tmp_"

    /// The name of a new entry of this process.
    static var name: String {
        prefix + LeaseHolder.current.joined(by: "_") + "_" + uniqueName()
    }

    /// Returns the process that writes the entry with this name, or nil for a name of another form.
    static func owner(_ name: String) -> LeaseHolder? {
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        return words.count == 6 ? LeaseHolder(words[1...4].map(String.init)) : nil
    }
}

/// Leftovers of killed processes: unfinished entries and leases. Only processes of this host are known to be dead;
/// leftovers of other hosts are removed when they have not changed for a week.
extension CacheDirectory {
    private static let longAge: Int64 = 7 * 86400
    private static let tidied = Mutex<Set<String>>([])

    /// Removes leftovers, once per process. It reads every directory of images, so only commands that write call it.
    package func removeLeftoversOnce() {
        if Self.tidied.withLock({ $0.insert(root).inserted }) { removeLeftovers() }
    }

    func removeLeftovers() { _ = leftovers(removing: true) }

    /// Returns the leftovers, and removes them when asked to.
    package func leftovers(removing: Bool) -> [String] {
        let folders = Kind.allCases.map(path) + [root + "/leases"]
        // The clocks of hosts differ, so the last change in the cache is taken as the present: the caller holds a lease
        // and has therefore just made one.
        let now = folders.compactMap { try? status($0).modified }.max() ?? 0
        return Kind.allCases.flatMap { entries(path($0), now, removing) } + leases(root + "/leases", now, removing)
    }

    private func entries(_ folder: String, _ now: Int64, _ isRemoving: Bool) -> [String] {
        guard let opened = try? open(folder, [.read, .directory]), let names = try? Linux.entries(of: opened.raw)
        else { return [] }
        var left: [String] = []
        for name in names.map(\.text) where name.hasPrefix(UnfinishedEntry.prefix) {
            guard let found = try? status(name, at: opened.raw, follow: false),
                Self.isAbandoned(UnfinishedEntry.owner(name), found.modified, now)
            else { continue }
            left.append("\(folder)/\(name)")
            guard isRemoving else { continue }
            Log.verbose("Removing \(folder)/\(name), which a killed process left in the cache")
            // Fails for the files of other users, which they remove themselves.
            try? removeTree(name, at: opened.raw)
        }
        return left
    }

    private func leases(_ folder: String, _ now: Int64, _ isRemoving: Bool) -> [String] {
        guard let opened = try? open(folder, [.read, .directory]), let names = try? Linux.entries(of: opened.raw)
        else { return [] }
        var left: [String] = []
        for name in names.map(\.text) {
            guard let found = try? status(name, at: opened.raw, follow: false), found.isRegular,
                let content = try? readFile(name, at: opened.raw, limit: 4096),
                Self.isAbandoned(LeaseHolder(content), found.modified, now)
            else { continue }
            left.append("\(folder)/\(name)")
            if isRemoving { Lease.remove(folder + "/" + name, content) }
        }
        return left
    }

    private static func isAbandoned(_ owner: LeaseHolder?, _ modified: Int64, _ now: Int64) -> Bool {
        switch owner?.isAlive {
        case true: false
        case false: true
        case nil: now - modified > longAge
        }
    }
}
