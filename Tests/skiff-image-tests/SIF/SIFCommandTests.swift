import Base
import CLinux
import Core
import Grammar
import Linux
import TestSupport
import Testing

@testable import skiff_image

/// Runs a command line as skiff-image does and keeps what it says. Expected texts are Apptainer's (1.4.5).
struct Tool {
    private let scratch: Scratch
    var directory: String { scratch.path + "/" }

    init() throws { scratch = try Scratch() }

    static let vectors = repository + "/Tests/Vectors/sif/"

    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try scratch.file(name, bytes, mode: 0o755)
    }

    func copy(_ vector: String) throws -> String { try file(vector, try readFile(Self.vectors + vector)) }

    /// Standard output, or the text and status of the refusal.
    func callAsFunction(_ words: String...) throws -> String {
        let grammar = Grammar(program: ProgramName(calledAs: "apptainer"))
        guard case .command(let invocation) = try grammar.parse(["sif"] + words, environment: FlagEnvironment([]))
        else {
            throw SkiffError("no command: \(words)")
        }
        let answers = directory + "answer"
        let output = try open(answers, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        do throws(SkiffError) {
            try runSIFCommand(invocation, output: output.raw)
        } catch {
            let answer = grammar.answer(to: error, of: invocation.command)
            let usage = "\nUsage: apptainer [global options...] sif \(words[0]) <"
            #expect(answer.standardOutput.isEmpty && answer.standardError.contains(usage))
            #expect(answer.status == 1 && error.code == .usage)
            // The reason.
            return String(answer.standardError.prefix { $0 != "\n" })
        }
        return String(decoding: try readFile(answers), as: UTF8.self)
    }

    func refusal(_ verb: String, _ reason: String) -> String { "Error for command \"\(verb)\": \(reason)" }
}

struct SIFCommandTests {
    /// The image `odd.sif` of the recorded listings: every field that a listing shows, with values that no tool writes.
    private func oddImage() throws -> [UInt8] {
        var bytes = Array(try readFile(Tool.vectors + "worked-example.sif")[..<32176])
        func put(_ offset: Int, _ new: [UInt8]) { bytes.replaceSubrange(offset..<offset + new.count, with: new) }
        func put(_ offset: Int, _ number: Int64) { put(offset, withUnsafeBytes(of: number.littleEndian) { Array($0) }) }
        func put(_ offset: Int, _ number: UInt32) {
            put(offset, withUnsafeBytes(of: number.littleEndian) { Array($0) })
        }
        func slot(_ index: Int) -> Int { 4096 + 585 * index }
        put(0, Array("#!/bin/sh\n".utf8) + [UInt8](repeating: 0, count: 22))
        put(45, [0x39, 0x39, 0])
        put(48, [UInt8](repeating: 0, count: 16))
        for (offset, number) in [(64, -1), (72, 253_402_300_800), (80, 44), (120, 1_048_575)] {
            put(offset, Int64(number))
        }
        put(slot(0) + 13, 0xF000_0123 as UInt32)
        put(slot(0) + 17, 1 << 40 as Int64)
        put(slot(0) + 41, 951_782_400 as Int64)
        put(slot(0) + 49, SIFFormat.zeroTime)
        put(slot(1), 0x1234 as UInt32)
        put(slot(1) + 9, UInt32.max)
        put(slot(1) + 13, UInt32.max)
        put(slot(2) + 201, [77, 0, 0, 0, 99, 0, 0, 0, 0x37, 0x37, 0])
        put(slot(2) + 13, 0x7000_0001 as UInt32)
        put(slot(3), Array(bytes[slot(2)..<slot(3)]))
        put(slot(3), 0x4009 as UInt32)
        put(slot(3) + 5, 4 as UInt32)
        put(slot(3) + 201, [6] + [UInt8](repeating: 0, count: 23))
        put(slot(3) + 73, [UInt8](repeating: 0x6E, count: 128))
        return bytes
    }

    /// Expected/listings.txt was recorded from Apptainer for all vectors, `$ command` before each answer.
    @Test func listingsAreApptainers() throws {
        let tool = try Tool()
        let odd = try tool.file("odd.sif", try oddImage())
        let packed = tool.directory + "encrypted-luks2.sif"
        #expect(system("gzip -dc '\(Tool.vectors)encrypted-luks2.sif.gz' > '\(packed)'") == 0)
        let recorded = try readFile(repository + "/Tests/skiff-image-tests/SIF/Expected/listings.txt")
        let sections = String(decoding: recorded, as: UTF8.self).split(separator: "$ sif ")
        #expect(sections.count == 55)
        for section in sections {
            let lines = section.split(separator: "\n", maxSplits: 1).map(String.init)
            let words = lines[0].split(separator: " ").map(String.init)
            let name = words.last ?? ""
            let path = name == "odd.sif" ? odd : name.hasPrefix("encrypted-luks2") ? packed : Tool.vectors + name
            let answer = words.count == 3 ? try tool(words[0], words[1], path) : try tool(words[0], path)
            #expect(answer == lines[1], "\(lines[0])")
        }
    }

