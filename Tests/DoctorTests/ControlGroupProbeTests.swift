import Core
import Testing

@testable import Doctor

/// Each fault of a host's control groups, told with its cure.
@Suite struct ControlGroupProbeTests {
    private func place(_ version: CgroupVersion, _ change: (inout CgroupHost.Place) -> Void = { _ in }) -> CgroupHost {
        var place = CgroupHost.Place(
            version: version, directory: "/sys/fs/cgroup/own", name: "/own",
            controllers: version == .one ? ["cpu", "memory", "pids", "blkio"] : ["cpu", "memory", "pids", "io"],
            isWritable: true)
        change(&place)
        return CgroupHost(places: [place])
    }

    private func finding(_ host: CgroupHost, uid: UInt32) throws -> Finding {
        let found = ControlGroupProbe(host: host, uid: uid, asksSystemd: true).findings()
        #expect(found.count == 1)
        return try #require(found.first)
    }

    @Test func whatIsAsItShouldBe() throws {
        for (version, uid) in [(CgroupVersion.one, UInt32(0)), (.two, 0), (.two, 1000)] {
            #expect(try finding(place(version), uid: uid).level == .fine)
        }
    }

    @Test func faults() throws {
        let cases: [(CgroupHost, UInt32, fact: String, cure: String)] = [
            (CgroupHost(places: []), 1000, "no control groups", "unified_cgroup_hierarchy=1"),
            (place(.one) { $0.isWritable = false }, 1000, "version 1 are root's", "unified_cgroup_hierarchy=1"),
            (place(.one) { $0.isWritable = false }, 0, "cannot be written", "mount"),
            (place(.two) { $0.isWritable = false }, 1000, "/own, belongs to somebody else", "systemd-run --user"),
            (place(.two) { $0.isWritable = false }, 0, "cannot be written", "mount /sys/fs/cgroup"),
            (place(.two) { $0.strangers = [42] }, 1000, "process 42", "systemd-run --user --scope"),
            (place(.two) { $0.strangers = [42] }, 0, "process 42", "systemd-run --scope"),
            (place(.two) { $0.controllers = ["memory"] }, 1000, "lacks cpu, pids", "Delegate=cpu"),
            // A hybrid host.
            (
                CgroupHost(
                    places: place(.one) { $0.isWritable = false }.places + place(.two) { $0.controllers = [] }.places),
                1000, "version 1", "unified_cgroup_hierarchy=1"
            ),
        ]
        for (host, uid, fact, cure) in cases {
            let found = try finding(host, uid: uid)
            #expect(
                found.level == .note && found.fact.contains(fact) && found.cure?.contains(cure) == true
                    && found.effect != nil, "\(found)")
        }
    }
}
