import CLinux
import Linux
import Testing

/// Who types the command.
enum Profile: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case root, user

    var testDescription: String { rawValue }

    /// Whoever runs the suite.
    static var current: Profile { effectiveUID() == 0 ? .root : .user }

    var facility: Facility { self == .root ? .root : .user }

    /// The identity that the profile's commands get.
    var record: UserRecord? {
        guard effectiveUID() == 0 else { return self == .user ? userRecord(uid: effectiveUID()) : nil }
        return self == .root ? userRecord(uid: 0) : userRecord(name: Self.ordinaryName)
    }

    /// The ordinary user that `Scripts/prepare-tests` makes when the suite runs as root.
    static var ordinaryName: String { environmentValue("SKIFF_TEST_USER") ?? "tester" }

    /// Words in front of a command that change to the profile's identity.
    var switching: [String] {
        guard effectiveUID() == 0, self == .user, let record else { return [] }
        return ["/usr/bin/setpriv", "--reuid=\(record.uid)", "--regid=\(record.gid)", "--init-groups"]
    }
}
