import CLinux
import Linux
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    private let scratch: Scratch
    private var path: String { scratch.path + "/file" }

    init() throws { scratch = try Scratch() }

    private func names() throws -> [String] {
        let folder = try open(scratch.path, O_RDONLY | O_DIRECTORY)
        return try entries(of: folder.raw).map(\.text).sorted()
    }

    @Test(arguments: [false, true]) func theNewFileTakesThePlaceOfTheOld(durable: Bool) throws {
        try AtomicFile.replace(path, Array("old".utf8), mode: 0o644, durable: durable)
        let old = try open(path, O_RDONLY)
        try AtomicFile.replace(path, Array("new".utf8), mode: 0o600, durable: durable)
        #expect(try readFile(path) == Array("new".utf8) && status(path).permissions == 0o600)
        #expect(try readToEnd(old.raw, limit: 10) == Array("old".utf8))
        #expect(try names() == ["file"])
    }

    @Test func nothingIsSeenBeforeItIsWhole() throws {
        do {
            let file = try AtomicFile(path, mode: 0o600)
            try writeFully(file.raw, "half")
            #expect((try? status(path)) == nil)
        }
        #expect(try names().isEmpty)
    }

    @Test func whatCannotBeReplacedStaysAlone() throws {
        try makeDirectories(path + "/sub")
        #expect(throws: Errno.self) { try AtomicFile.replace(path, [], mode: 0o600, durable: true) }
        #expect(try names() == ["file"])
        #expect(throws: Errno.noSuchFile) {
            try AtomicFile.replace(scratch.path + "/none/file", [], mode: 0o600, durable: true)
        }
    }

    @Test func aLinkIsReplacedAndNotFollowed() throws {
        try writeFile(scratch.path + "/other", Array("other".utf8), mode: 0o600)
        try makeSymlink("other", at: path)
        try AtomicFile.replace(path, Array("new".utf8), mode: 0o600, durable: false)
        #expect(try readFile(scratch.path + "/other") == Array("other".utf8))
        #expect(try !status(path, follow: false).isSymlink)
    }

    @Test func namesAreUnique() { #expect(Set((0..<1000).map { _ in uniqueName() }).count == 1000) }
}
