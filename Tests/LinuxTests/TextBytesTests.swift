import Testing

@testable import Linux

@Suite struct TextBytesTests {
    private static let privateUse = Array("\u{10FF80}\u{10FFFF}".utf8)

    @Test(arguments: ["", "plain", "/Grüße/世界", "👩‍🔧", "e\u{301}", "\u{10FF7F}", "\u{F780}", "\u{FFFD}"])
    func whatIsUTF8IsItself(text: String) {
        #expect(String(bytes: text.utf8).utf8.elementsEqual(text.utf8))
        #expect(text.bytes == Array(text.utf8))
    }

    @Test(
        arguments: [
            [0xFF], [0x78, 0xFF, 0x79], [0xC3], [0xC3, 0x28], [0xE2, 0x82], [0xE2, 0x82, 0x2F, 0xAC], [0xC0, 0xAF],
            [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF4, 0x8F], privateUse, privateUse + [0xFF],
            [0x80, 0xC3, 0xA9],
        ] as [[UInt8]])
    func otherBytesComeBack(bytes: [UInt8]) {
        let text = String(bytes: bytes)
        #expect(text.bytes == bytes && text[...].bytes == bytes)
        #expect(HostPath(text).bytes == bytes)
        #expect(text.withTerminatedBytes { String(bytes: $0) } == text)
    }

    @Test func randomBytesComeBack() {
        var generator = SystemRandomNumberGenerator()
        let pieces: [[UInt8]] = [Self.privateUse, Array("é世👩".utf8), [0xF4, 0x8F, 0xBF], [0x2F]]
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                bytes += Bool.random() ? pieces[Int.random(in: 0..<pieces.count)] : [UInt8.random(in: 0...255)]
            }
            #expect(String(bytes: bytes).bytes == bytes, "\(bytes)")
        }
    }

    /// A byte, and the character that stands for it, are two names.
    @Test func aByteIsNotItsStandIn() {
        let standIn = Array("\u{10FFFF}".utf8)
        #expect(String(bytes: [0xFF]) != String(bytes: standIn))
        #expect(String(bytes: standIn).bytes == standIn)
    }

    /// A slash, colon or comma is none of the bytes that are kept, and they are no part of the character before them.
    @Test func separatorsStayCharacters() {
        let text = String(bytes: [0x2F, 0xFF, 0x3A, 0xCC, 0x2C, 0xFE])
        #expect(text.split(separator: ":").map(\.bytes) == [[0x2F, 0xFF], [0xCC, 0x2C, 0xFE]])
        #expect(text.hasPrefix("/") && text.contains(","))
    }

    @Test func callsTakeTheBytes() throws {
        let directory = "/tmp/skiff-bytes-\(processID())"
        try makeDirectory(directory)
        defer { try? removeTree(directory) }
        let name: [UInt8] = [0x78, 0xFF, 0x79]
        let path = directory + "/" + String(bytes: name)
        try writeFile(path, [1], mode: 0o600)
        let opened = try open(directory, OpenFlags([.read, .directory]).value)
        #expect(try entries(of: opened.raw).map(\.name) == [name])
        #expect(try status(HostPath(path)).size == 1)
        #expect(try realPath(path) == path)
        try makeSymlink(path, at: directory + "/link")
        #expect(try readLink(directory + "/link") == path)
        try rename(path, to: directory + "/plain")
        #expect(!isAccessible(path, 0) && isAccessible(directory + "/plain", 0))
    }

    @Test func aNULNamesNothing() {
        #expect(throws: Errno.invalidArgument) { try status("/tmp\0/x") }
    }
}
