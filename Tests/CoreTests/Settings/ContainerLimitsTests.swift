import Base
import Foundation
import Linux
import Testing

@testable import Core

@Suite struct ContainerLimitsTests {
    private func refusal(
        uid: UInt32 = 0, gid: UInt32 = 0, path: String = "/usr/x.sif", _ change: (inout Settings) -> Void
    )
        -> String?
    {
        var settings = Settings()
        change(&settings)
        do throws(SkiffError) {
            try ContainerLimits(settings)?.check("x.sif", uid: uid, gid: gid, realPath: path)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func nothingIsLimitedByDefault() { #expect(ContainerLimits(Settings()) == nil) }

    @Test func ownersAndGroupsAreNames() {
        #expect(refusal { $0.limitContainerOwners = ["nobody", "root"] } == nil)
        #expect(
            refusal(uid: 4_000_000) { $0.limitContainerOwners = ["root"] }
                == "cannot run x.sif: it does not belong to a user that the configuration allows. "
                + "The administrator set limit container owners = root")
        #expect(refusal { $0.limitContainerOwners = ["no such user"] } != nil)
        #expect(refusal { $0.limitContainerGroups = ["root"] } == nil)
        #expect(refusal(gid: 4_000_000) { $0.limitContainerGroups = ["root"] } != nil)
    }

    @Test func pathsAreComparedByWholeNames() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skiff-limits-\(processID())")
        try FileManager.default.createDirectory(at: folder.appending(path: "data"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "link"), withDestinationURL: folder.appending(path: "data"))
        defer { try? FileManager.default.removeItem(at: folder) }
        let real = try realPath(folder.path + "/data")
        for (path, allowed, isAllowed) in [
            (real + "/x.sif", "data", true), (real + "/deep/x.sif", "link", true), (real, "data", false),
            (real + "base/x.sif", "data", false), (real + "/x.sif", "missing", false),
        ] {
            #expect(
                (refusal(path: path) { $0.limitContainerPaths = [folder.path + "/" + allowed] } == nil) == isAllowed,
                "\(path) below \(allowed)")
        }
        #expect(refusal { $0.limitContainerPaths = ["usr"] } != nil)
    }

    @Test func allLimitsMustHold() {
        #expect(
            refusal(uid: 4_000_000) { ($0.limitContainerOwners, $0.limitContainerPaths) = (["root"], ["/usr"]) } != nil)
        #expect(refusal { ($0.limitContainerOwners, $0.limitContainerPaths) = (["root"], ["/usr"]) } == nil)
    }
}
