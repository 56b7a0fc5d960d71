import Base
import CLinux
import Core
import Linux
import TestSupport
import Testing

/// What a test checks of an image; `#expect` cannot look into a noncopyable value.
private struct Seen {
    let kind: ImageSource.Kind
    let path: String
    let isWritable: Bool
    let isEncrypted: Bool
    let root: ImageSection?
    let overlays: [ImageSection]
    let data: [ImageSection]
    let architecture: SIFArchitecture
    /// The first bytes of the root section.
    let firstBytes: [UInt8]

    init(_ path: String, writable: Bool) throws {
        let image = try openImage(path, writable: writable)
        kind = image.kind
        self.path = image.path
        isWritable = image.isWritable
        isEncrypted = image.isEncrypted
        root = image.root
        overlays = image.overlays
        data = image.data
        architecture = image.architecture
        firstBytes =
            image.kind == .directory
            ? [] : try readBytes(image.descriptor.raw, at: image.root?.range.offset ?? 0, count: 4)
    }
}

/// Texts observed with Apptainer 1.4.5, except where it hangs or says less.
struct ImageSourceTests {
    private let context = "While checking container encryption: could not open image "

    private func slot(_ index: Int, _ field: Int) -> Int { 4096 + 585 * index + field }

    /// Returns the reason why a launch refuses an image of these bytes, or nil when it opens.
    private func refusal(_ bytes: [UInt8]) throws -> String? {
        let scratch = try Scratch()
        let path = try scratch.file("x.sif", bytes)
        return failure { _ = try openImage(path, writable: false) }.map { text in
            text.hasPrefix(context + path + ": ") ? String(text.dropFirst((context + path + ": ").count)) : text
        }
    }

    @Test func aUsualImage() throws {
        let image = try Seen(Vectors.directory + "worked-example.sif", writable: false)
        #expect(image.kind == .sif)
        #expect(image.path == Vectors.directory + "worked-example.sif")
        #expect(image.root == ImageSection(filesystem: .squashfs, range: ByteRange(offset: 32768, size: 4096), id: 3))
        #expect(image.overlays.isEmpty && image.data.isEmpty)
        #expect(image.architecture.name == "amd64")
        #expect(!image.isEncrypted && !image.isWritable)
        #expect(image.firstBytes == Array("hsqs".utf8))
    }

    @Test func encrypted() throws {
        let image = try Seen(Vectors.directory + "encrypted-gocryptfs.sif", writable: false)
        #expect(image.isEncrypted)
        #expect(image.root?.filesystem == .gocryptfsSquashfs)
    }

