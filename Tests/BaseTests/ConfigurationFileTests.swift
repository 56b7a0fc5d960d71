import CLinux
import Foundation
import Linux
import Testing

@testable import Base

/// Whose configuration root obeys.
@Suite struct ConfigurationFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "skiff-trust-\(UInt64.random(in: .min ... .max))"
    ).path

    private func refusal(_ trust: Trust, _ path: String) throws -> String? {
        let file = try open(path, O_RDONLY)
        do throws(SkiffError) {
            try trust.check(open: file.raw, path)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func fileAndDirectoriesMustBelongToSomebodyWhoIsTrusted() throws {
        try makeDirectory(folder)
        defer { try? removeTree(folder) }
        let path = folder + "/c"
        try writeFile(path, [], mode: 0o644)
        let own = Trust(requiring: [effectiveUID()])
        #expect(try refusal(own, path) == nil)
        for mode: mode_t in [0o664, 0o646] {
            try chmod(path, mode)
            #expect(
                try refusal(own, path) == "cannot trust \(path): group or others may write it. Run chmod go-w \(path)")
        }
        try chmod(path, 0o644)
        #expect(
            try refusal(Trust(requiring: [effectiveUID() + 1]), path)
                == "cannot trust \(path): it belongs to uid \(effectiveUID()). Root obeys only files of root: chown root "
                + path)
        #expect(try refusal(Trust(isPrivileged: false), path) == nil)
        try chmod(folder, 0o777)
        #expect(try refusal(own, path) != nil)
        // Others may make names in a sticky directory, and cannot replace ours.
        try chmod(folder, 0o1777)
        #expect(try refusal(own, path) == nil)
        // A link is followed to what it leads to.
        try makeSymlink("/etc/passwd", at: folder + "/link")
        #expect(try refusal(Trust(requiring: [0]), folder + "/link") == nil)
    }

    @Test func anAbsentFileIsNothing() throws {
        #expect(try ConfigurationFile(folder + "/none", .user).read(limit: 100) == nil)
        #expect(try ConfigurationFile("/etc/passwd/x", .administrator).read(limit: 100) == nil)
        #expect(throws: SkiffError.self) { try ConfigurationFile("/etc", .user).read(limit: 100) }
    }

    /// Whoever owns the program, or a directory above it, could replace it.
    @Test func ownersOfTheProgramAreTrusted() {
        let initial = UserIDMap(parsing: Array("0 0 4294967295\n".utf8))
        #expect(Trust(uidMap: initial, programOwners: []).owners == [0])
        #expect(Trust(uidMap: initial, programOwners: [1000, 0]).owners == [0, 1000])
        let trust = Trust(uidMap: initial, programOwners: [1000, 0])
        #expect(trust.trusts(1000, isAncestor: true) && !trust.trusts(1001, isAncestor: false))
    }
}
