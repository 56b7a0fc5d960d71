import CLinux
import TestSupport
import Testing

@testable import Linux

/// Mounts that are attached nowhere: nothing on the host can see them, and they end with their descriptors.
@Suite(.needs(.root)) struct DetachedMountTests {
    private func makeTmpfs(_ attributes: MountAttributes = []) throws -> OwnedFD {
        try newFilesystem("tmpfs", source: "skiff-test", options: [("size", "1m")], attributes: attributes)
    }

    @Test func filesystemIsThereAtOnce() throws {
        let mount = try makeTmpfs()
        try writeFile("file", [1, 2], mode: 0o644, at: mount.raw)
        #expect(try readFile("file", at: mount.raw) == [1, 2])
        #expect(try filesystemType(of: mount.raw) == 0x0102_1994)
        #expect(try !String(decoding: readFile("/proc/self/mountinfo"), as: UTF8.self).contains("skiff-test"))
    }

    @Test func optionsHold() throws {
        let mount = try makeTmpfs()
        #expect(throws: Errno.noSpace) {
            try writeFile("file", [UInt8](repeating: 1, count: 2 << 20), mode: 0o644, at: mount.raw)
        }
        #expect(throws: Errno.invalidArgument) {
            _ = try newFilesystem("tmpfs", source: "skiff-test", options: [("size", "many")])
        }
        #expect(throws: Errno.noSuchDevice) { _ = try newFilesystem("no-such-type", source: "skiff-test") }
    }

    @Test func copiesHaveAttributesOfTheirOwn() throws {
        let mount = try makeTmpfs()
        let copy = try cloneTree("", at: mount.raw)
        try setAttributes(copy.raw, set: [.readOnly, .noDev], recursive: true)
        #expect(throws: Errno.readOnlyFilesystem) { try writeFile("file", [], mode: 0o644, at: copy.raw) }
        try writeFile("file", [1], mode: 0o644, at: mount.raw)
        #expect(try readFile("file", at: copy.raw) == [1])
        #expect(mountID(of: mount.raw) != nil && mountID(of: mount.raw) != mountID(of: copy.raw))
    }

    @Test func programsOnNoExecMountsDoNotStart() throws {
        let mount = try makeTmpfs(.noExec)
        try writeFile("program", readFile("/bin/true"), mode: 0o755, at: mount.raw)
        #expect(throws: Errno.accessDenied) {
            try spawn("/proc/\(processID())/fd/\(mount.raw)/program", ["program"], environment: [])
        }
    }
}
