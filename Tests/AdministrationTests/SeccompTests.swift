import Base
import Linux
import TestSupport
import Testing

@testable import Administration
@testable import Core

@Suite struct SeccompTests {
    private func compile(_ text: String, capabilities: UInt64 = 0, kernel: String = "6.1.0") throws -> [UInt8] {
        try SeccompCompiler("p.json").compile(Array(text.utf8), capabilities: capabilities, kernel: kernel)
    }

    private func problem(_ text: String) -> String {
        do {
            _ = try compile(text)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    /// What the filter answers to a call of this machine's programs.
    private func answer(_ program: [UInt8], _ call: RootCall, _ arguments: UInt64...) throws -> UInt32? {
        let table = try #require(CallTable.native.first)
        let number = try #require(table.entries.first { $0.call == call }).number
        return FilterMachine.answer(program, number: number, architecture: table.architecture, arguments: arguments)
    }

    @Test func rulesBecomeAFilter() throws {
        let program = try compile(
            """
            {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
              {"names": ["execve", "mkdirat"], "action": "SCMP_ACT_ALLOW"},
              {"name": "openat", "action": "SCMP_ACT_ALLOW",
               "args": [{"index": 2, "value": 64, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
              {"names": ["fchown"], "action": "SCMP_ACT_KILL_PROCESS", "args": null, "comment": "x"}]}
            """)
        let (allow, error) = (UInt32(0x7FFF_0000), UInt32(0x0005_0026))
        #expect(try answer(program, .execve) == allow)
        #expect(try answer(program, .mkdirat) == allow)
        #expect(try answer(program, .openat, 0, 0, 1) == allow)
        #expect(try answer(program, .openat, 0, 0, 65) == error)
        #expect(try answer(program, .setuid) == error)
        #expect(try answer(program, .fchown) == 0x8000_0000)
        // Another interface of the kernel is no way around.
        #expect(FilterMachine.answer(program, number: 11, architecture: 0x4000_0003).map { $0 & 0xFFFF_0000 } != allow)
        let filter = ProgramAttributes.Filter(program: program, cause: .init(reason: "", origin: ""))
        #expect(filter.problem == nil && !filter.tells)
    }

    @Test func rulesDependOnCapabilitiesAndKernel() throws {
        let text = """
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
              {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
              {"names": ["symlinkat"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_CHOWN"]}},
              {"names": ["fchown"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "5.4"}},
              {"names": ["fchownat"], "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["s390x"]}}]}
            """
        let admin = UInt64(1) << 21
        #expect(try answer(try compile(text), .mkdirat) == 0x0005_0001)
        #expect(try answer(try compile(text, capabilities: admin), .mkdirat) == 0x7FFF_0000)
        #expect(try answer(try compile(text), .symlinkat) == 0x7FFF_0000)
        #expect(try answer(try compile(text, capabilities: 1), .symlinkat) == 0x0005_0001)
        #expect(try answer(try compile(text, kernel: "4.19.0-5"), .fchown) == 0x7FFF_0000)
        #expect(try answer(try compile(text, kernel: "5.4.0"), .fchown) == 0x0005_0001)
        #expect(try answer(try compile(text), .fchownat) == 0x7FFF_0000)
    }

    @Test(arguments: [
        (#"{}"#, "it has no defaultAction"), (#"[]"#, "the profile is no object"),
        (#"{"defaultAction":"SCMP_ACT_FOO"}"#, "the action SCMP_ACT_FOO is not known"),
        (#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, "SCMP_ACT_NOTIFY asks a listener"),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","more":1}"#, "the profile has the member more, which is not known"),
        (
            #"{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"]}"#,
            "the flag SECCOMP_FILTER_FLAG_LOG"
        ),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_S390X"]}"#, "it is for SCMP_ARCH_S390X"),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_ALLOW"}]}"#, "names no system call"),
        (
            #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["nosuch"],"action":"SCMP_ACT_ERRNO"}]}"#,
            "it restricts the system call nosuch, which this libseccomp does not know"
        ),
        (
            #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_X"]}}]}"#,
            "the capability CAP_X is not known"
        ),
        (
            #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}"#,
            "an argument has no index from 0 to 5"
        ),
        (#"{"defaultAction":"SCMP_ACT_ALLOW","#, "not valid JSON at byte 34"),
    ])
    func whatIsNotUnderstoodIsRefused(text: String, reason: String) {
        #expect(problem(text).contains("cannot use seccomp profile p.json: "), "\(problem(text))")
        #expect(problem(text).contains(reason), "\(problem(text))")
    }

    /// A rule that only grants something may name calls of newer kernels.
    @Test func unknownCallsMayBeGranted() throws {
        let text =
            #"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["nosuch","execve"],"action":"SCMP_ACT_ALLOW"}]}"#
        #expect(try answer(try compile(text), .execve) == 0x7FFF_0000)
    }

    @Test func aFilterThatForbidsExecIsRefused() throws {
        let program = try compile(#"{"defaultAction":"SCMP_ACT_ERRNO"}"#)
        let filter = ProgramAttributes.Filter(program: program, cause: .init(reason: "", origin: ""))
        #expect(filter.problem == "it forbids execve(2), with which every program starts")
    }

    @Test func theProfileThatComesWithSkiffIsGood() throws {
        let text = try readFile(repository + "/Share/etc/seccomp-default.json")
        let program = try SeccompCompiler("default").compile(text, capabilities: 0, kernel: "6.1.0")
        #expect(try answer(program, .execve) == 0x7FFF_0000)
        #expect(FilterMachine.answer(program, number: 250, architecture: 0xC000_003E) == 0x0005_0026, "keyctl: ENOSYS")
        #expect(program.count / 8 < 200, "\(program.count / 8) instructions")
        let filter = ProgramAttributes.Filter(program: program, cause: .init(reason: "", origin: ""))
        #expect(filter.problem == nil && filter.tells)
    }

    @Test func resultsAreKept() throws {
        let scratch = try Scratch()
        let cache = SeccompCache(directory: scratch.path + "/seccomp")
        let key = SeccompCache.Key(profile: Array("{}".utf8), capabilities: 3, kernel: "6.1")
        #expect(cache.filter(key) == nil)
        cache.keep([6, 0, 0, 0, 0, 0, 255, 127], for: key)
        #expect(cache.filter(key) == [6, 0, 0, 0, 0, 0, 255, 127])
        #expect(cache.filter(.init(profile: Array("{}".utf8), capabilities: 2, kernel: "6.1")) == nil)
        // An entry that others can have written counts for nothing.
        let directory = try open(scratch.path + "/seccomp", 0)
        let name = try #require(try entries(of: directory.raw).first).text
        try Linux.chmod(scratch.path + "/seccomp/" + name, 0o666)
        #expect(cache.filter(key) == nil)
    }
}
