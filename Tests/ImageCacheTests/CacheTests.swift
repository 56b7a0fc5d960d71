import CLinux
import Core
import Foundation
import ImageCache
import Linux
import Synchronization
import Testing

@Suite struct CacheTests {
    private func folder() -> String {
        let path = NSTemporaryDirectory() + "skiff-cache-\(UUID().uuidString)"
        return path
    }

    @Test func entriesAppearWholeOrNotAtAll() throws {
        let root = folder()
        defer { try? FileManager.default.removeItem(atPath: root) }
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
        let root = folder()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let cache = CacheDirectory(root: root)
        _ = try cache.make(.library)
        try makeDirectories(root + "/library/old/inside")
        #expect(cache.find(.library, "old") == nil)
        #expect(throws: Errno.self) { try status(root + "/library/old") }
    }

    @Test func quotaKeepsWhatWasUsedLast() throws {
        let root = folder()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let cache = CacheDirectory(root: root, quota: 2500)
        for (number, name) in ["a", "b", "c"].enumerated() {
            _ = try cache.create(.oras, name) { (path: String) throws(SkiffError) in
                try during("write") { () throws(Errno) in
                    try writeFile(path, [UInt8](repeating: 0, count: 1000), mode: 0o700)
                }
            }
            try setTimes(try PathBytes(Array((root + "/oras/" + name).utf8)), seconds: Int64(number + 1), at: AT_FDCWD)
            if name == "b" { _ = cache.find(.oras, "a") }
        }
        #expect(cache.files(.oras).map(\.name) == ["a", "c"])
    }

    @Test func oneOfManyDoesTheWork() throws {
        let root = folder()
        defer { try? FileManager.default.removeItem(atPath: root) }
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
        let root = folder()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let cache = CacheDirectory(root: root)
        let folder = try cache.make("leases")
        let boot = try String(decoding: readFile("/proc/sys/kernel/random/boot_id"), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let dead = "\(boot) \(try readLink("/proc/self/ns/pid")) \(getpid()) 1 77\n"
        try writeFile(folder + "/x", Array(dead.utf8), mode: 0o600)
        let lease = try Lease.take("x", in: cache) { false }
        #expect(lease != nil)
        lease?.release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
}

private final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .sequentiallyConsistent) }
    @discardableResult func add(_ more: Int) -> Int { number.add(more, ordering: .sequentiallyConsistent).newValue }
    func raise(to other: Int) { number.max(other, ordering: .sequentiallyConsistent) }
}
