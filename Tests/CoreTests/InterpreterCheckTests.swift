import CLinux
import Linux
import Shell
import TestSupport
import Testing

@testable import Core

@Suite struct InterpreterCheckTests {
    private let scratch: Scratch
    private let files: ContainerFiles

    init() throws {
        scratch = try Scratch()
        files = ContainerFiles(root: try TreeRoot(HostPath(scratch.path)), directory: Array("/".utf8))
    }

    private var check: InterpreterCheck { InterpreterCheck(files: files, registered: .init(paths: [])) }

    /// What the host has registered is looked up in the image, unless it was opened when it was registered.
    @Test func registeredInterpretersDoNotLeadOut() throws {
        let entries = try Scratch()
        try entries.file("status", text: "enabled\n", mode: 0o644)
        try entries.file("register", text: "", mode: 0o644)
        for (name, state, path, flags) in [
            ("in-use", "enabled", "/wine", "OC"), ("off", "disabled", "/off", ""), ("open", "enabled", "/qemu", "OCF"),
            ("plain", "enabled", "/missing", ""),
        ] {
            let text = "\(state)\ninterpreter \(path)\nflags: \(flags)\noffset 0\nmagic 4d5a\n"
            try entries.file(name, text: text, mode: 0o644)
        }
        let registered = RegisteredInterpreters(reading: entries.path)
        #expect(Set(registered.paths) == [Array("/wine".utf8), Array("/missing".utf8)])
        try scratch.file("program", text: "MZ", mode: 0o755)
        let check = InterpreterCheck(files: files, registered: registered)
        #expect(check.obstacle(to: Array("/program".utf8)) == nil)
        try makeSymlink("/proc/self/exe", at: scratch.path + "/wine")
        try makeDirectories(scratch.path + "/proc/self")
        #expect(check.obstacle(to: Array("/program".utf8)) == nil, "a place in the image")
        try unlink(scratch.path + "/wine")
        try makeSymlink("/wine", at: scratch.path + "/wine")
        #expect(check.obstacle(to: Array("/program".utf8))?.message.contains("leads out of the image") == true)
        #expect(RegisteredInterpreters(reading: "/no/such/directory").paths.isEmpty)
    }

    private func interpreter(_ bytes: [UInt8]) throws -> String? {
        try scratch.file("program", bytes, mode: 0o755)
        let found = ProgramInterpreter.ofELF { try? files.bytes(Array("/program".utf8), at: $0, count: $1) }
        return found.first.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The same answer as file(1) and the kernel give for a program of this host.
    @Test func interpreterOfARealProgram() throws {
        let bytes = try readFile("/bin/cat")
        let found = try #require(try interpreter(bytes))
        #expect(found.hasPrefix("/") && isAccessible(found, F_OK), "\(found)")
        #expect(try interpreter(Array(bytes.prefix(100))) == nil)
        #expect(try interpreter([]) == nil)
    }

    /// Bytes of an image never trap, and ask for no more memory than a table of segments takes.
    @Test func damagedProgramsAreAnswered() throws {
        let whole = Array(try readFile("/bin/cat").prefix(4096))
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...8) { bytes[Int.random(in: 4..<400)] = UInt8.random(in: 0...255) }
            _ = try interpreter(bytes)
        }
        // Every field of the header at its largest.
        for place in 16..<64 {
            var bytes = whole
            for index in place..<min(64, place + 8) { bytes[index] = 0xFF }
            _ = try interpreter(bytes)
        }
    }

    @Test func scriptsInACircleEnd() throws {
        try scratch.file("one", text: "#!/two\n", mode: 0o755)
        try scratch.file("two", text: "#!/one\n", mode: 0o755)
        #expect(check.obstacle(to: Array("/one".utf8)) == nil)
        #expect(check.obstacle(to: Array("/missing".utf8)) == nil)
    }

    /// Linux runs a program whatever it says of its class and byte order.
    @Test func claimsOfTheFileDecideNothing() throws {
        let whole = try readFile("/bin/cat")
        let right = try interpreter(whole)
        for claims: [UInt8] in [[1, 1], [2, 2], [1, 2], [7, 7], [0, 0]] {
            var bytes = whole
            bytes.replaceSubrange(4..<6, with: claims)
            #expect(try interpreter(bytes) == right, "\(claims)")
        }
    }

    @Test(
        arguments: [
            ("#!/a", ["/a"]), ("#! \t/a  b c \t\n", ["/a", "b c"]), ("#!/a\0b\nc", ["/a"]),
            ("#!/a b\0c\n", ["/a", "b"]),
            ("#!/a\r\n", ["/a\r"]), ("#!\n", nil), ("#! \t\n/a", nil), ("#", nil), ("# !/a\n", nil), ("", nil),
        ] as [(String, [String]?)])
    func scriptLines(text: String, expected: [String]?) {
        let words = ProgramInterpreter.ofScript(Array(text.utf8))
        #expect(words?.map { String(decoding: $0, as: UTF8.self) } == expected, "\(text)")
    }
}
