import Linux

/// The user whom tests take for anybody but root.
package enum OrdinaryUser {
    /// Made by `Scripts/prepare-tests` when root runs the suite.
    package static var name: String { environmentValue("SKIFF_TEST_USER") ?? "tester" }

    /// Whoever runs the suite, or the user of that name when root does.
    package static var record: UserRecord? {
        effectiveUID() == 0 ? userRecord(name: name) : userRecord(uid: effectiveUID())
    }

    /// Words in front of a command that make it run as this user.
    package static var switching: [String] {
        guard effectiveUID() == 0, let record else { return [] }
        return ["/usr/bin/setpriv", "--reuid=\(record.uid)", "--regid=\(record.gid)", "--init-groups"]
    }
}
