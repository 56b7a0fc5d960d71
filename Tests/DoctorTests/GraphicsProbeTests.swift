import CLinux
import Linux
import TestSupport
import Testing

@testable import Doctor

/// The faults of a GPU's driver, on hosts that are directories.
@Suite struct GraphicsProbeTests {
    private static let cache = repository + "/Tests/Fuzz/LinkerCache/seeds/new"

    private func findings(_ make: (String) throws -> Void) throws -> [Finding] {
        let scratch = try Scratch()
        for folder in ["/dev/dri", "/etc"] { try makeDirectories(scratch.path + folder) }
        try make(scratch.path)
        return GraphicsProbe(below: scratch.path).findings()
    }

    private func write(_ path: String, _ bytes: [UInt8] = [], mode: mode_t = 0o666) throws {
        try writeFile(path, bytes, mode: mode)
        try chmod(path, mode)
    }

    @Test func hostsWithoutAGPU() throws {
        #expect(try findings { _ in }.isEmpty)
        #expect(try findings { try write($0 + "/etc/ld.so.cache", Array("glibc-ld".utf8)) }.isEmpty)
    }

    @Test func nodesAndLibraries() throws {
        let fine = try findings { root in
            try write(root + "/dev/nvidiactl")
            try write(root + "/etc/ld.so.cache", try readFile(Self.cache))
        }
        #expect(fine.map(\.level) == [.fine])
    }

    @Test func faults() throws {
        let cases: [(String, (String) throws -> Void, fact: String, cure: String)] = [
            (
                "no library",
                {
                    try write($0 + "/dev/nvidiactl"); try write($0 + "/etc/ld.so.cache", Self.emptyCache)
                },
                "no libcuda.so.1", "ldconfig as root"
            ),
            (
                "no node", { try write($0 + "/etc/ld.so.cache", try readFile(Self.cache)) }, "no /dev/nvidiactl",
                "nvidia-modprobe"
            ),
            ("no cache", { try write($0 + "/dev/nvidiactl") }, "cannot be read", "ldconfig as root"),
            (
                "a damaged cache",
                {
                    try write($0 + "/dev/kfd"); try write($0 + "/etc/ld.so.cache", [1, 2, 3])
                },
                "cannot be read", "ldconfig as root"
            ),
        ]
        for (name, make, fact, cure) in cases {
            let found = try findings(make)
            #expect(
                found.contains {
                    $0.level == .warning && $0.fact.contains(fact) && $0.cure?.contains(cure) == true
                        && $0.effect != nil
                }, "\(name): \(found)")
        }
    }

    /// Root can read and write every file.
    @Test(.enabled(if: effectiveUID() != 0)) func nodesThatAreKept() throws {
        let found = try findings { root in
            try write(root + "/dev/dri/renderD128", mode: 0o600)
            try chmod(root + "/dev/dri/renderD128", 0)
            try write(root + "/etc/ld.so.cache", try readFile(Self.cache))
        }
        #expect(found.contains { $0.cure?.contains("usermod -a -G video,render") == true }, "\(found)")
    }

    /// `glibc-ld.so.cache1.1` without entries.
    private static let emptyCache = Array("glibc-ld.so.cache1.1".utf8) + [UInt8](repeating: 0, count: 28)
}
