import Testing

@testable import Core

/// The order of mounts: by group, but a mount that was asked for is not covered by one that was not.
struct MountOrderTests {
    private func mount(
        _ group: Mount.Group, _ path: String, _ source: Mount.Source = .bind("/of/host"), asked: Bool = false
    ) -> Mount {
        var mount = Mount(group, source, at: path, reason: "test")
        mount.isAsked = asked
        return mount
    }

    private func order(_ mounts: Mount...) -> [String] { mounts.inOrder().map { "\($0.group) \($0.destination)" } }

    @Test func groupsComeInTheirOrderAndWithinOneAsAdded() {
        #expect(
            order(
                mount(.userBinds, "/b", asked: true), mount(.dev, "/dev"), mount(.cwd, "/c"), mount(.tmp, "/tmp"),
                mount(.tmp, "/var/tmp"), mount(.home, "/home/u"), mount(.userBinds, "/a", asked: true))
                == ["dev /dev", "home /home/u", "tmp /tmp", "tmp /var/tmp", "userBinds /b", "userBinds /a", "cwd /c"])
    }

    @Test(arguments: [
        ("/tmp/u", "tmp /tmp, home /tmp/u, tmp /var/tmp"), ("/tmp", "tmp /tmp, home /tmp, tmp /var/tmp"),
        ("/var/tmp/a/b", "tmp /tmp, tmp /var/tmp, home /var/tmp/a/b"),
        ("/tmpfs/u", "home /tmpfs/u, tmp /tmp, tmp /var/tmp"),
        ("/var", "home /var, tmp /tmp, tmp /var/tmp"),
    ])
    func homeThatWasAskedForIsNotCovered(home: String, expected: String) {
        let mounts = [mount(.home, home, asked: true), mount(.tmp, "/tmp"), mount(.tmp, "/var/tmp")]
        #expect(mounts.inOrder().map { "\($0.group) \($0.destination)" }.joined(separator: ", ") == expected)
    }

    /// An empty home would be hidden; the host's shows through the host's /tmp. A home at /tmp itself is not one of its
    /// own.
    @Test func homeOfItsOwnIsNotCovered() {
        #expect(
            order(mount(.home, "/tmp/u", .session(mode: 0o700)), mount(.tmp, "/tmp")) == ["tmp /tmp", "home /tmp/u"])
        #expect(
            order(mount(.home, "/tmp/u", .made("/w/home", mode: 0o700)), mount(.tmp, "/tmp"))
                == ["tmp /tmp", "home /tmp/u"])
        #expect(order(mount(.home, "/tmp/u"), mount(.tmp, "/tmp")) == ["home /tmp/u", "tmp /tmp"])
        #expect(order(mount(.home, "/tmp", .session(mode: 0o700)), mount(.tmp, "/tmp")) == ["home /tmp", "tmp /tmp"])
    }

    @Test func bindsAndScratchIntoTheCurrentDirectoryAreNotCovered() {
        #expect(
            order(
                mount(.cwd, "/data/job"), mount(.userBinds, "/data/job/in", asked: true),
                mount(.userBinds, "/data", asked: true), mount(.scratch, "/data/job/in/s", asked: true),
                mount(.userBinds, "/data/job2", asked: true))
                == [
                    "userBinds /data", "userBinds /data/job2", "cwd /data/job", "scratch /data/job/in/s",
                    "userBinds /data/job/in",
                ])
    }

    /// A mount that was asked for may cover another one.
    @Test func bindsStillCoverTheHome() {
        #expect(
            order(
                mount(.userBinds, "/home", asked: true), mount(.home, "/home/u", asked: true), mount(.tmp, "/tmp"),
                mount(.userBinds, "/tmp/u", asked: true))
                == ["home /home/u", "tmp /tmp", "userBinds /home", "userBinds /tmp/u"])
    }
}
