import Squashfs

/// Takes the input as a whole image and does everything that a user could: open, walk, read, list attributes, look up,
/// resume listings. A `SquashfsError` is a good answer; a trap, a hang or memory without bound is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(SquashfsError) {
        // Small caches, so that eviction is exercised too.
        let caches = SquashfsReader.CacheLimits(metadata: 4 * 8192, data: 2 << 20)
        let reader = try SquashfsReader(MemorySource(bytes), caches: caches)
        #if FUZZ_CANARY
        // One changed bit of a seed: a harness that does not report this cannot report anything.
        if reader.superblock.flags & 0x4000 != 0 { fatalError("the canary was found") }
        #endif
        try exercise(reader)
    } catch {
        return 0
    }
    return 0
}

private func exercise(_ reader: SquashfsReader) throws(SquashfsError) {
    // An image of some KiB can hold millions of names (compression, shared blocks): enough is enough.
    var rest = 2000
    try reader.walk(reader.root()) { path, inode throws(SquashfsError) in
        rest -= 1
        guard rest > 0 else { throw .corrupt(.directoryLoop) }
        _ = try? reader.xattrs(of: inode)
        _ = try? reader.target(of: inode)
        _ = try? reader.segments(of: inode, at: 0, count: 1 << 20)
        _ = try? reader.segments(of: inode, at: inode.size / 2, count: 4096)
        _ = try? reader.segments(of: inode, at: inode.size &- 1, count: 4096)
        _ = try? reader.reference(toInode: inode.number)
        _ = try? reader.inode(after: inode)
        if inode.isDirectory {
            _ = try? reader.lookup(path, in: inode)
            // A cookie that nobody was given.
            _ = try? reader.entries(of: inode, from: UInt64(inode.number) << 20 | UInt64(inode.modified))
        }
    }
}
