import Base
import CLinux
import Linux
import Synchronization

/// Unfinished entries say in their name who writes them, so that others can tell whether that one still lives.
struct UnfinishedEntry {
    static let prefix = "tmp_"

    /// For a new entry of this process.
    static var name: String {
        prefix + LeaseHolder.current.joined(by: "_") + "_" + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Who writes the entry of this name; nil when it is none of ours.
    static func owner(_ name: String) -> LeaseHolder? {
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        return words.count == 6 ? LeaseHolder(words[1...4].map(String.init)) : nil
    }
}

/// What processes left that were killed: unfinished entries and leases. Who is dead is known of processes of this host
/// only; what others left goes away when nothing has happened to it for a week.
extension CacheDirectory {
    private static let longAge: Int64 = 7 * 86400
    private static let tidied = Mutex<Set<String>>([])

    /// Looks into each directory of images, so it is for commands that write; once is enough for each of them.
    package func removeLeftoversOnce() {
        if Self.tidied.withLock({ $0.insert(root).inserted }) { removeLeftovers() }
    }

    func removeLeftovers() {
        let folders = Kind.allCases.map(path) + [root + "/leases"]
        // Clocks of hosts differ. The last change in the cache is no later than now by the clock of its file system, and
        // whoever comes here with a lease has just made one.
        let now = folders.compactMap { try? status($0).modified }.max() ?? 0
        for kind in Kind.allCases { removeEntries(path(kind), now) }
        removeLeases(root + "/leases", now)
    }

    private func removeEntries(_ folder: String, _ now: Int64) {
        guard let opened = try? open(folder, O_RDONLY | O_DIRECTORY), let names = try? Linux.entries(of: opened.raw)
        else { return }
        for name in names.map(\.text) where name.hasPrefix(UnfinishedEntry.prefix) {
            guard let found = try? status(name, at: opened.raw, follow: false),
                Self.isAbandoned(UnfinishedEntry.owner(name), found.modified, now)
            else { continue }
            Log.verbose("Removing \(folder)/\(name), which a killed process left in the cache")
            // What belongs to another user stays for that one.
            try? removeTree(name, at: opened.raw)
        }
    }

    private func removeLeases(_ folder: String, _ now: Int64) {
        guard let opened = try? open(folder, O_RDONLY | O_DIRECTORY), let names = try? Linux.entries(of: opened.raw)
        else { return }
        for name in names.map(\.text) {
            guard let found = try? status(name, at: opened.raw, follow: false), found.isRegular,
                let content = try? readFile(name, at: opened.raw, limit: 4096),
                Self.isAbandoned(LeaseHolder(content), found.modified, now)
            else { continue }
            Lease.remove(folder + "/" + name, content)
        }
    }

    private static func isAbandoned(_ owner: LeaseHolder?, _ modified: Int64, _ now: Int64) -> Bool {
        switch owner?.isAlive {
        case true: false
        case false: true
        case nil: now - modified > longAge
        }
    }
}
