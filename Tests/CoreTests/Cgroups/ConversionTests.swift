import Base
import Testing

@testable import Core

/// Limits as contents of files, for both versions of the kernel's interface.
@Suite struct ConversionTests {
    private static let all = ["cpu", "cpuset", "memory", "pids", "hugetlb", "rdma"]
    static let one = CgroupHost(
        places: (all + ["blkio", "net_cls", "net_prio", "devices"]).map {
            .init(version: .one, directory: "/c/\($0)/own", name: "/own", controllers: [$0], isWritable: true)
        })
    static let two = CgroupHost(
        places: [
            .init(version: .two, directory: "/c/own", name: "/own", controllers: all + ["io"], isWritable: true)
        ])

    private func contents(_ limits: [CgroupLimit], _ host: CgroupHost) throws -> [String] {
        try CgroupConversion(limits, on: host).settings().map { setting in
            setting.contents.map { "\($0.file)=\($0.value)" }.joined(separator: "|")
        }
    }

    private func limit(_ name: CgroupLimit.Name, _ value: String, _ subject: String = "") -> CgroupLimit {
        CgroupLimit(name, subject, value, .init(reason: "test", origin: "core"))
    }

    @Test(arguments: [
        (CgroupLimit.Name.shares, "1024", "", "cpu.shares=1024", "cpu.weight=39"),
        (.shares, "2", "", "cpu.shares=2", "cpu.weight=1"),
        (.shares, "262144", "", "cpu.shares=262144", "cpu.weight=10000"),
        (.quota, "50000", "", "cpu.cfs_quota_us=50000", "cpu.max=50000 100000"),
        (.period, "20000", "", "cpu.cfs_period_us=20000", "cpu.max=max 20000"),
        (.cpus, "0-1", "", "cpuset.cpus=0-1", "cpuset.cpus=0-1"), (.mems, "0", "", "cpuset.mems=0", "cpuset.mems=0"),
        (.memory, "4096", "", "memory.limit_in_bytes=4096", "memory.max=4096"),
        (.memory, "-1", "", "memory.limit_in_bytes=-1", "memory.max=max"),
        (.reservation, "8192", "", "memory.soft_limit_in_bytes=8192", "memory.low=8192"),
        (.swap, "-1", "", "memory.memsw.limit_in_bytes=-1", "memory.swap.max=max"),
        (.processes, "7", "", "pids.max=7", "pids.max=7"), (.processes, "-1", "", "pids.max=max", "pids.max=max"),
        (
            .ioWeight, "100", "", "blkio.weight=100|blkio.bfq.weight=100",
            "io.bfq.weight=default 100|io.weight=default 910"
        ),
        (
            .deviceWeight, "10", "8:0", "blkio.weight_device=8:0 10|blkio.bfq.weight_device=8:0 10",
            "io.bfq.weight=8:0 10|io.weight=8:0 1"
        ),
        (.readRate, "5", "8:0", "blkio.throttle.read_bps_device=8:0 5", "io.max=8:0 rbps=5"),
        (.writeOperations, "6", "8:0", "blkio.throttle.write_iops_device=8:0 6", "io.max=8:0 wiops=6"),
        (.hugePages, "2097152", "2MB", "hugetlb.2MB.limit_in_bytes=2097152", "hugetlb.2MB.max=2097152"),
        (.rdmaHandles, "3", "mlx5_0", "rdma.max=mlx5_0 hca_handle=3", "rdma.max=mlx5_0 hca_handle=3"),
        (.withoutKiller, "0", "", "", ""),
    ]) func contentOfBothVersions(
        _ name: CgroupLimit.Name, _ value: String, _ subject: String, _ one: String, _ two: String
    ) throws {
        let limits = [limit(name, value, subject)]
        #expect(try contents(limits, Self.one) == (one.isEmpty ? [] : [one]))
        #expect(try contents(limits, Self.two) == (two.isEmpty ? [] : [two]))
    }

    /// What one version lacks ends the command there.
    @Test func whatAVersionLacks() throws {
        for (name, subject) in [
            (CgroupLimit.Name.realtimeRuntime, ""), (.realtimePeriod, ""), (.kernelMemory, ""), (.kernelTCP, ""),
            (.swappiness, ""), (.withoutKiller, ""), (.ioLeafWeight, ""), (.deviceLeafWeight, "8:0"),
            (.networkClass, ""), (.networkPriority, "eth0"),
        ] {
            #expect(try contents([limit(name, "1", subject)], Self.one).count == 1)
            #expect(throws: SkiffError.self) { try contents([limit(name, "1", subject)], Self.two) }
        }
        for limit in [limit(.memoryHigh, "4096"), limit(.file, "1", "memory.high")] {
            #expect(try contents([limit], Self.two) == ["memory.high=\(limit.value)"])
            #expect(throws: SkiffError.self) { try contents([limit], Self.one) }
        }
        #expect(throws: SkiffError.self) { try contents([limit(.memory, "1")], CgroupHost(places: [])) }
    }

