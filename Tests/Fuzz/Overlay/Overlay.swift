import Linux
import OverlayPlugin

/// What `--overlay` looks at in a file: the superblock of an ext file system, and the table of a SIF.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let found = ExtSuperblock(bytes) {
        precondition(found.size >= 0 && ["ext2", "ext3", "ext4"].contains(found.type))
        #if FUZZ_CANARY
        precondition(!found.unreadable.contains("casefold"), "the canary was found")
        #endif
    }
    guard let file = try? makeMemoryFile("fuzz", bytes),
        let parts = try? SIFOverlays.find(in: file.raw, size: UInt64(bytes.count))
    else { return 0 }
    for part in parts { precondition(part.file.offset + part.file.size <= UInt64(bytes.count)) }
    return 0
}
