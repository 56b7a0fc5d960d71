import Linux

/// The user that tests take for anybody but root.
package enum OrdinaryUser {
    /// The name of the user that `Scripts/prepare-tests` makes when root runs the suite.
    package static var name: String { environmentValue("SKIFF_TEST_USER") ?? "tester" }

    /// The user who runs the suite, or the user of that name when root does.
    package static var record: UserRecord? {
        effectiveUID() == 0 ? userRecord(name: name) : userRecord(uid: effectiveUID())
    }

    /// Words in front of a command that make it run as this user.
    package static var switching: [String] {
        guard effectiveUID() == 0, let record else { return [] }
        return ["/usr/bin/setpriv", "--reuid=\(record.uid)", "--regid=\(record.gid)", "--init-groups"]
    }
}