    @Test func objectsOfAllTypes() throws {
        let tool = try Tool()
        let image = tool.directory + "n.sif"
        let object = try tool.file("o", Array("hello".utf8))
        #expect(try tool("new", image) == "")
        #expect(try status(image).permissions & 0o700 == 0o700)
        #expect(try status(image).size == 32176)
        #expect(
            try tool("add", "--datatype", "4", "--parttype", "1", "--partfs", "9", "--partarch", "2", image, object)
                == "")
        let fingerprint = "12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84"
        // Flags may stand anywhere.
        #expect(
            try tool(
                "add", image, "--signhash", "1", object, "--datatype=5", "--signentity", fingerprint, "--link", "1")
                == "")
        #expect(try tool("add", "--datatype", "8", image, object) == "")
        #expect(try tool("add", "--datatype", "9", "--sbomformat", "spdx-json", image, object) == "")
        #expect(try tool("add", "--datatype", "10", image, object) == "")
        #expect(
            try tool(
                "add", "--datatype", "11", "--filename", "abc", "--groupid", "3", "--alignment", "4096", image, object)
                == "")
        #expect(try tool("add", "--datatype", "6", "--groupid", "4294967295", image, object) == "")
        #expect(try tool("add", "--datatype", "6", "--alignment", "100", image, object) == "")
        #expect(
            try tool("list", image) == """
                ------------------------------------------------------------------------------
                ID   |GROUP   |LINK    |SIF POSITION (start-end)  |TYPE
                ------------------------------------------------------------------------------
                1    |NONE    |NONE    |32768-32773               |FS (Unknown/System/amd64)
                2    |NONE    |1       |32773-32778               |Signature (SHA-256)
                3    |NONE    |NONE    |32778-32783               |Cryptographic Message (Unknown/Unknown)
                4    |NONE    |NONE    |32783-32788               |SBOM (spdx-json)
                5    |NONE    |NONE    |32788-32793               |OCI.RootIndex
                6    |3       |NONE    |36864-36869               |OCI.Blob
                7    |268435455 |NONE    |36869-36874               |JSON.Generic
                8    |NONE    |NONE    |36900-36905               |JSON.Generic

                """)
        let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        #expect(try tool("info", "6", image).hasSuffix("  Name:         abc\n  Digest:       \(digest)\n"))
        #expect(try tool("info", "2", image).hasSuffix("  Entity:       \(fingerprint)\n"))
        #expect(try tool("dump", "6", image) == "hello")
    }

    @Test func editing() throws {
        let tool = try Tool()
        let image = try tool.copy("worked-example.sif")
        let object = try tool.file("o", Array("hello".utf8))
        let partition = ["--datatype", "4", "--parttype", "1", "--partfs", "4", "--partarch", "4"]
        #expect(
            try tool(
                "add", image, object, partition[0], partition[1], "--parttype", "2", "--partfs", "1", "--partarch", "2")
                == tool.refusal("add", "image already contains a primary partition"))
        #expect(
            try tool(
                "add", image, object, partition[0], partition[1], partition[2], partition[3], partition[4],
                partition[5],
                partition[6], partition[7]) == "")
        #expect(try tool("setprim", "4", image) == "")
        #expect(try tool("header", image).contains("\nPrimary Architecture: arm64\n"))
        #expect(
            try tool("list", image).hasSuffix(
                "(Squashfs/System/amd64)\n4    |NONE    |NONE    |36864-36869               |FS (Raw/*System/arm64)\n"))
        #expect(try tool("del", "4", image) == "")
        #expect(!(try tool("header", image)).contains("Primary Architecture"))
        #expect(try tool("setprim", "1", image) == tool.refusal("setprim", "data object not a partition"))
        #expect(try tool("setprim", "9", image) == tool.refusal("setprim", "object not found"))
        #expect(try tool("del", "4", image) == tool.refusal("del", "object not found"))
        #expect(try tool("dump", "1", image) == "bootstrap: scratch\n")
    }

    @Test func refusals() throws {
        let tool = try Tool()
        let image = try tool.copy("worked-example.sif")
        let object = try tool.file("o", Array("hello".utf8))
        let before = try readFile(image)
        func add(_ words: String..., reason: String) throws {
            var all = ["add", image, object] + words
            all += [String](repeating: "--groupid=0", count: 11 - all.count)
            #expect(
                try tool(all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[8], all[9], all[10])
                    == tool.refusal("add", reason))
        }
        let missing = "with partition datatype, --partfs, --parttype and --partarch must be passed"
        try add(reason: "-datatype flag is required with a valid range")
        try add("--datatype", "12", reason: "-datatype flag is required with a valid range")
        try add("--datatype", "4", reason: missing)
        try add("--datatype", "4", "--parttype", "1", "--partfs", "4", "--partarch", "0", reason: missing)
        try add(
            "--datatype", "4", "--parttype", "1", "--partfs", "4", "--partarch", "99",
            reason: "unknown architecture: unknown")
        try add("--datatype", "5", reason: "invalid hash type: 0")
        try add("--datatype", "5", "--signhash", "9", reason: "invalid hash type: 9")
        try add(
            "--datatype", "5", "--signhash", "1", reason: "invalid signing entity fingerprint length: got 0, want 20")
        let decoding = "failed to decode signing entity fingerprint: encoding/hex: "
        try add("--datatype", "5", "--signentity", "zz", reason: decoding + "invalid byte: U+007A 'z'")
        try add("--datatype", "5", "--signentity", "abé", reason: decoding + "invalid byte: U+00C3 'Ã'")
        try add("--datatype", "5", "--signentity", "abc", reason: decoding + "odd length hex string")
        try add("--datatype", "9", reason: "with SBOM datatype, --sbomformat must be passed")
        try add("--datatype", "9", "--sbomformat", "zzz", reason: "invalid SBOM format: zzz")
        let long = String(repeating: "x", count: 129)
        try add("--datatype", "6", "--filename", long, reason: "name value too large")
        #expect(try readFile(image) == before)
        #expect(
            try tool("add", image, "/nonexist", "--datatype", "7")
                == tool.refusal("add", "open /nonexist: no such file or directory"))
        #expect(
            try tool("list", "/nonexist.sif") == tool.refusal("list", "open /nonexist.sif: no such file or directory"))
        #expect(try tool("list", object) == tool.refusal("list", "reading global header: unexpected EOF"))
        #expect(try tool("list", "/") == tool.refusal("list", "reading global header: read /: is a directory"))
        #expect(
            try tool("new", "/nonexist/x.sif") == tool.refusal("new", "open /nonexist/x.sif: no such file or directory")
        )
        #expect(try tool("new", "dir/") == tool.refusal("new", "open dir/: is a directory"))
    }

    @Test(arguments: [
        ("x", "while converting id: strconv.ParseUint: parsing \"x\": invalid syntax"),
        ("", "while converting id: strconv.ParseUint: parsing \"\": invalid syntax"),
        ("0x2", "while converting id: strconv.ParseUint: parsing \"0x2\": invalid syntax"),
        ("+2", "while converting id: strconv.ParseUint: parsing \"+2\": invalid syntax"),
        ("99999999999999", "while converting id: strconv.ParseUint: parsing \"99999999999999\": value out of range"),
        ("0", "invalid object ID"), ("4", "object not found"),
    ]) func objectNumbers(_ text: String, _ reason: String) throws {
        let tool = try Tool()
        let image = try tool.copy("worked-example.sif")
        for verb in ["info", "dump", "del", "setprim"] {
            #expect(try tool(verb, text, image) == tool.refusal(verb, reason))
        }
        #expect(try tool("info", "02", image).contains("  ID:           2\n"))
    }

    @Test func aFullTable() throws {
        let tool = try Tool()
        let image = tool.directory + "f.sif"
        let object = try tool.file("o", [1])
        #expect(try tool("new", image) == "")
        for _ in 0..<48 { #expect(try tool("add", image, object, "--datatype", "7") == "") }
        let size = try status(image).size
        #expect(
            try tool("add", image, object, "--datatype", "7")
                == tool.refusal("add", "insufficient descriptor capacity to add data object(s) to image"))
        #expect(try status(image).size == size)
    }

    @Test func aDumpBeyondTheEnd() throws {
        let tool = try Tool()
        let image = try tool.file("s.sif", Array(try readFile(Tool.vectors + "worked-example.sif")[..<33768]))
        #expect(try tool("dump", "3", image) == tool.refusal("dump", "EOF"))
    }

    @Test func anObjectThatCannotBeReadLeavesNothing() throws {
        let tool = try Tool()
        let image = try tool.copy("worked-example.sif")
        let before = try readFile(image)
        #expect(
            try tool("add", image, "/", "--datatype", "7")
                == tool.refusal("add", "cannot read the object: is a directory"))
        #expect(try readFile(image) == before)
    }

    @Test func imagesCannotDrawOnTheTerminal() throws {
        let tool = try Tool()
        var bytes = try readFile(Tool.vectors + "worked-example.sif")
        bytes.replaceSubrange(4096 + 73..<4096 + 73 + 8, with: [0x61, 0xFF, 0x0A, 0x1B, 0x5B, 0x33, 0x31, 0x6D])
        let image = try tool.file("t.sif", bytes)
        #expect(try tool("info", "1", image).hasSuffix("  Name:         a\u{FFFD}\\x0a\\x1b[31m\n"))
    }
}
