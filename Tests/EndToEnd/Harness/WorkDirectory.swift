import CLinux
import Foundation
import Linux
import Synchronization

/// Numbered directories for single runs and single tests.
enum WorkDirectory {
    /// Where they lie, next to the stage: in a directory of this test run below /tmp, removed when the process ends.
    static let root = makeRoot()

    /// How the root's name begins.
    static let prefix = "skiff-tests."

    private static let count = Atomic<Int>(0)

    /// Returns a new directory that belongs to the profile's user.
    static func make(for profile: Profile) throws -> String {
        let number = count.add(1, ordering: .relaxed).newValue
        let path = root + "/work.\(number)"
        try makeDirectory(path, mode: 0o755)
        if effectiveUID() == 0, let record = profile.record { try chown(path, record.uid, record.gid) }
        return path
    }

    private static func makeRoot() -> String {
        var template = Array("/tmp/\(prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("cannot make a directory in /tmp") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard (try? Linux.chmod(path, 0o755)) != nil else { fatalError("cannot open \(path) to other users") }
        removalAtExit = path
        atexit { try? FileManager.default.removeItem(atPath: removalAtExit) }
        return path
    }
}

/// Read once, by the function that runs at exit.
nonisolated(unsafe) private var removalAtExit = ""
