import CLinux
import Linux
import Squashfs
import TestSupport

/// Content that compresses to about half, the same for the same seed.
func content(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { index in
        if index & 64 == 0 { return UInt8(truncatingIfNeeded: index / 128) }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
}

/// A tree with one of everything that an ordinary user can make.
func makeTree(at path: String) throws {
    try makeDirectories(path + "/empty directory")
    try makeDirectories(path + "/a/b/c/d")
    try makeDirectories(path + "/bin", mode: 0o700)
    for (index, size) in [0, 1, 511, 4095, 4096, 4097, 70_000, 131_072, 131_073, 1_300_000].enumerated() {
        try writeFile(path + "/file\(size)", content(size, seed: UInt64(index)), mode: 0o644)
    }
    try writeFile(path + "/a/b/c/d/deep", Array("deep\n".utf8), mode: 0o600)
    try writeFile(path + "/bin/set id", content(3000, seed: 77), mode: 0o755)
    try chmod(path + "/bin/set id", 0o6755)
    try makeSymlink("../file4096", at: path + "/a/link")
    try makeSymlink(String(repeating: "x/", count: 600), at: path + "/a/long link")
    try makeSymlink("/a/b", at: path + "/absolute")
    try makeSymlink("loop", at: path + "/loop")
    try makeHardLink(path + "/file70000", at: path + "/a/b/same")
    try makeHardLink(path + "/file70000", at: path + "/zzz")
    try makeNode(path + "/pipe", mode: SKL_S_IFIFO | 0o640)
    let sparse = try open(path + "/sparse", O_WRONLY | O_CREAT, mode: 0o644)
    try writeFully(sparse.raw, Array("start".utf8), at: 0)
    try writeFully(sparse.raw, Array("middle".utf8), at: 2_000_000)
    try Linux.ftruncate(sparse.raw, 5_000_001)
    let directory = try open(path, O_RDONLY | O_DIRECTORY)
    try makeFile(EntryName([0x6F, 0xFF, 0xFE, 0x0A]), Array("odd".utf8), mode: 0o644, at: directory.raw)
    try chmod(path + "/empty directory", 0o555)
}

func makeImage(_ tree: String, _ image: String, _ options: [String]) throws {
    try succeed(["/usr/bin/mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress"] + options)
}

func openImage(_ path: String, offset: Int64 = 0, limit: Int64 = 0) throws -> SquashfsReader {
    try SquashfsReader(FileSource(open(path, O_RDONLY), ByteRange(offset: offset, size: limit)))
}
