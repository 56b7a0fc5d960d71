import Base
import Core
import Testing

@testable import skiff_image

/// Files of limits: every table of Apptainer's example, and what is refused with its line.
@Suite struct CgroupsFileTests {
    private func read(_ text: String) throws -> [String] {
        try CgroupsFile(path: "/x").limits(in: Array(text.utf8)).map {
            "\($0.name.rawValue) [\($0.subject)] \($0.value)"
        }
    }

    @Test func everyTable() throws {
        let limits = try read(
            """
            [cpu]
            quota = 50000
            period = 100000
            realtimeRuntime = 1
            realtimePeriod = 2
            cpus = "0-1"
            mems = "0"
            shares = 1024
            [memory]
            limit = 1073741824
            reservation = 5
            swap = -1
            kernel = 6
            kernelTCP = 7
            swappiness = 0
            disableOOMKiller = false
            [[devices]]
            access = "rwm"
            allow = true
            major = 0
            minor = 0
            type = "a"
            [[devices]]
            allow = false
            type = "c"
            major = 1
            [blockIO]
            leafWeight = 10
            weight = 11
            [[blockIO.weightDevice]]
            major = 7
            minor = 0
            weight = 12
            leafWeight = 13
            [[blockIO.throttleReadBpsDevice]]
            major = 7
            minor = 1
            rate = 100
            [[hugepageLimits]]
            limit = 9223372036854771712
            pageSize = "2MB"
            [network]
            classID = 9
            [[network.priorities]]
            name = "eth0"
            priority = 1
            [pids]
            limit = 1024
            [rdma]
            [[rdma.resOne]]
            hcaHandles = 0
            hcaObjects = 2
            [unified]
            "memory.high" = "1000"
            """)
        #expect(
            limits == [
                "cpu.quota [] 50000", "cpu.period [] 100000", "cpu.realtimeRuntime [] 1", "cpu.realtimePeriod [] 2",
                "cpu.cpus [] 0-1", "cpu.mems [] 0", "cpu.shares [] 1024", "memory.limit [] 1073741824",
                "memory.reservation [] 5", "memory.swap [] -1", "memory.kernel [] 6", "memory.kernelTCP [] 7",
                "memory.swappiness [] 0", "memory.disableOOMKiller [] 0", "devices [a] allow rwm",
                "devices [c 1:*] deny rwm", "blockIO.leafWeight [] 10", "blockIO.weight [] 11",
                "blockIO.weightDevice.weight [7:0] 12", "blockIO.weightDevice.leafWeight [7:0] 13",
                "blockIO.throttleReadBpsDevice [7:1] 100", "hugepageLimits [2MB] 9223372036854771712",
                "network.classID [] 9", "network.priorities [eth0] 1", "pids.limit [] 1024",
                "rdma.hcaHandles [resOne] 0", "rdma.hcaObjects [resOne] 2", "unified [memory.high] 1000",
            ])
    }

    @Test(arguments: [
        ("[cpu]\nquotas = 1\n", 2, "'quotas'"), ("[gpu]\nx = 1\n", 1, "'gpu'"), ("pids = 5\n", 1, "is a table"),
        ("[memory]\nlimit = \"100M\"\n", 2, "an integer, not a string"), ("[memory]\n\nlimit = 0\n", 3, "positive"),
        ("[memory]\nlimit = -5\n", 2, "positive"), ("[cpu]\nshares = 1\n", 2, "2 to 262144"),
        ("[cpu]\ncpus = \"x\"\n", 2, "a list"), ("[pids\n", 1, "']' is missing"),
        ("[[devices]]\ntype = \"c\"\n", 1, "allow is"), ("[[devices]]\nallow = true\ntype = \"x\"\n", 1, "type is"),
        ("[[devices]]\nallow = true\naccess = \"q\"\n", 1, "access is"),
        ("[[devices]]\nallow = true\nmode = 1\n", 3, "'mode'"), ("[devices]\nallow = true\n", 1, "array of tables"),
        ("[[hugepageLimits]]\npageSize = \"big\"\nlimit = 1\n", 1, "page size"),
        ("[unified]\n\"../x\" = \"1\"\n", 2, "no file"), ("[unified]\n\"cgroup.procs\" = \"1\"\n", 2, "no file"),
        ("[unified]\n\"memory.high\" = 1\n", 2, "a string"), ("[network]\nclassID = -1\n", 2, "32 bits"),
        ("[[network.priorities]]\nname = \"a b\"\npriority = 1\n", 1, "interface"),
        ("[blockIO]\nweight = 5\n", 2, "10 to 1000"),
        ("[[blockIO.weightDevice]]\nmajor = 1\nminor = 1\n", 1, "has a weight"),
        ("[[blockIO.throttleReadBpsDevice]]\nmajor = 1\nrate = 1\n", 1, "minor"),
        ("[memory]\ndisableOOMKiller = 1\n", 2, "true or false"),
    ]) func refusals(_ text: String, _ line: Int, _ words: String) {
        let error = #expect(throws: SkiffError.self) { try read(text) }
        let found = error?.description ?? ""
        #expect(found.contains("/x, line \(line)") && found.contains(words), "\(found)")
    }
}
