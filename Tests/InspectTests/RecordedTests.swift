import Core
import Foundation
import Linux
import Packing
import SquashfsWriter
import TestSupport
import Testing

@Suite("inspect and run-help, against recorded outputs") struct RecordedTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func compare(_ recorded: String, _ image: String) throws {
        let runs = try RecordedRun.all(in: recorded)
        try #require(runs.count == 26)
        for run in runs {
            let result = try runImageTool(run.words + [image])
            #expect("\(result.output)[exit \(result.status)]" == run.output, "\(run) \(result.errors)")
            #expect(result.errors == "", "\(run)")
        }
    }

    /// A SIF with the record and the definition of one that Apptainer made; inspecting needs no more.
    private func makeSIF(_ name: String) throws -> String {
        let image = "\(scratch.path)/\(name).sif"
        let record = "\(vectors)/\(name).json"
        let definition = "\(vectors)/\(name).def"
        for words in [
            ["sif", "new", image], ["sif", "add", "--datatype", "1", image, definition],
            ["sif", "add", "--datatype", "6", "--filename", SIFImage.metadataName, image, record],
        ] {
            let result = try runImageTool(words)
            try #require(result.status == 0, "\(result.errors)")
        }
        return image
    }

    @Test("the record of a SIF", arguments: ["full", "bare"]) func record(name: String) throws {
        try compare(name + ".txt", try makeSIF(name))
    }

    @Test("a sandbox") func sandbox() throws { try compare("tree.txt", vectors + "/tree") }

    @Test("a squashfs image") func squashfs() throws {
        let image = scratch.path + "/image"
        let tree = try open(vectors + "/tree", 0)
        let file = try open(image, 0o102, mode: 0o644)
        _ = try SquashfsWriter(output: file.raw, offset: 0).write(tree: tree.raw)
        try file.close()
        try compare("tree.txt", image)
    }

    @Test("the record that is made from files is the one that Apptainer put into its SIF") func producer() throws {
        let text = try InspectMetadata.collect(root: TreeRoot(HostPath(vectors + "/tree"))).json.text()
        #expect(text == String(decoding: try readFile(vectors + "/full.json"), as: UTF8.self))
    }
}

/// SKIFF_APPTAINER holds a command that runs Apptainer, in words separated by blanks; TMPDIR must be a directory that it
/// sees.
private let apptainer = ProcessInfo.processInfo.environment["SKIFF_APPTAINER"]?.split(separator: " ").map(String.init)

@Suite(
    "inspect and run-help, against Apptainer",
    .needs(.peer))
struct ComparisonTests {
    @Test("every recorded command line, on a SIF built now") func compare() throws {
        let apptainer = try #require(apptainer)
        let scratch = try Scratch()
        try makeDirectories(scratch.path + "/root/bin")
        for name in ["dev", "proc", "sys", "tmp", "etc"] { try makeDirectories(scratch.path + "/root/" + name) }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: scratch.path + "/root/bin/busybox")
        for name in ["sh", "ls", "cat", "mkdir", "echo"] {
            try makeSymlink("busybox", at: scratch.path + "/root/bin/" + name)
        }
        let definition = String(decoding: try readFile(vectors + "/full.def"), as: UTF8.self)
        let source = definition.replacingOccurrences(of: "/images/root", with: scratch.path + "/root")
        try writeFile(scratch.path + "/image.def", Array(source.utf8), mode: 0o644)
        _ = try command(["/bin/chmod", "-R", "a+rwX", scratch.path])
        let image = scratch.path + "/image.sif"
        let built = try command(apptainer + ["build", image, scratch.path + "/image.def"])
        try #require(built.status == 0, "\(built.errors)")
        for run in try RecordedRun.all(in: "full.txt") {
            let theirs = try command(apptainer + run.words + [image])
            let ours = try runImageTool(run.words + [image])
            #expect(ours.output == theirs.output, "\(run)")
            #expect(ours.status == theirs.status, "\(run)")
        }
    }
}