    /// The kernel compares them with one another.
    @Test func orderOfWriting() throws {
        let limits = [limit(.swap, "300"), limit(.quota, "1000"), limit(.period, "2000"), limit(.memory, "100")]
        #expect(
            try contents(limits, Self.one) == [
                "cpu.cfs_period_us=2000", "memory.limit_in_bytes=100", "cpu.cfs_quota_us=1000",
                "memory.memsw.limit_in_bytes=300",
            ])
        #expect(
            try contents(limits, Self.two) == ["memory.max=100", "cpu.max=1000 2000", "memory.swap.max=200"])
        #expect(throws: SkiffError.self) { try contents([limit(.swap, "300")], Self.one) }
        #expect(throws: SkiffError.self) { try contents([limit(.memory, "400"), limit(.swap, "300")], Self.two) }
    }

    @Test(arguments: [
        (CgroupSetting.Answer.number(10_000), "8192\n", true), (.number(8192), "8192\n", true),
        (.number(8192), "12288\n", false), (.number(100_000_000), "max\n", false),
        (.number(nil), "9223372036854771712\n", true), (.number(nil), "max\n", true), (.number(nil), "5\n", false),
        (.number(.max), "max\n", true), (.number(5), "", false), (.words("max 20000"), "max 20000\n", true),
        (.words("max 20000"), "max 100000\n", false), (.numbers("0-1"), "0,1\n", true), (.numbers("0"), "\n", false),
        (.line(["8:0", "rbps=5"]), "8:0 rbps=5 wbps=max riops=max wiops=max\n", true),
        (.line(["8:0", "rbps=5"]), "8:16 rbps=5\n", false),
        (.line(["oom_kill_disable", "1"]), "oom_kill_disable 1\n", true),
    ]) func whatTheKernelAnswers(_ answer: CgroupSetting.Answer, _ text: String, _ isTaken: Bool) {
        let content = CgroupSetting.Content(file: "f", value: "v", answer: answer)
        #expect(content.isAnswered(by: text) == isTaken)
    }

    @Test func bytesAndBack() throws {
        let limits = [limit(.memory, "5"), limit(.device, "allow rw", "c 1:*"), limit(.file, "a b", "io.max")]
        #expect([CgroupLimit](encoded: limits.encoded) == limits)
        #expect([CgroupLimit](encoded: Array(limits.encoded.dropLast(3))) == nil)
        #expect([CgroupLimit](encoded: []) == nil)
    }

    @Test func narrowing() {
        var limits = [limit(.memory, "100"), limit(.processes, "-1")]
        for new in [limit(.memory, "200"), limit(.processes, "9"), limit(.quota, "7"), limit(.quota, "-1")] {
            limits.narrow(new)
        }
        #expect(limits.map(\.value) == ["100", "9", "7"])
        limits.narrow(limit(.memory, "50"))
        #expect(limits.number(.memory) == 50)
    }

    @Test(
        arguments: [
            ("512", 512), ("10m", 10 << 20), ("10Mb", 10 << 20), ("1.5g", 3 << 29), ("2 KiB", 2048), ("0", 0),
            ("1P", 1 << 50),
        ] as [(String, Int64)]) func sizes(_ text: String, _ bytes: Int64)
    { #expect(LimitText.bytes(text) == bytes) }

    @Test(arguments: ["abc", "", "100X", "-1", "1.5.3", "99999999999999999999", ".", "1kk", "10 mm", "0x10", "1e3"])
    func textsThatAreNoSizes(_ text: String) { #expect(LimitText.bytes(text) == nil) }

    @Test func decimals() {
        #expect(LimitText.decimal("0.57", scale: 100_000) == 57_000)
        #expect(LimitText.decimal("1.5", scale: 100_000) == 150_000)
        #expect(LimitText.decimal("-1", scale: 100_000) == -100_000)
        for text in ["abc", "", "nan", "inf", "0x1", "1 ", "1e99"] { #expect(LimitText.decimal(text, scale: 1) == nil) }
    }
}
