import Base
import CLinux
import Linux
import Squashfs
import TestSupport
import Testing

@testable import SquashfsWriter

@Suite("squashfs writer: the bytes") struct BytesTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch.withTree()
        try shell(
            """
            cd "$0"; mkdir a b; for i in $(seq 1 300); do seq $i $((i * 40)) > a/$i; done
            head -c 3000000 /dev/urandom > b/random; cp b/random b/again; seq 1 400000 > b/numbers
            """, [scratch.tree])
    }

    @Test("the same with any number of threads") func deterministic() throws {
        var images: [[UInt8]] = []
        for workers in [1, 2, 5, 2] {
            var options = SquashfsOptions()
            options.workers = workers
            try scratch.write(options)
            images.append(try readFile(scratch.image))
        }
        #expect(images.allSatisfy { $0 == images[0] })
    }

    @Test("SOURCE_DATE_EPOCH bounds every time") func epoch() throws {
        var options = SquashfsOptions()
        options.latestTime = 1_000_000_000
        try shell("touch -d @900000000 \"$0\"/a/1", [scratch.tree])
        try scratch.write(options)
        let first = try readFile(scratch.image)
        try shell("touch \"$0\"/a/2 \"$0\"/b", [scratch.tree])
        try scratch.write(options)
        #expect(try readFile(scratch.image) == first)
        let reader = try scratch.reader()
        #expect(try reader.lookup(path: "a/1")?.modified == 900_000_000)
        #expect(try reader.lookup(path: "a/2")?.modified == 1_000_000_000)
    }

    @Test("begins where it is told, ends at a page, cuts what was behind") func place() throws {
        try writeFile(scratch.image, [UInt8](repeating: 0x53, count: 20 << 20), mode: 0o644)
        let length = try scratch.write(offset: 32768)
        #expect(length % 4096 == 0)
        let bytes = try readFile(scratch.image)
        #expect(bytes.count == 32768 + Int(length))
        #expect(bytes[..<32768].allSatisfy { $0 == 0x53 })
        #expect(try scratch.reader(offset: 32768).lookup(path: "b/numbers") != nil)
    }

    @Test("files of equal content are stored once") func duplicates() throws {
        let both = try scratch.write()
        try unlink(scratch.tree + "/b/again")
        let one = try scratch.write()
        #expect(both - one <= 4096)
    }

    @Test("a file that grew since it was looked at is written as it is when it is opened") func grown() throws {
        let path = scratch.tree + "/b/numbers"
        let old = try readFile(path)
        try scratch.write { (entry) throws(SkiffError) in
            if entry.path.elementsEqual("b/numbers".utf8) { _ = try? shell("echo more >> \"$0\"", [path]) }
            return true
        }
        let reader = try scratch.reader()
        let inode = try #require(try reader.lookup(path: "b/numbers"))
        #expect(inode.size == UInt64(old.count + 5))
    }

    @Test("another file in the place of the one that was looked at is an error") func changed() throws {
        let path = scratch.tree + "/b/numbers"
        let error = #expect(throws: SkiffError.self) {
            try scratch.write { (entry) throws(SkiffError) in
                if entry.path.elementsEqual("b/numbers".utf8) {
                    _ = try? shell("echo new > \"$0.new\"; mv \"$0.new\" \"$0\"", [path])
                }
                return true
            }
        }
        #expect(error?.message == "cannot read /b/numbers: it changed while it was read")
    }

    @Test("what is changed takes the place of the tree's files") func changes() throws {
        var changes = TreeChanges()
        changes[Array("b".utf8), Array("numbers".utf8)] = .init(.file(Array("new\n".utf8)), permissions: 0o600)
        changes[Array("b".utf8), Array("again".utf8)] = .init(.gone)
        changes[[], Array("made".utf8)] = .init(.directory, permissions: 0o750, modified: 7)
        changes[Array("made".utf8), Array("link".utf8)] = .init(.link(Array("../b".utf8)), permissions: 0o777)
        changes[Array("made".utf8), Array("empty".utf8)] = .init(.file([]), permissions: 0o644, modified: 8)
        try scratch.write(changes: changes)
        let reader = try scratch.reader()
        let numbers = try #require(try reader.lookup(path: "b/numbers"))
        #expect(numbers.size == 4 && numbers.mode & 0o7777 == 0o600)
        #expect(try reader.lookup(path: "b/again") == nil)
        let made = try #require(try reader.lookup(path: "made"))
        #expect(made.mode & 0o7777 == 0o750 && made.modified == 7)
        #expect(try reader.lookup(path: "made/empty")?.size == 0)
        #expect(try reader.lookup(path: "made/link") != nil)
        #expect(try reader.lookup(path: "a/1") != nil)
    }

    @Test("a full file system is told with what helps", .needs(.userNamespaces)) func full() throws {
        let script = """
            mkdir "$1"; mount -t tmpfs -o size=1m tmpfs "$1"
            exec "$2" "$0" "$1/image"
            """
        let result = try command([
            "/usr/bin/unshare", "-Urm", "/bin/sh", "-ec", script, scratch.tree, scratch.path + "/small",
            product("squash-probe"),
        ])
        #expect(
            result.text == """
                cannot write the image: no space left on device. Write to a file system with more room, or set \
                APPTAINER_TMPDIR to one

                """)
    }

    @Test("memory does not grow with the bytes") func memory() throws {
        try shell(
            """
            cd "$0"; mkdir big; for i in 1 2 3 4 5 6; do head -c 50000000 /dev/urandom > big/$i; done
            """, [scratch.tree])
        let result = try command([product("squash-probe"), scratch.tree, scratch.image, "workers", "2"])
        let fields = result.output.split { $0 == " " || $0 == "\n" }
        #expect(result.status == 0, "\(result.output)")
        let bytes = try #require(Int(fields[0]))
        let kibibytes = try #require(Int(fields[2]))
        #expect(bytes > 300_000_000)
        #expect(kibibytes < 48 << 10, "\(kibibytes) KiB for \(bytes) bytes")
    }
}

