import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

/// State of instances: its names, its bytes, and what it is worth when processes have gone.
@Suite struct InstanceTests {
    static func instance(
        _ name: String = "web", first: Instance.Process = .init(pid: 77, startTime: 5),
        keeper: Instance.Process = .init(pid: 76, startTime: 4), boot: String = bootName()
    ) -> Instance {
        Instance(
            name: name, image: "/images/a b\n.sif", first: first, keeper: keeper, boot: boot,
            pidNamespace: Instance.currentPIDNamespace,
            conditions: Instance.Conditions(
                namespaces: [.mount, .pid],
                user: .init(uid: IDMap(inside: 0, outside: 1000), gid: IDMap(inside: 0, outside: 1001)),
                root: .init(mode: .supervised, filter: .supervised), capabilities: Capability.everything,
                noNewPrivileges: true, home: "/root", binds: "/data,/opt=x"))
    }

    @Test(arguments: [
        ("web", true), ("a.b_c-D9", true), (".hidden", true), ("-", true), ("...", true), ("", false), (".", false),
        ("..", false), ("../x", false), ("a b", false), ("a/b", false), ("é", false), ("a\0", false), ("a\n", false),
        (String(repeating: "x", count: 240), true), (String(repeating: "x", count: 241), false),
    ])
    func namesAreThoseOfFiles(name: String, isName: Bool) {
        #expect(Instance.isName(name) == isName)
    }

    @Test func bytesAreReadAsWritten() {
        var instance = Self.instance()
        #expect(Instance(encoded: instance.encoded()) == instance)
        let cause = ProgramAttributes.Cause(reason: "why=\n", origin: "org.x")
        instance.conditions.attributes.groups = [.init(gid: 4_294_967_295, cause: cause)]
        instance.conditions.attributes.limits = [
            .init(resource: .nofile, value: ResourceLimit(soft: 5, hard: .max), cause: cause)
        ]
        instance.conditions.attributes.filters = [.init(program: [0, 1, 0xFF, 9, 8, 7, 6, 5], cause: cause)]
        instance.conditions.attributes.wrappers = [
            .init(words: ["/bin/a", "=", ""].map(\.bytes), cause: cause), .init(words: [], cause: cause),
        ]
        #expect(Instance(encoded: instance.encoded()) == instance)
        instance.conditions.attributes = .init()
        instance.conditions.user = nil
        instance.conditions.root = nil
        instance.conditions.binds = ""
        #expect(Instance(encoded: instance.encoded()) == instance)
    }

    /// Half a file, a file with a byte changed, and a file with a field twice are read as nothing, or as a whole instance.
    @Test func damagedBytesAreNoInstance() {
        let bytes = Self.instance().encoded()
        for count in 0..<bytes.count { #expect(Instance(encoded: Array(bytes.prefix(count))) == nil, "\(count)") }
        #expect(Instance(encoded: bytes + "pid=1 2\0".bytes) == nil)
        for index in bytes.indices {
            var changed = bytes
            changed[index] = changed[index] == 0 ? 1 : 0
            if let read = Instance(encoded: changed) { #expect(Instance.isName(read.name)) }
        }
    }

    /// Numbers below 2 stand for init, or for groups of processes.
    @Test(arguments: ["1 5", "0 5", "-1 5", "-77 5", "77", "77 x", "77 5 6", "99999999999999999999 1"])
    func numbersAreThoseOfProcesses(text: String) {
        let bytes = Self.instance().encoded().split(separator: 0).map { Array($0) }
        let changed = bytes.map { $0.starts(with: "pid=".bytes) ? "pid=\(text)".bytes : $0 }
        #expect(Instance(encoded: changed.flatMap { $0 + [0] }) == nil)
    }

    @Test func onlyTheVeryProcessCounts() throws {
        let own = try #require(Instance.Process(processID()))
        let uid = effectiveUID()
        #expect(Self.instance(keeper: own).life(owner: uid) == .runs)
        // The number was given to another process.
        let other = Instance.Process(pid: own.pid, startTime: own.startTime - 1)
        #expect(Self.instance(keeper: other).life(owner: uid) == .ended)
        // A process of somebody else.
        #expect(Self.instance(keeper: own).life(owner: uid + 1) == .ended)
        // The machine was started anew, with the same numbers by chance.
        #expect(Self.instance(keeper: own, boot: "other").life(owner: uid) == .endedWithItsBoot)
        // In another PID namespace, the numbers mean others.
        var elsewhere = Self.instance(keeper: other)
        elsewhere.pidNamespace &+= 1
        #expect(elsewhere.life(owner: uid) == .elsewhere)
    }

    @Test func aProcessThatNobodyWaitedForHasEnded() throws {
        let pid = try spawn("/bin/true", ["true"], environment: [])
        let process = try #require(Instance.Process(pid))
        for _ in 0..<500 where process.isRunning { pause(milliseconds: 10) }
        #expect(!process.isRunning && startTime(of: pid) == process.startTime)
        _ = try waitFor(pid)
        #expect(!process.isRunning)
    }
}

@Suite struct InstanceListingTests {
    private let directory = InstanceDirectory(configuration: "/c", user: "u", owner: 1)

    /// Byte for byte what Apptainer prints.
    @Test func columnsAreApptainers() {
        let (a, b) = (InstanceTests.instance("a"), InstanceTests.instance("a-long-instance-name"))
        #expect(
            InstanceListing([], in: directory).text == "INSTANCE NAME    PID    IP    IMAGE\n")
        var short = a
        short.image = "/sb"
        #expect(
            InstanceListing([short], in: directory).text
                == "INSTANCE NAME    PID    IP    IMAGE\na                77           /sb\n")
        var long = short
        long.first = .init(pid: 4_194_303, startTime: 1)
        #expect(
            InstanceListing([long], in: directory).text
                == "INSTANCE NAME    PID        IP    IMAGE\na                4194303          /sb\n")
        // A name of an image cannot add lines.
        #expect(
            InstanceListing([b], in: directory).text.split(separator: "\n").last
                == #"a-long-instance-name    77           /images/a b\x0a.sif"#)
    }

    @Test func logsHaveTwoLines() {
        let logs = "/c/instances/logs/\(hostname())/u/a"
        #expect(
            InstanceListing([InstanceTests.instance("a")], in: directory).logText
                == "INSTANCE NAME    PID    LOGS\na                77     \(logs).err\n                        \(logs).out\n"
        )
    }

    @Test func jsonIsIndentedByTabs() {
        #expect(InstanceListing([], in: directory).json == "{\n\t\"instances\": []\n}\n")
        let text = InstanceListing([InstanceTests.instance("a")], in: directory).json
        #expect(text.hasPrefix("{\n\t\"instances\": [\n\t\t{\n\t\t\t\"instance\": \"a\",\n\t\t\t\"pid\": 77,\n"))
        #expect(text.contains("\"img\": \"/images/a b\\n.sif\",\n\t\t\t\"ip\": \"\",\n\t\t\t\"logErrPath\": "))
    }
}

