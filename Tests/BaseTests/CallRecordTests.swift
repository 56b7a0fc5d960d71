import Base
import CLinux
import Linux
import Testing

@Test func aRecordTellsWhoseCodeRan() throws {
    let record = try CallRecord()
    #expect(record.call == nil && record.settled == nil && !record.isChildSettled)
    record.begin("org.test.one: mounts")
    #expect(record.call == "org.test.one: mounts")
    let blamed = record.blame(.exited(0), among: ["org.test.two"])
    #expect(blamed.description == "plugin org.test.one: mounts: it ended the process with status 0")
    record.begin(String(repeating: "x", count: 500))
    #expect(record.call?.utf8.count == 255)
    record.end()
    #expect(record.call == nil)
    #expect(
        record.blame(.signaled(SIGSEGV), among: ["a", "b"]).description
            == "one of the plugins a, b: it crashed (signal 11)")
    record.settle(255)
    #expect(record.settled == 255)
    record.settleChild(asProgram: false)
    #expect(record.isChildSettled && !record.isProgramStarted)
    record.settleChild(asProgram: true)
    #expect(record.isProgramStarted)
}

@Test func twoProgramsShareARecord() throws {
    let file = try CallRecord.makeFile()
    let (writer, reader) = (try CallRecord(mapping: file.raw), try CallRecord(mapping: file.raw))
    writer.begin("org.test.one: fetch")
    #expect(reader.call == "org.test.one: fetch")
    // A page of an empty file would be no memory.
    let empty = try makeMemoryFile("empty", [])
    #expect(throws: Errno.invalidArgument) { _ = try CallRecord(mapping: empty.raw) }
}