    @Test func overlaysOfTheRootsGroupOnly() throws {
        let scratch = try Scratch()
        let whole = try Vectors.bytes("worked-example.sif")
        let ext3 = [UInt8](repeating: 0, count: 4096).with([
            (1080, [0x53, 0xEF]), (1116, [0x3C, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]),
        ])
        let partition = whole[slot(2, 0)..<slot(3, 0)]
        func overlay(_ id: UInt32, group: UInt32, role: UInt8) -> [UInt8] {
            Array(partition).with([
                (5, Vectors.little(id)), (9, Vectors.little(group)), (17, Vectors.little(36864 as Int64)),
                (201, [2, 0, 0, 0, role]),
            ])
        }
        let bytes =
            whole.with([
                (slot(3, 0), overlay(4, group: 0xF000_0001, role: 4)),
                (slot(4, 0), overlay(5, group: 0xF000_0002, role: 4)),
                (slot(5, 0), overlay(6, group: 0xF000_0000, role: 3)),
            ]) + ext3
        let image = try Seen(try scratch.file("o.sif", bytes), writable: true)
        #expect(image.isWritable)
        #expect(image.overlays == [ImageSection(filesystem: .ext3, range: ByteRange(offset: 36864, size: 4096), id: 4)])
        #expect(image.data.map(\.id) == [6])
        let broken = bytes.with([(36864 + 1120, [0x42])])
        #expect(
            try refusal(broken)
                == "while checking overlay partition header: error while checking ext3 header: file is not a valid ext3 image"
        )
    }

    @Test func refusedSIF() throws {
        let whole = try Vectors.bytes("worked-example.sif")
        let system = "while checking system partition header: "
        #expect(
            try refusal(whole.with([(0x8000, [0x58])]))
                == system
                + "error while checking squashfs header: while parsing squashfs super block: not a valid squashfs image"
        )
        #expect(
            try refusal(whole.with([(0x8000 + 20, [99])]))
                == system
                + "error while checking squashfs header: corrupted image: unknown compression algorithm value 99")
        #expect(
            try refusal(whole.with([(slot(2, 201), [2])]))
                == system + "error while checking ext3 header: file is not a valid ext3 image")
        #expect(try refusal(whole.with([(slot(2, 201), [9])])) == system + "unknown filesystem type Unknown")
        #expect(try refusal(whole.with([(slot(2, 201), [4])])) == nil)
        #expect(try refusal(whole.with([(32, [0x58]), (200, Array("SIF_MAGIC".utf8))])) == "invalid SIF magic")
        #expect(try refusal(whole.with([(43, [0x32])])) == "incompatible SIF version")
        #expect(try refusal(Array(whole[..<5000])) == "reading descriptors: unexpected EOF")
        #expect(try refusal(Array(whole[..<2047])) == "image format not recognized")
        #expect(
            try refusal(Array(whole[..<(0x8000 + 1000)]))
                == system + "failed to read SIF partition at offset 32768: EOF")
        #expect(
            try refusal(whole.with([(slot(2, 17), Vectors.little(1 << 30 as Int64))]))
                == system + "failed to read SIF partition at offset 1073741824: EOF")
    }

    @Test func withoutOneRoot() throws {
        let whole = try Vectors.bytes("worked-example.sif")
        let noRoot = "While checking container encryption: while getting root filesystem in "
        for bytes in [
            whole.with([(slot(2, 205), [1])]),
            whole.with([(slot(1, 0), Array(whole[slot(2, 0)..<slot(3, 0)])), (slot(1, 5), [2])]),
        ] {
            let text = try refusal(bytes)
            #expect(text?.hasPrefix(noRoot) == true && text?.hasSuffix("/x.sif: no root filesystem found") == true)
        }
    }

    @Test func ofAnotherProcessor() throws {
        let whole = try Vectors.bytes("worked-example.sif")
        let other = SIFArchitecture.host.name == "s390x" ? "arm64" : "s390x"
        let code: [UInt8] = other == "s390x" ? [0x31, 0x31] : [0x30, 0x34]
        let text = try refusal(whole.with([(45, code)]))
        if isAccessible("/proc/sys/fs/binfmt_misc/qemu-\(other)", R_OK) {
            #expect(text == nil)
        } else {
            #expect(
                text?.hasPrefix(
                    "the image's architecture (\(other)) could not run on the host's (\(SIFArchitecture.host.name))")
                    == true)
        }
        // A note that cannot be read stops nothing.
        #expect(try refusal(whole.with([(45, [0xFF, 0xFE])])) == nil)
    }

    @Test func bareFileSystems() throws {
        let scratch = try Scratch()
        let squashfs = Array(try Vectors.bytes("worked-example.sif")[0x8000...])
        let launch = Array("#!/usr/bin/env run-singularity\n".utf8)
        let plain = try Seen(try scratch.file("a", squashfs), writable: true)
        #expect(plain.kind == .squashfs && !plain.isWritable)
        #expect(plain.root == ImageSection(filesystem: .squashfs, range: ByteRange(offset: 0, size: 4096)))
        let old = try Seen(try scratch.file("b", launch + squashfs), writable: false)
        #expect(old.root == ImageSection(filesystem: .squashfs, range: ByteRange(offset: 31, size: 4096)))
        #expect(try refusal(Array(launch.dropFirst(14)) + squashfs) == "image format not recognized")
        #expect(try refusal(Array(squashfs[..<2047])) == "image format not recognized")
        #expect(try refusal(Array(squashfs[..<2048])) == nil)
        #expect(try refusal(squashfs.with([(20, [0, 0])])) == "corrupted image: unknown compression algorithm value 0")
        #expect(try refusal(squashfs.with([(28, [3])])) == nil)
    }

    @Test(arguments: [
        (features: [0x3C, 0x02, 0x03] as [UInt8], accepted: true), ([0x38, 0x02, 0x03], false),
        ([0x3C, 0x42, 0x03], false),
        ([0x3C, 0x02, 0x0B], false), ([0x04, 0x16, 0x07], true),
    ]) func ext3Features(_ features: [UInt8], accepted: Bool) throws {
        let words = features.flatMap { Vectors.little(UInt32($0)) }
        let bytes = [UInt8](repeating: 0, count: 8192).with([(1080, [0x53, 0xEF]), (1116, words)])
        #expect(try refusal(bytes) == (accepted ? nil : "file is not a valid ext3 image"))
        let scratch = try Scratch()
        if accepted {
            let image = try Seen(try scratch.file("e", bytes), writable: true)
            #expect(image.kind == .ext3 && image.isWritable)
            #expect(image.root == ImageSection(filesystem: .ext3, range: ByteRange(offset: 0, size: 8192)))
        }
        #expect(try refusal(bytes.with([(1080, [0])])) == "image format not recognized")
    }

    @Test func directoriesAndSpecialFiles() throws {
        let scratch = try Scratch()
        let image = try Seen(scratch.path + "/../" + lastComponent(scratch.path) + "/./", writable: true)
        #expect(image.kind == .directory && image.isWritable && image.root == nil)
        #expect(image.path == scratch.path)
        #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
        #expect(
            failure { _ = try openImage(scratch.path + "/pipe", writable: false) }
                == context + scratch.path + "/pipe: image format not recognized")
        #expect(
            failure { _ = try openImage("/dev/null", writable: true) }
                == context + "/dev/null: image format not recognized")
    }

    @Test func namesThatLeadNowhere() throws {
        let scratch = try Scratch()
        let base = scratch.path
        _ = try scratch.file("file", [])
        try makeSymlink("nowhere", at: base + "/dangling")
        try makeSymlink("loop", at: base + "/loop")
        func text(_ name: String) -> String? { failure { _ = try openImage(base + name, writable: false) } }
        func expected(_ name: String, _ reason: String) -> String {
            context + base + name + ": failed to retrieve path for " + base + name + ": " + reason
        }
        #expect(text("/gone") == expected("/gone", "lstat \(base)/gone: no such file or directory"))
        #expect(text("/no/x") == expected("/no/x", "lstat \(base)/no: no such file or directory"))
        #expect(text("/dangling") == expected("/dangling", "lstat \(base)/nowhere: no such file or directory"))
        #expect(text("/loop") == expected("/loop", "EvalSymlinks: too many links"))
        #expect(text("/file/x") == expected("/file/x", "not a directory"))
    }

    @Test(arguments: [
        ("ubuntu:22.04", true), ("library/alpine", true), ("gone.sif", false), ("./a:b", false), ("/a:b", false),
    ]) func namesOfARegistryGetAHint(name: String, isHinted: Bool) {
        do throws(SkiffError) {
            _ = try openImage(name, writable: false)
            Issue.record("\(name) is there")
        } catch {
            #expect(error.hint == (isHinted ? "For an image of a registry write docker://\(name)" : nil))
        }
    }

    @Test func emptyNamesAreRefused() {
        #expect(failure { _ = try openImage("", writable: false) }?.hasPrefix("cannot open the image") == true)
    }

    @Test func pathsAreCleanedAsBytes() throws {
        #expect(try absolutePath("/a//b/../c/.") == "/a/c")
        #expect(try absolutePath("/..") == "/")
        #expect(try absolutePath("/a/\u{301}b") == "/a/\u{301}b")
        #expect(try absolutePath("/x/../a/\u{301}b") == "/a/\u{301}b")
        #expect(try absolutePath("y").hasSuffix("/y"))
    }
}