@Suite struct InstanceStopTests {
    @Test(arguments: [
        ("SIGTERM", SIGTERM), ("TERM", SIGTERM), ("term", SIGTERM), ("sigint", SIGINT), ("15", 15), ("SYS", 31),
        ("1", 1),
    ])
    func signalsHaveNamesAndNumbers(text: String, number: CInt) throws {
        #expect(try SignalName.number(text) == number)
    }

    @Test(arguments: [
        ("FOO", "FOO is not a number"), ("SIGFOO", "SIGFOO is not a number"), ("", " is not a number"),
        ("99", "can't convert 99 to signal number"), ("0", "can't convert 0 to signal number"),
        ("-1", "can't convert -1 to signal number"), ("1x", "1x is not a number"),
    ])
    func othersAreRefusedAsByApptainer(text: String, reason: String) {
        let error = #expect(throws: SkiffError.self) { try SignalName.number(text) }
        #expect(error?.message == "Could not convert stop signal: " + reason)
    }
}

@Suite struct InstanceUsageTests {
    @Test func bothVersionsOfCgroupsAreRead() {
        let second = [
            "cpu.stat": "usage_usec 1500000\nuser_usec 1\n", "memory.current": "1048576\n", "memory.max": "max\n",
            "pids.current": "3\n", "io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=5 wbytes=0\n",
        ]
        var usage = InstanceUsage { second[$1] }
        #expect(usage.cpu == 1_500_000_000 && usage.memory == 1 << 20 && usage.memoryLimit == nil)
        #expect(usage.processes == 3 && usage.bytesRead == 15 && usage.bytesWritten == 20)
        let first = [
            "cpuacct.usage": "7\n", "memory.usage_in_bytes": "8\n", "memory.limit_in_bytes": "9223372036854771712\n",
            "pids.current": "2\n",
            "blkio.throttle.io_service_bytes": "8:0 Read 11\n8:0 Write 12\n8:0 Total 23\nTotal 23\n",
        ]
        usage = InstanceUsage { first[$1] }
        #expect(usage.cpu == 7 && usage.memory == 8 && usage.memoryLimit == nil && usage.processes == 2)
        #expect(usage.bytesRead == 11 && usage.bytesWritten == 12)
        #expect(InstanceUsage { _, _ in "junk\n-1 99999999999999999999\n" } == InstanceUsage())
    }

    @Test func rowsHaveTwoDecimals() {
        var (before, now) = (InstanceUsage(), InstanceUsage())
        before.cpu = 1_000_000_000
        now.cpu = 1_250_000_000
        (now.memory, now.memoryLimit, now.processes) = (1_572_864, 3 << 20, 4)
        #expect(
            now.row("a", since: before, milliseconds: 1000, machine: 1 << 30)
                == ["a", "25.00%", "1.5MiB / 3MiB", "50.00%", "0B / 0B", "4"])
        // A counter that went back, and no time at all.
        _ = before.row("a", since: now, milliseconds: 0, machine: 0)
    }

    @Test(
        arguments: [
            (0, "0B"), (512, "512B"), (1023, "1023B"), (1024, "1KiB"), (1_572_864, "1.5MiB"),
            (2_097_152_000, "1.953GiB"),
            (UInt64.max, "16777216TiB"),
        ] as [(UInt64, String)])
    func sizesHaveFourDigits(bytes: UInt64, text: String) { #expect(InstanceUsage.size(bytes) == text) }

    @Test func sharedCgroupsDoNotCount() {
        let mounts = """
            30 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            31 1 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw

            """.bytes
        let others = "4:memory:/a\n0::/session\n".bytes
        #expect(ControlGroups(others, apartFrom: others, mounts: mounts).isEmpty)
        let own = ControlGroups("4:memory:/a/own\n0::/session\n".bytes, apartFrom: others, mounts: mounts)
        #expect(own.path("memory") == "/sys/fs/cgroup/memory/a/own" && own.path("pids") == nil)
        let unified = ControlGroups("4:memory:/a\n0::/own\n".bytes, apartFrom: others, mounts: mounts)
        #expect(unified.path("pids") == "/sys/fs/cgroup/unified/own")
    }
}
