import Foundation
import Linux
import TestSupport
import Testing

@Suite("skiff-image") struct ProgramTests {
    @Test("a wrong command line ends as in skiff") func usage() throws {
        let result = try command(
            [imageTool, "inspect", "--nosuch", "x.sif"], environment: ["SKIFF_PROGRAM": "apptainer"])
        #expect(result.status == 1)
        #expect(result.errors.hasPrefix("Error for command \"inspect\": unknown flag: --nosuch"))
        #expect(result.errors.contains("Run 'apptainer inspect --help'") && result.output.isEmpty)
    }

    @Test("an error that a command returns comes with its usage") func returnedError() throws {
        let result = try command(
            [imageTool, "sif", "info", "9", "/nonexistent.sif"], environment: ["SKIFF_PROGRAM": "apptainer"])
        #expect(result.status == 1)
        #expect(
            result.errors == """
                Error for command "info": open /nonexistent.sif: no such file or directory
                Usage: apptainer [global options...] sif info <id> <sif_path>
                Run 'apptainer sif info --help' for more detailed usage information.

                """)
        #expect(result.output.isEmpty)
    }

    @Test("a command of another program is refused") func otherCommand() throws {
        let result = try command([imageTool, "plugin", "list"])
        #expect(result.status == 255)
        #expect(result.errors == "FATAL:   cannot run plugin list: it is no command of skiff-image\n")
    }
}

@Suite("skiff-image __extract", .needs(.mksquashfs))
struct ExtractTests {
    private let folder: Scratch
    private var image: String { folder.path + "/image" }
    private var target: String { folder.path + "/target" }

    init() throws {
        folder = try Scratch()
        let tree = folder.path + "/tree"
        try makeDirectories(tree + "/a/b")
        try makeDirectories(target)
        try writeFile(tree + "/a/b/file", Array("content".utf8), mode: 0o750)
        try makeSymlink("b/file", at: tree + "/a/link")
        // An image that begins in the middle of a file, as in a SIF.
        try writeFile(image, [UInt8](repeating: 0x53, count: 4096), mode: 0o644)
        let made = try command(["/usr/bin/mksquashfs", tree, image + ".sqfs", "-quiet", "-no-progress"])
        try #require(made.status == 0, "\(made.errors)")
        let joined = try readFile(image) + readFile(image + ".sqfs")
        try writeFile(image, joined, mode: 0o644)
    }

    /// The image is on descriptor 3, as skiff gives it.
    private func extract(_ words: [String]) throws -> CommandResult {
        try command(["/bin/sh", "-c", "exec \"$@\" 3<\"$0\"", image, imageTool, "__extract"] + words)
    }

    @Test("unpacks the part of the file that it is told") func offset() throws {
        let size = try status(image).size - 4096
        let result = try extract(["--offset", "4096", "--size", String(size), target])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.isEmpty)
        #expect(try readFile(target + "/a/link") == Array("content".utf8))
        #expect(try status(target + "/a/b/file").permissions == 0o750)
    }

    @Test("says what is wrong with the image") func noImage() throws {
        let result = try extract(["--offset", "0", "--size", "0", target])
        #expect(result.status == 255)
        #expect(result.errors == "FATAL:   cannot read the image's file system: not a squashfs image\n")
    }

    @Test("a damaged image is an error, not a crash") func damaged() throws {
        var bytes = try readFile(image)
        for index in stride(from: 4096 + 96, to: bytes.count, by: 7) { bytes[index] ^= 0x5A }
        try writeFile(image, bytes, mode: 0o644)
        let result = try extract(["--offset", "4096", "--size", "0", target])
        #expect(result.status == 255)
        #expect(result.errors.hasPrefix("FATAL:   cannot read "))
    }

    @Test("an occupied target names the path") func occupied() throws {
        try writeFile(target + "/a", [], mode: 0o644)
        let result = try extract(["--offset", "4096", "--size", "0", target])
        #expect(result.status == 255)
        #expect(result.errors == "FATAL:   cannot write \(target)/a: file exists\n")
    }

    @Test("a full disk is told with the variable that helps", .needs(.userNamespaces)) func full() throws {
        let script = """
            mount -t tmpfs -o size=64k tmpfs "$2" && head -c 300000 /dev/urandom > "$1/tree/a/big" &&
            mksquashfs "$1/tree" "$1/big.sqfs" -quiet -no-progress >&2 &&
            "$0" __extract --offset 0 --size 0 "$2" 3<"$1/big.sqfs"
            """
        let result = try command(
            ["/usr/bin/unshare", "-Urm", "/bin/sh", "-c", script, imageTool, folder.path, target])
        #expect(result.status == 255)
        #expect(result.errors.contains("no space left on device. Set APPTAINER_TMPDIR to a directory with more room"))
    }
}
