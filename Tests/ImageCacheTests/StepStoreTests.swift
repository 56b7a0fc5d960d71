import CLinux
import Foundation
import Linux
import TestSupport
import Testing

@testable import ImageCache

@Suite struct StepStoreTests {
    /// A store in a directory of its own, which goes with the value.
    private final class Fixture {
        private let directory: Scratch
        let store: StepStore
        let scratch: String

        init(quota: Int64 = 1 << 40) throws {
            directory = try Scratch()
            store = StepStore(path: directory.path, quota: quota, removing: { try? removeTree($0) })
            scratch = store.chooseScratch()
            try store.makeScratch(scratch)
        }

        func record(_ title: String, parent: String = "", size: Int64 = 10) throws -> StepRecord {
            StepRecord(
                title: title, parent: parent, instance: try StepStore.newInstance(),
                facts: [StepFact("its text", "a=b c")], time: 5, size: size)
        }

        func keep(_ key: String, _ content: String, size: Int64 = 10, replaces: Bool = false) throws -> KeptStep {
            let folder = try store.begin(in: scratch)
            try writeFile(folder + "/fs/file", Array(content.utf8), mode: 0o644)
            return try store.keep(
                folder, as: key, try record(key, size: size), notes: ["base": [1, 2]], replaces: replaces)
        }

        func content(_ step: KeptStep) throws -> String {
            String(decoding: try readFile("/proc/self/fd/\(step.descriptor)/file"), as: UTF8.self)
        }

        var names: [String] {
            get throws { try FileManager.default.contentsOfDirectory(atPath: store.path).sorted() }
        }
    }

    @Test func recordsComeBack() throws {
        let record = StepRecord(
            title: "2 %post", parent: "", instance: "i", facts: [StepFact("its text", "a=b c"), StepFact("x", "")],
            time: -1, size: 7, boot: "b")
        #expect(StepRecord(record.bytes) == record)
        for text in ["", "title x", "title\n", "title x\nparent \ninstance i\ntime x\nsize 1\nboot b\n"] {
            #expect(StepRecord(Array(text.utf8)) == nil)
        }
    }

    @Test func keysDependOnEverything() throws {
        let fact = StepFact("a", "b")
        let key = try StepStore.key(title: "t", parent: "p", facts: [fact])
        #expect(key.utf8.count == 40)
        #expect(try key == StepStore.key(title: "t", parent: "p", facts: [fact]))
        #expect(try key != StepStore.key(title: "t", parent: "q", facts: [fact]))
        #expect(try key != StepStore.key(title: "tp", parent: "", facts: [fact]))
        #expect(try key != StepStore.key(title: "t", parent: "p", facts: [StepFact("a", "c")]))
    }

    @Test func keptStepsAreFound() throws {
        let fixture = try Fixture()
        #expect(fixture.store.find("k") == nil)
        let kept = try fixture.keep("k", "one")
        let found = try #require(fixture.store.find("k"))
        #expect(found.record == kept.record && found.notes == ["base": [1, 2]])
        #expect(try fixture.content(found) == "one")
        #expect(!isAccessible(fixture.store.path + "/k/work", F_OK))
    }

    @Test func secondComerTakesTheFirst() throws {
        let fixture = try Fixture()
        let first = try fixture.keep("k", "one")
        let second = try fixture.keep("k", "two")
        #expect(second.record.instance == first.record.instance)
        #expect(try fixture.content(second) == "one")
        let third = try fixture.keep("k", "three", replaces: true)
        #expect(third.record.instance != first.record.instance)
        // Who uses the old one goes on with it.
        #expect(try fixture.content(first) == "one" && fixture.content(third) == "three")
        #expect(try fixture.content(#require(fixture.store.find("k"))) == "three")
    }

    @Test func whatIsUsedStays() throws {
        let fixture = try Fixture()
        var kept: KeptStep? = try fixture.keep("k", "one")
        #expect(kept != nil && !fixture.store.remove("k"))
        kept = nil
        #expect(fixture.store.remove("k"))
        #expect(fixture.store.find("k") == nil)
    }

    @Test func oldestGoFirstBeyondTheQuota() throws {
        let fixture = try Fixture(quota: 25)
        for key in ["a", "b", "c"] { _ = try fixture.keep(key, key) }
        for (key, seconds) in [("a", 30), ("b", 10), ("c", 20)] {
            try setTimes(HostPath("\(fixture.store.path)/\(key)/used"), seconds: Int64(seconds))
        }
        fixture.store.tidy()
        #expect(fixture.store.all().map(\.key) == ["c", "a"])
    }

    @Test func leavingsOfTheDeadGo() throws {
        let fixture = try Fixture()
        for name in ["tmp.1.x", "dead.x"] { try makeDirectories(fixture.store.path + "/\(name)/leases") }
        try writeFile(fixture.store.path + "/tmp.1.x/owner", Array("no boot 1 2".utf8), mode: 0o600)
        try setTimes(HostPath("\(fixture.store.path)/tmp.1.x/owner"), seconds: 5)
        try makeDirectories(fixture.store.path + "/unwhole/fs")
        fixture.store.tidy()
        #expect(try fixture.names == [lastComponent(fixture.scratch)])
    }

    @Test func unsyncedStepsEndWithTheBoot() throws {
        let fixture = try Fixture()
        let kept = try fixture.keep("k", "one")
        let file = fixture.store.path + "/k/record"
        let text = String(decoding: try readFile(file), as: UTF8.self)
        let other = text.replacingOccurrences(of: "boot ", with: "boot another-")
        try writeFile(file, Array(other.utf8), mode: 0o600)
        #expect(fixture.store.find("k") == nil)
        fixture.store.synchronize([kept])
        #expect(fixture.store.find("k") != nil)
    }
}
