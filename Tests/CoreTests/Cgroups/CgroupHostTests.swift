import Base
import Testing

@testable import Core

/// Where cgroups are, and where none can be made.
@Suite struct CgroupHostTests {
    private static let hybrid = """
        30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
        31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        32 30 0:28 /pod /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
        33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
        """

    @Test func membership() {
        let list = "4:memory:/a/b\n3:cpu,cpuacct:/pod/x\n2:pids:/\n1:name=systemd:/s\n0::/u\n"
        let found = CgroupMembership.all(Array(list.utf8), mounts: Array(Self.hybrid.utf8))
        #expect(
            found.map(\.directory) == [
                "/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/cpu,cpuacct/x", "/sys/fs/cgroup/unified/u",
            ])
        #expect(found.map(\.version) == [.one, .one, .two] && found[1].controllers == ["cpu", "cpuacct"])
    }

    /// The mount is that of another namespace than the path.
    @Test func pathsThatCannotBeReached() {
        let found = CgroupMembership.all(Array("4:memory:/../x\n3:cpu:/other\n".utf8), mounts: Array(Self.hybrid.utf8))
        #expect(found.isEmpty)
    }

    private let limit = CgroupLimit(.memory, 4096, by: "--memory 4096")

    private func host(_ change: (inout CgroupHost.Place) -> Void) -> CgroupHost {
        var place = CgroupHost.Place(
            version: .two, directory: "/c/own", name: "/own", controllers: ["memory", "pids"], isWritable: true)
        change(&place)
        return CgroupHost(places: [place])
    }

    @Test func whatKeepsACgroupFromBeingMade() throws {
        #expect(try PlannedCgroup([limit], on: host { _ in }).controllers == ["memory"])
        for (host, words) in [
            (host { $0.isWritable = false }, ["/own", "Help: "]),
            (host { $0.strangers = [77] }, ["77", "Delegate=yes"]),
            (host { $0.isThreaded = true }, ["still in use"]),
            (host { $0.controllers = ["pids"] }, ["'memory'"]), (CgroupHost(places: []), ["'memory'"]),
        ] {
            let error = #expect(throws: SkiffError.self) { try PlannedCgroup([limit], on: host) }
            for word in ["memory.limit = 4096 (--memory 4096)"] + words {
                #expect(error?.description.contains(word) == true, "\(String(describing: error))")
            }
        }
    }

    /// One that only counts is made where that costs nothing.
    @Test func cgroupsThatOnlyCount() {
        #expect(PlannedCgroup(countingOn: ConversionTests.one)?.places.count == 3)
        #expect(PlannedCgroup(countingOn: host { $0.isRoot = true })?.controllers == ["memory", "pids"])
        #expect(PlannedCgroup(countingOn: host { $0.enabled = ["pids"] })?.controllers == ["pids"])
        #expect(PlannedCgroup(countingOn: host { _ in }) == nil)
        #expect(PlannedCgroup(countingOn: host { ($0.isRoot, $0.isWritable) = (true, false) }) == nil)
    }
}
