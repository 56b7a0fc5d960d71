import Base
import Core
import Linux
import Testing

@testable import Bundles

/// What config.json may say, and how it is told what it may not.
@Suite struct ConfigurationTests {
    /// The least that a container needs, with more members of the document, of `process` and of `linux`.
    static func text(_ more: String = "", process: String = "", linux: String = "") -> String {
        """
        {"ociVersion": "1.0.2", "root": {"path": "rootfs"},
         "process": {"args": ["sh"], "cwd": "/"\(process.isEmpty ? "" : ", " + process)},
         "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "uts"}, {"type": "network"}]\(linux.isEmpty ? "" : ", " + linux)}\(more.isEmpty ? "" : ", " + more)}
        """
    }

    private func read(_ text: String) throws -> BundleConfiguration {
        try BundleConfiguration(parsing: Array(text.utf8))
    }

    private func refusal(_ text: String) -> String {
        do {
            _ = try read(text)
            return "nothing was refused"
        } catch {
            return "\(error)"
        }
    }

    @Test func theLeastIsRead() throws {
        let configuration = try read(Self.text())
        #expect(configuration.root == "rootfs" && !configuration.isReadOnly)
        #expect(configuration.process?.arguments == ["sh"] && configuration.process?.umask == 0o22)
        #expect(configuration.namespaces.map(\.kind) == [.mount, .pid, .uts, .network])
        #expect(configuration.limits.isEmpty && configuration.seccomp == nil && configuration.cgroup == nil)
    }

    @Test func everythingOfTheProgramIsRead() throws {
        let more = """
            "terminal": true, "consoleSize": {"height": 24, "width": 80}, "env": ["A=b", "C="], "noNewPrivileges": true,
            "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [3, 4]}, "oomScoreAdj": -5,
            "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
              "inheritable": ["CAP_CHOWN"], "ambient": ["CAP_KILL", "CAP_CHOWN"]},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 18446744073709551615}]
            """
        let process = try #require(try read(Self.text(process: more)).process)
        #expect(process.hasTerminal && process.size == TerminalSize(rows: 24, columns: 80))
        #expect(process.environment == ["A=b", "C="] && process.noNewPrivileges && process.outOfMemoryScore == -5)
        #expect(process.user == ProgramUser(uid: 1, gid: 2, groups: [3, 4]) && process.umask == 0o77)
        let sets = process.capabilities
        #expect([sets.bounding, sets.effective, sets.permitted, sets.inheritable] == [0b100001, 1 << 5, 1 << 5, 1])
        // The kernel has no ambient ones that are not both permitted and inheritable.
        #expect(sets.ambient == 0)
        #expect(process.limits.map(\.value) == [ResourceLimit(soft: 10, hard: .max)])
    }

