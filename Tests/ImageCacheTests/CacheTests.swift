import Base
import CLinux
import Foundation
import Linux
import Synchronization
import TestSupport
import Testing

@testable import ImageCache

@Suite struct CacheTests {
    private let scratch: Scratch
    private var root: String { scratch.path + "/cache" }

    init() throws { scratch = try Scratch() }

    @Test func entriesAppearWholeOrNotAtAll() throws {
        let cache = CacheDirectory(root: root)
        #expect(cache.find(.net, "a") == nil)
        #expect(throws: SkiffError.self) {
            try cache.create(.net, "a") { (path: String) throws(SkiffError) in
                try during("write") { () throws(Errno) in try writeFile(path, [1, 2], mode: 0o700) }
                throw SkiffError("the connection was cut")
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/net").isEmpty)
        let path = try cache.create(.net, "a") { (path: String) throws(SkiffError) in
            try during("write") { () throws(Errno) in try writeFile(path, [1, 2], mode: 0o700) }
        }
        #expect(cache.find(.net, "a") == path)
        #expect(try status(root).permissions == 0o700 && status(root + "/net").permissions == 0o700)
        cache.discard(.net, "a")
        #expect(cache.find(.net, "a") == nil)
    }

    @Test func oldDirectoryEntriesGoAway() throws {
        let cache = CacheDirectory(root: root)
        _ = try cache.make(.library)
        try makeDirectories(root + "/library/old/inside")
        #expect(cache.find(.library, "old") == nil)
        #expect(try status(root + "/library/old").isDirectory, "a question removes nothing")
        _ = try cache.create(.library, "old") { (path: String) throws(SkiffError) in
            try during("write") { () throws(Errno) in try writeFile(path, [1], mode: 0o700) }
        }
        #expect(cache.find(.library, "old") == root + "/library/old")
    }

    @Test func quotaKeepsWhatWasUsedLast() throws {
        let cache = CacheDirectory(root: root, quota: 2500)
        for (number, name) in ["a", "b", "c"].enumerated() {
            _ = try cache.create(.oras, name) { (path: String) throws(SkiffError) in
                try during("write") { () throws(Errno) in
                    try writeFile(path, [UInt8](repeating: 0, count: 1000), mode: 0o700)
                }
            }
            try setTimes(HostPath(root + "/oras/" + name), seconds: Int64(number + 1))
            if name == "b" { _ = cache.find(.oras, "a") }
        }
        #expect(cache.files(.oras).map(\.name) == ["a", "c"])
    }

    @Test func oneOfManyDoesTheWork() throws {
        let cache = CacheDirectory(root: root)
        let (working, most, done) = (Counter(), Counter(), Counter())
        inThreads(8) { _ in
            let lease = try? Lease.take("sha256:abc", in: cache) { done.value > 0 }
            guard let lease else { return }
            most.raise(to: working.add(1))
            pause(milliseconds: 20)
            working.add(-1)
            done.add(1)
            lease.release()
        }
        #expect(done.value == 1 && most.value == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/leases").isEmpty)
    }

    @Test func leaseOfADeadProcessIsTaken() throws {
        let cache = CacheDirectory(root: root)
        let folder = try cache.make("leases")
        let boot = try String(decoding: readFile("/proc/sys/kernel/random/boot_id"), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let namespace = try readLink("/proc/self/ns/pid").filter(\.isNumber)
        let dead = "\(boot) \(namespace) \(getpid()) 1 77\n"
        try writeFile(folder + "/x", Array(dead.utf8), mode: 0o600)
        let lease = try Lease.take("x", in: cache) { false }
        #expect(lease != nil)
        lease?.release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
}

/// What a killed process leaves in a cache that many share.
@Suite struct LeftoverTests {
    private let scratch: Scratch
    private let cache: CacheDirectory
    private let me = LeaseHolder.current.joined(by: "_").split(separator: "_").map(String.init)

    init() throws {
        scratch = try Scratch()
        cache = CacheDirectory(root: scratch.path + "/cache")
    }

    private func make(_ kind: CacheDirectory.Kind, _ words: [String], daysAgo: Int64 = 0) throws -> String {
        let path = try cache.make(kind) + "/" + words.joined(separator: "_")
        try writeFile(path, [1], mode: 0o600)
        try setTimes(HostPath(path), seconds: currentTime() - daysAgo * 86400)
        return path
    }

    private func remains(_ path: String) -> Bool { (try? status(path, follow: false)) != nil }

    @Test func namesTellTheOwner() throws {
        let name = UnfinishedEntry.name
        #expect(UnfinishedEntry.owner(name) == .current && UnfinishedEntry.owner(name)?.isAlive == true)
        #expect(name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x3A } && name.count < 200)
        for other in ["tmp_1234_abc", "tmp_", "tmp_123456789", "tmp______"] {
            #expect(UnfinishedEntry.owner(other)?.isAlive == nil)
        }
    }

    @Test func theDeadAreKnownOnThisHostOnly() throws {
        defer { try? removeTree(cache.root) }
        let (boot, namespace, pid, start) = (me[0], me[1], me[2], me[3])
        // A process that has ended, and one that has its number now.
        let child = try spawn("/bin/true", ["true"], environment: [])
        _ = try waitFor(child)
        let gone = try [
            make(.net, ["tmp", boot, namespace, "\(child)", "1", "a"]),
            make(.oras, ["tmp", boot, namespace, pid, "1", "a"]),
            make(.library, ["tmp", "other-host", namespace, pid, start, "a"], daysAgo: 8),
            make(.shub, ["tmp", boot, "1", pid, start, "a"], daysAgo: 8),
            make(.net, ["tmp", "123456789"], daysAgo: 8),
        ]
        let folder = try cache.make(.ociImages) + "/tmp_\(boot)_\(namespace)_\(child)_1_b"
        try makeDirectories(folder + "/inside")
        let stays = try [
            make(.net, ["tmp", boot, namespace, pid, start, "a"], daysAgo: 8), make(.net, ["0123abc"], daysAgo: 80),
            make(.library, ["tmp", "other-host", namespace, pid, start, "b"], daysAgo: 6),
            make(.shub, ["tmp", boot, "1", "\(child)", start, "b"]), make(.net, ["tmp", "1234", "abc"]),
        ]
        cache.removeLeftovers()
        for path in gone + [folder] { #expect(!remains(path), "\(path)") }
        for path in stays { #expect(remains(path), "\(path)") }
    }

    /// A lease is taken where something is written, and looks around once.
    @Test func whoWritesTidiesUp() throws {
        defer { try? removeTree(cache.root) }
        let left = try make(.net, ["tmp", me[0], me[1], me[2], "1", "a"])
        let leases = try cache.make("leases")
        for (name, words) in [
            ("dead", [me[0], me[1], me[2], "1"]), (".1-a", [me[0], me[1], me[2], "1"]), ("live", me),
        ] {
            try writeFile(leases + "/" + name, Array((words.joined(separator: " ") + " 5\n").utf8), mode: 0o600)
        }
        let lease = try Lease.take("x", in: cache) { false }
        #expect(!remains(left))
        lease?.release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: leases) == ["live"])
    }
}

private final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .sequentiallyConsistent) }
    @discardableResult func add(_ more: Int) -> Int { number.add(more, ordering: .sequentiallyConsistent).newValue }
    func raise(to other: Int) { number.max(other, ordering: .sequentiallyConsistent) }
}
