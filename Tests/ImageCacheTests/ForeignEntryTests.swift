import Base
import CLinux
import Foundation
import Linux
import Testing

@testable import ImageCache

/// What somebody else can have put into a cache is not used.
@Suite struct ForeignEntryTests {
    private let cache = CacheDirectory(root: NSTemporaryDirectory() + "skiff-cache-\(UUID().uuidString)")

    /// Ways to plant a file, of those that need no other user.
    private static let plants: [(name: String, plant: @Sendable (String) throws -> Void)] = [
        (
            "0666",
            { path in
                try writeFile(path, [9], mode: 0o600); try Linux.chmod(path, 0o666)
            }
        ),
        (
            "0620",
            { path in
                try writeFile(path, [9], mode: 0o600); try Linux.chmod(path, 0o620)
            }
        ),
        ("link", { path in try makeSymlink("/etc/passwd", at: path) }),
        ("dangling link", { path in try makeSymlink("/nonexistent", at: path) }),
        ("FIFO", { path in try makeNode(path, mode: SKL_S_IFIFO | 0o600) }),
    ]

    @Test func entriesOfOthersAreReplaced() throws {
        defer { try? removeTree(cache.root) }
        for (name, plant) in Self.plants {
            let path = try cache.make(.net) + "/entry"
            try plant(path)
            #expect(cache.find(.net, "entry") == nil, "\(name)")
            #expect((try? status(path, follow: false)) != nil, "a question removes nothing: \(name)")
            _ = try cache.create(.net, "entry") { (part: String) throws(SkiffError) in
                try during("write") { () throws(Errno) in try writeFile(part, [1], mode: 0o700) }
            }
            #expect(try cache.find(.net, "entry") == path && readFile(path) == [1], "\(name)")
            try unlink(path)
        }
    }

    /// Whatever the umask, an entry is ours alone.
    @Test func entriesAreSealed() throws {
        defer { try? removeTree(cache.root) }
        let path = try cache.create(.net, "a") { (path: String) throws(SkiffError) in
            try during("write") { () throws(Errno) in
                try writeFile(path, [1], mode: 0o600)
                try Linux.chmod(path, 0o777)
            }
        }
        #expect(try status(path).permissions == 0o755)
        #expect(cache.find(.net, "a") == path)
    }

    @Test func foldersOthersMayWriteAreRefused() throws {
        defer { try? removeTree(cache.root) }
        for place in [cache.root, cache.root + "/net"] {
            _ = try cache.make(.net)
            try Linux.chmod(place, 0o777)
            #expect(throws: SkiffError.self) { try cache.make(.net) }
            #expect(throws: SkiffError.self) { try cache.create(.net, "a") { (_) throws(SkiffError) in } }
            try Linux.chmod(place, 0o700)
        }
        _ = try cache.make(.net)
    }

    /// Nobody waits for a lease that nobody of ours holds.
    @Test func leasesOfOthersStopNobody() throws {
        defer { try? removeTree(cache.root) }
        for (name, plant) in Self.plants {
            try plant(try cache.make("leases") + "/x")
            let lease = try Lease.take("x", in: cache) { false }
            #expect(lease != nil, "\(name)")
            lease?.release()
        }
        try makeDirectories(try cache.make("leases") + "/x/inside")
        let lease = try Lease.take("x", in: cache) { false }
        #expect(lease != nil)
    }

    @Test func resultsOfOthersAreNotFound() throws {
        defer { try? removeTree(cache.root) }
        let store = StepStore(path: try cache.make("build"), quota: .max, removing: { try? removeTree($0) })
        let scratch = store.chooseScratch()
        try store.makeScratch(scratch)
        func keep(_ key: String) throws -> String {
            let record = StepRecord(
                title: "t", parent: "", instance: try StepStore.newInstance(), facts: [], time: 1, size: 1)
            _ = try store.keep(try store.begin(in: scratch), as: key, record, notes: [:], replaces: true)
            return store.path + "/" + key
        }
        #expect(try store.find(lastComponent(keep("k"))) != nil)
        for change in [
            { path in try Linux.chmod(path, 0o777) }, { path in try Linux.chmod(path + "/record", 0o666) },
            { path in
                try Linux.rename(path, to: path + ".away")
                try makeSymlink(path + ".away", at: path)
            },
            { path in
                try Linux.rename(path + "/record", to: path + "/other")
                try makeSymlink("other", at: path + "/record")
            },
        ] as [(String) throws -> Void] {
            let path = try keep("k")
            #expect(store.find("k") != nil)
            try change(path)
            #expect(store.find("k") == nil)
            store.tidy()
            #expect((try? status(path, follow: false)) == nil, "what is not believed goes")
        }
    }

    @Test func mountsOfOthersAreRefused() throws {
        defer { try? removeTree(cache.root) }
        let store = StepStore(path: try cache.make("build"), quota: .max, removing: { try? removeTree($0) })
        func use() throws { _ = try store.mount("k", name: "n", isAlone: false) { (_) throws(SkiffError) in } }
        try use()
        try Linux.chmod(store.path + "/mount.k", 0o777)
        #expect(throws: SkiffError.self) { try use() }
        try Linux.chmod(store.path + "/mount.k", 0o700)
        try use()
        try Linux.rename(store.path + "/mount.k", to: store.path + "/other")
        try makeSymlink("other", at: store.path + "/mount.k")
        #expect(throws: SkiffError.self) { try use() }
    }
}
