import CLinux
import Linux
import TestSupport
import Testing

@testable import PluginHost

@Suite struct UndoTests {
    private let scratch: Scratch
    private var directory: String { scratch.path + "/undo" }

    init() throws { scratch = try Scratch() }

    private func record(_ object: String) -> UndoRecord {
        UndoRecord(
            kind: .removeFile, plugin: "org.test", object: object, detail: "d", arguments: ["a", ""], input: [0, 255],
            reason: "r")
    }

    private var files: [String] {
        guard let folder = try? open(directory, O_RDONLY | O_DIRECTORY), let found = try? entries(of: folder.raw) else {
            return []
        }
        return found.map(\.text)
    }

    /// The bytes of the only journal.
    private func bytes() throws -> [UInt8] { try readFile(directory + "/" + (try #require(files.first))) }

    @Test func recordsComeBack() throws {
        let journal = try UndoJournal(in: directory)
        let first = try journal.push(record("/a"))
        _ = try journal.push(record("/b"))
        #expect(try journal.drop(first))
        #expect(try !journal.drop(first))
        let found = UndoJournal.read(try bytes())
        #expect(found.records == [record("/b")])
        #expect(found.boot == bootName())
    }

    /// A command that was killed while it wrote has done nothing for that record.
    @Test func aRecordThatIsCutOffIsLeftOut() throws {
        let journal = try UndoJournal(in: directory)
        _ = try journal.push(record("/a"))
        let whole = try bytes().count
        _ = try journal.push(record("/b"))
        let all = try bytes()
        for count in whole..<all.count {
            #expect(UndoJournal.read(Array(all[..<count])).records == [record("/a")])
        }
        for count in 0..<whole { #expect(UndoJournal.read(Array(all[..<count])).records.isEmpty) }
        for index in all.indices {
            var changed = all
            changed[index] ^= 0xFF
            _ = UndoJournal.read(changed)
        }
    }

    @Test func theLivingKeepTheirs() throws {
        let file = scratch.path + "/file"
        try writeFile(file, [], mode: 0o644)
        let journal = try UndoJournal(in: directory)
        let handle = try journal.push(record(file))
        UndoJournal.sweep(directory)
        #expect(isAccessible(file, F_OK) && files.count == 1)
        journal.carryOut([handle])
        #expect(!isAccessible(file, F_OK) && files.isEmpty)
    }

    @Test func theDeadAreSweptOnce() throws {
        let file = scratch.path + "/file"
        try writeFile(file, [], mode: 0o644)
        do {
            let journal = try UndoJournal(in: directory)
            _ = try journal.push(record(file))
        }
        UndoJournal.sweep(directory)
        #expect(!isAccessible(file, F_OK) && files.isEmpty)
    }

    /// After a reboot a process, a mount or an interface of that name is somebody else's.
    @Test func anotherBootLeavesOnlyFiles() throws {
        let mark = scratch.path + "/mark"
        let run = UndoRecord(kind: .run, plugin: "org.test", object: "/usr/bin/touch", arguments: ["touch", mark])
        run.carryOut(isOfThisBoot: false)
        #expect(!isAccessible(mark, F_OK))
        run.carryOut(isOfThisBoot: true)
        #expect(isAccessible(mark, F_OK))
        record(mark).carryOut(isOfThisBoot: false)
        #expect(!isAccessible(mark, F_OK))
    }

    @Test func othersFilesAreNotBelieved() throws {
        let file = scratch.path + "/file"
        try writeFile(file, [], mode: 0o644)
        do {
            let journal = try UndoJournal(in: directory)
            _ = try journal.push(record(file))
        }
        // Others can have written it.
        try chmod(directory + "/" + (try #require(files.first)), 0o666)
        UndoJournal.sweep(directory)
        #expect(isAccessible(file, F_OK))
        try unlink(directory + "/" + (try #require(files.first)))
        try makeSymlink(file, at: directory + "/link")
        UndoJournal.sweep(directory)
        #expect(isAccessible(file, F_OK))
    }
}