    @Test func mountsAreRead() throws {
        let mounts = """
            "mounts": [
              {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
              {"destination": "data/../x", "type": "bind", "source": "/srv", "options": ["rbind", "ro", "rprivate"]},
              {"destination": "/run", "type": "tmpfs", "source": "tmpfs",
               "options": ["mode=755", "size=1k", "tmpcopyup", "noatime", "rro", "slave"]},
              {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}]
            """
        let configuration = try read(Self.text(mounts))
        #expect(
            configuration.mounts[0]
                == BundleMount(
                    .filesystem(type: "proc", source: "proc", options: []), at: "/proc",
                    [.init(set: [.noSuid, .noExec, .noDev])], name: "mounts[0]"))
        #expect(
            configuration.mounts[1]
                == BundleMount(
                    .bind("/srv", isRecursive: true), at: "/x",
                    [.init(set: .readOnly), .init(propagation: .private, isRecursive: true)], name: "mounts[1]"))
        let memory = configuration.mounts[2]
        #expect(memory.copiesUp && memory.isInMemory)
        #expect(memory.source == .filesystem(type: "tmpfs", source: "tmpfs", options: ["mode=755", "size=1k"]))
        #expect(
            memory.changes == [
                .init(set: .noAccessTimes, clear: .accessTimes), .init(set: .readOnly, isRecursive: true),
                .init(propagation: .slave),
            ])
        #expect(configuration.cgroupMounts.keys.sorted() == [3])
    }

    @Test func resourcesAreRead() throws {
        let resources = """
            "resources": {"memory": {"limit": 1000, "swap": 2000, "swappiness": 0}, "pids": {"limit": 7},
              "cpu": {"shares": 0, "quota": 5000, "period": 10000, "cpus": "0-1"},
              "unified": {"memory.high": "max"},
              "blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 5}]},
              "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "access": "r"}]}
            """
        let limits = try read(Self.text(linux: resources)).limits
        #expect(
            limits.map { "\($0.name.rawValue) \($0.subject) \($0.value)" } == [
                "memory.limit  1000", "memory.swap  2000", "memory.swappiness  0", "cpu.quota  5000",
                "cpu.period  10000", "cpu.cpus  0-1", "pids.limit  7", "blockIO.throttleReadBpsDevice 8:0 5",
                "unified memory.high max", "devices a deny rwm", "devices c 1:* allow r",
            ])
        #expect(limits[0].cause.reason == "linux.resources.memory.limit" || !limits[0].cause.reason.isEmpty)
    }

    @Test func theRestIsRead() throws {
        let more = """
            "hostname": "box", "domainname": "lan", "annotations": {"a": "b"},
            "hooks": {"poststop": [{"path": "/bin/x", "args": ["x", "y"], "env": ["A=1"], "timeout": 3}]}
            """
        let linux = """
            "sysctl": {"net.ipv4.ip_forward": "1"}, "cgroupsPath": "/a/b", "rootfsPropagation": "private",
            "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"],
            "devices": [{"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 438}],
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}
            """
        let configuration = try read(Self.text(more, linux: linux))
        #expect(configuration.hostname == "box" && configuration.domainName == "lan")
        #expect(configuration.annotations.map(\.name) == ["a"] && configuration.cgroup == "/a/b")
        #expect(!configuration.receivesMounts && configuration.propagation == nil)
        #expect(configuration.hooks[.poststop]?.first?.timeout == 3)
        #expect(configuration.maskedPaths.map(\.destination) == ["/proc/kcore"])
        #expect(configuration.readOnlyPaths.map(\.source) == [.readOnly])
        let node = Mount.Node(isBlock: false, major: 10, minor: 229, mode: 0o666, uid: 0, gid: 0)
        #expect(configuration.devices.map(\.source) == [.device(node)])
        #expect(configuration.seccomp == #"{"defaultAction":"SCMP_ACT_ALLOW"}"#)
    }

    /// What is not carried out is refused by its place.
    @Test(arguments: [
        ("\"foo\": 1", "foo: it is not known"),
        ("\"windows\": {}", "windows: it is for another system"),
        ("\"hostname\": 5", "hostname: it must be a text"),
        ("\"mounts\": {}", "mounts: it must be a list"),
        ("\"mounts\": [{\"type\": \"tmpfs\"}]", "mounts[0]: destination is missing"),
        ("\"mounts\": [{\"destination\": \"/\", \"type\": \"tmpfs\"}]", "mounts[0].destination: the root is"),
        ("\"mounts\": [{\"destination\": \"/a\"}]", "mounts[0]: type is missing"),
        ("\"mounts\": [{\"destination\": \"/a\", \"type\": \"bind\"}]", "mounts[0]: source is missing"),
        (
            "\"mounts\": [{\"destination\": \"/a\", \"source\": \"/b\", \"options\": [\"bind\", \"foo\"]}]",
            "mounts[0]: 'foo' is no option of a bind"
        ),
        (
            "\"mounts\": [{\"destination\": \"/a\", \"type\": \"proc\", \"options\": [\"rshared\"]}]",
            "mounts[0].options[0]: mounts of the container would appear on the host"
        ),
        (
            "\"mounts\": [{\"destination\": \"/a\", \"type\": \"proc\", \"uidMappings\": []}]",
            "mounts[0].uidMappings: mounts with ids"
        ),
        ("\"hooks\": {\"prestart\": [{\"path\": \"x\"}]}", "hooks.prestart[0].path: it must be absolute"),
        ("\"hooks\": {\"prestop\": []}", "hooks.prestop: it is not known"),
        ("\"hostname\": \"a\\u0000b\"", "hostname: it must not hold a NUL"),
    ])
    func whatIsWrongIsNamed(_ more: String, _ wanted: String) {
        let found = refusal(Self.text(more))
        #expect(found.contains("config.json: " + wanted), "\(found)")
    }

    @Test(arguments: [
        ("\"intelRdt\": {}", "linux.intelRdt: skiff has no classes"),
        ("\"rootfsPropagation\": \"shared\"", "linux.rootfsPropagation: 'shared' is not"),
        ("\"resources\": {\"cpu\": {\"idle\": 1}}", "linux.resources.cpu.idle: skiff does not"),
        ("\"resources\": {\"cpu\": {\"shares\": 1}}", "linux.resources.cpu.shares: 1 is out of range"),
        ("\"resources\": {\"unified\": {\"../x\": \"1\"}}", "linux.resources.unified.../x: it is no file"),
        ("\"uidMappings\": [{\"containerID\": 0, \"hostID\": 1, \"size\": 1}]", "a new user namespace and both"),
        ("\"sysctl\": {\"kernel.panic\": \"1\"}", "linux.sysctl.kernel.panic is not of a namespace"),
        ("\"sysctl\": {\"net/../kernel\": \"1\"}", "is not of a namespace"),
        ("\"devices\": [{\"type\": \"p\", \"path\": \"/dev/x\"}]", "linux.devices[0].type: 'p' is no device"),
        ("\"maskedPaths\": [\"x\"]", "linux.maskedPaths[0]: 'x' must be an absolute path"),
        ("\"mountLabel\": \"x\"", "linux.mountLabel: skiff labels no mounts"),
    ])
    func whatIsWrongOfLinuxIsNamed(_ linux: String, _ wanted: String) {
        let found = refusal(Self.text(linux: linux))
        #expect(found.contains(wanted), "\(found)")
    }

    @Test(arguments: [
        ("\"scheduler\": {}", "process.scheduler: skiff leaves scheduling"),
        ("\"env\": [\"A\"]", "process.env[0]: 'A' is not NAME=VALUE"),
        ("\"user\": {\"uid\": 4294967295, \"gid\": 0}", "process.user.uid: 4294967295 is out of range"),
        ("\"user\": {\"uid\": -1, \"gid\": 0}", "process.user.uid: -1 is out of range"),
        ("\"capabilities\": {\"effective\": [\"CAP_KILL\"]}", "process.capabilities: what is effective must be"),
        ("\"capabilities\": {\"bounding\": [\"KILL\"]}", "process.capabilities.bounding[0]: 'KILL' is no capability"),
        ("\"rlimits\": [{\"type\": \"RLIMIT_X\", \"soft\": 1, \"hard\": 1}]", "process.rlimits[0].type: 'RLIMIT_X'"),
        ("\"rlimits\": [{\"type\": \"RLIMIT_CPU\", \"soft\": 2, \"hard\": 1}]", "process.rlimits[0]: soft is above"),
        ("\"oomScoreAdj\": 1001", "process.oomScoreAdj: 1001 is out of range"),
        ("\"cwd\": \"/x\"", "process.cwd: it stands twice"),
        ("\"apparmorProfile\": \"a\", \"selinuxLabel\": \"b\"", "process.selinuxLabel: a program has one label"),
    ])
    func whatIsWrongOfTheProgramIsNamed(_ process: String, _ wanted: String) {
        let found = refusal(Self.text(process: process))
        #expect(found.contains(wanted), "\(found)")
    }

    @Test func damagedTextIsNamedByLineAndColumn() {
        #expect(refusal("{\n  \"ociVersion\": }").contains("line 2, column 17: it must have a value there"))
        #expect(refusal("").contains("line 1, column 1"))
        #expect(refusal("[]").contains("config.json: it must be an object"))
        #expect(refusal("{\"ociVersion\": \"2.0.0\"}").contains("ociVersion: '2.0.0' is no version"))
    }

    @Test func aMountNamespaceIsNeeded() {
        let text = #"{"ociVersion": "1.0.2", "root": {"path": "r"}, "process": {"args": ["x"], "cwd": "/"}}"#
        #expect(refusal(text).contains("linux.namespaces has no mount namespace"))
        let joined = Self.text().replacing("\"type\": \"mount\"", with: "\"type\": \"mount\", \"path\": \"/x\"")
        #expect(refusal(joined).contains("linux.namespaces[0]: the container's mounts need"))
    }

    @Test func namesOfContainers() {
        for name in ["a", "A-b_c.d+1", String(repeating: "x", count: 255)] { #expect(ContainerStore.isName(name)) }
        for name in ["", ".", "..", "a/b", "a b", "é", String(repeating: "x", count: 256), "a\n"] {
            #expect(!ContainerStore.isName(name), "\(name)")
        }
    }

    @Test func theRecordComesBack() {
        var record = ContainerRecord()
        record.first = .init(pid: 5, start: 6, boot: "b")
        (record.bundle, record.root, record.version) = ("/a b", "/r", "1.0.2")
        (record.created, record.owner, record.cgroups) = (9, 3, ["/c"])
        #expect(ContainerRecord(encoded: record.encoded) == record)
        #expect(ContainerRecord(encoded: Array(record.encoded.dropLast())) == nil)
        #expect(ContainerRecord(encoded: []) == nil)
    }
}