@Suite("squashfs writer: options") struct OptionsTests {
    @Test("compression by name and level") func compression() throws {
        #expect(try ImageCompression("zstd") == ImageCompression.standard)
        #expect(try ImageCompression("gzip:6") == ImageCompression(.gzip, level: 6))
        #expect(try ImageCompression("lz4:2").level == 2)
        for wrong in ["", "lzo", "zstd:", "zstd:0", "zstd:23", "gzip:10", "zstd:x", "lz4:3", "zstd:1:2"] {
            #expect(throws: SkiffError.self, "\(wrong)") { try ImageCompression(wrong) }
        }
    }

    @Test("the words of mksquashfs") func toolArguments() throws {
        var options = SquashfsOptions()
        try options.apply(
            toolArguments: " -comp xz  -b 1M -all-root -no-fragments -no-xattrs -processors 3 -mem 1G -no-exports")
        #expect(options.compression == (try ImageCompression(.xz)))
        #expect(options.blockSize == 1 << 20)
        #expect(options.allRoot && !options.hasFragments && options.xattrs == .none && !options.hasExportTable)
        #expect(options.workers == 3 && options.memory == 1 << 30)
        try options.apply(toolArguments: "-comp gzip -Xcompression-level 4 -noD -noF -b 65536")
        #expect(options.compression == (try ImageCompression(.gzip, level: 4)))
        #expect(!options.isDataCompressed && options.blockSize == 65536)
    }

    @Test(
        "words that would make another image are refused",
        arguments: [
            "-comp", "-comp lzo", "-b 3000", "-b 2M", "-b x", "-b 99999999999999999999K", "-noI", "-e dev",
            "-Xcompression-level 99", "-processors many", "-mem much", "-mem 0", "-mem 99999999999G", "stray",
        ])
    func refused(text: String) {
        var options = SquashfsOptions()
        let error = #expect(throws: SkiffError.self) { try options.apply(toolArguments: text) }
        #expect(error?.message.isEmpty == false)
    }

    @Test("memory bounds what waits, and threads that would wait for memory") func memory() throws {
        var options = SquashfsOptions()
        options.workers = 4
        #expect(options.backlog == 24 && options.threads == 4)
        try options.apply(toolArguments: "-mem 1M")
        #expect(options.backlog == 4 && options.threads == 4)
        try options.apply(toolArguments: "-mem 512K")
        #expect(options.backlog == 2 && options.threads == 2)
        try options.apply(toolArguments: "-mem 1")
        #expect(options.backlog == 1 && options.threads == 1)
        try options.apply(toolArguments: "-mem 2g")
        #expect(options.backlog == 24)
    }

    @Test("without fragments, with large blocks, uncompressed") func variants() throws {
        let scratch = try Scratch.withTree()
        try shell("cd \"$0\"; seq 1 100000 > numbers; printf x > small", [scratch.tree])
        for text in ["-no-fragments", "-b 1M", "-b 4K", "-noD -noF", "-comp lz4 -Xhc", "-no-exports"] {
            var options = SquashfsOptions()
            try options.apply(toolArguments: text)
            try scratch.write(options)
            let reader = try scratch.reader()
            let file = try #require(try reader.lookup(path: "numbers"))
            #expect(try reader.content(of: file, limit: 1 << 20) == readFile(scratch.tree + "/numbers"), "\(text)")
        }
    }
}
