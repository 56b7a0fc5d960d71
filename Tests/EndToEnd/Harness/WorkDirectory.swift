import CLinux
import Foundation
import Linux
import Synchronization

/// Numbered directories for single runs and single tests.
enum WorkDirectory {
    /// Where they lie: the stage's root.
    static let parent = Parent()

    final class Parent: Sendable {
        private let path = Mutex("/tmp")
        func store(_ new: String) { path.withLock { $0 = new } }
        func load() -> String { path.withLock { $0 } }
    }

    private static let count = Atomic<Int>(0)

    /// A new directory that belongs to the profile's user.
    static func make(for profile: Profile) throws -> String {
        let number = count.add(1, ordering: .relaxed).newValue
        let path = parent.load() + "/work.\(getpid()).\(number)"
        try makeDirectory(path, mode: 0o755)
        if effectiveUID() == 0, let record = profile.record { try chown(path, record.uid, record.gid) }
        return path
    }
}
