import Base
import CLinux
import Core
import Digest
import Linux
import OCI
import Ownership
import Squashfs
import SquashfsWriter
import TestSupport
import Testing

@testable import Packing

/// One packer, whatever holds the root.
@Suite struct ImagePackerTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try scratch.directory("root/bin")
        try scratch.file("root/bin/tool", text: "tool", mode: 0o755)
        try scratch.directory("root/etc")
        try scratch.file("root/etc/hosts", text: "kept")
    }

    private var options: PackingOptions {
        var options = PackingOptions()
        (options.squashfs.workers, options.squashfs.latestTime) = (1, 1_000_000)
        return options
    }

    private var description: ImageDescription {
        var description = ImageDescription(bootstrap: "localimage", from: "root")
        description.labels = [.init(key: "who", value: "test")]
        description.runscript = ImageScript(arguments: "-e", body: Array("#!/bin/bash\necho run\n".utf8))
        return description
    }

    /// The objects of a SIF by name, and a reader of its squashfs.
    private func opened(_ path: String) throws -> (SIFImage, SquashfsReader, InspectMetadata) {
        let file = try open(path, O_RDONLY)
        let image = try SIFImage(reading: file.raw)
        let root = try #require(image.primarySystem)
        let object = try #require(image.metadata)
        let record = try InspectMetadata(parsing: readObject(object, of: file.raw))
        let source = try FileSource(file, root.range)
        return (image, try SquashfsReader(source), record)
    }

    private func text(_ path: String, in reader: SquashfsReader) throws -> String? {
        try reader.lookup(path: path).flatMap { try reader.content(of: $0, limit: 1 << 20) }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// What an image has, whatever it was made from.
    private func check(_ path: String) throws {
        let (image, reader, record) = try opened(path)
        #expect(image.objects.map(\.type) == [.definition, .genericJSON, .partition])
        #expect(try text("/bin/tool", in: reader) == "tool")
        #expect(try text("/.singularity.d/runscript", in: reader) == "#!/bin/bash -e\n\necho run\n\n")
        #expect(try text("/.singularity.d/Singularity", in: reader) == "bootstrap: localimage\nfrom: root\n\n")
        #expect(try reader.lookup(path: "/proc")?.isDirectory == true)
        #expect(record.container.labels["who"] == "test")
        #expect(record.container.labels["org.label-schema.usage.singularity.deffile.from"] == "root")
        #expect(record.container.labels["org.opencontainers.image.created"] == "1970-01-12T13:46:40Z")
        #expect(record.container.runscript.hasPrefix("#!/bin/bash -e"))
    }

    private func pack(_ source: some PackingSource, _ name: String) throws -> String {
        let path = scratch.path + "/" + name
        try ImagePacker(description, base: BaseContent(), options).pack(source, to: path)
        return path
    }

    @Test func aDirectoryIsOnlyRead() throws {
        let before = try names("root")
        let source = PlainDirectory(
            try RootTree(scratch.path + "/root"), keeping: .nothing, forgetsOwners: true, excluded: "/nowhere")
        let path = try pack(source, "directory.sif")
        try check(path)
        #expect(try text("/etc/hosts", in: opened(path).1) == "")
        #expect(try names("root") == before && scratch.text("root/etc/hosts") == "kept")
    }

    private func names(_ directory: String) throws -> [String] {
        let opened = try open(scratch.path + "/" + directory, O_RDONLY | O_DIRECTORY)
        return try entries(of: opened.raw).map(\.text).sorted()
    }

    @Test func baseFilesOfAnImageOfOursStay() throws {
        var base = BaseContent()
        base.keepsMetadata = true
        let source = PlainDirectory(
            try RootTree(scratch.path + "/root"), keeping: .nothing, forgetsOwners: true, excluded: "/nowhere")
        let path = scratch.path + "/kept.sif"
        try ImagePacker(description, base: base, options).pack(source, to: path)
        #expect(try text("/etc/hosts", in: opened(path).1) == "kept")
    }

    @Test func layersAreNotUnpacked() throws {
        let archive = scratch.path + "/layer.tar"
        try succeed(["/bin/tar", "-C", scratch.path + "/root", "-cf", archive, "."])
        let digest = try OCIDigest(SHA256.text(of: readFile(archive)))
        let image = OCIImage(
            source: "test", manifestDigest: digest,
            config: try OCIConfig(parsing: Array(#"{"architecture":"arm64","os":"linux"}"#.utf8)),
            layers: [OCILayer(blob: try Blob(path: archive), digest: digest, diffID: digest)])
        let path = try pack(try LayeredImage(image), "layers.sif")
        try check(path)
        // No program tells, so the config does.
        #expect(try opened(path).0.header.architecture.name == "arm64")
    }

    @Test func aCompleteTreeIsPackedAsItIs() throws {
        let root = try RootTree(scratch.path + "/root")
        let path = try pack(CompleteTree(root, keeping: .nothing), "tree.sif")
        let (image, reader, record) = try opened(path)
        #expect(image.objects.map(\.type) == [.definition, .genericJSON, .partition])
        #expect(try text("/etc/hosts", in: reader) == "kept")
        #expect(try reader.lookup(path: "/.singularity.d") == nil && record.container.labels.isEmpty)
    }

    @Test func oneTimeMakesOneImage() throws {
        let images = try ["one", "two"].map { name in
            let source = PlainDirectory(
                try RootTree(scratch.path + "/root"), keeping: .nothing, forgetsOwners: true, excluded: "/nowhere")
            return try readFile(pack(source, name))
        }
        #expect(images[0] == images[1])
    }
}
