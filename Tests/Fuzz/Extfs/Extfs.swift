import Extfs
import Extraction
import Linux

/// Takes the input as a whole file system and does everything that an extraction does, but for writing. An `ExtfsError` is a
/// good answer; a trap, a hang, memory without bound or a read outside of the input is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    #if FUZZ_CANARY
    // No seed has a superblock whose bytes add up so: a harness that does not report this cannot report anything.
    if size >= 2048, bytes[1024 + 56] == 0x53, bytes[1024..<2048].reduce(0, ^) & 3 == 0 {
        fatalError("the canary was found")
    }
    #endif
    guard let file = try? makeMemoryFile("fuzz", Array(bytes)) else { return 0 }
    do {
        try exercise(ExtfsReader(file))
    } catch {
        return 0
    }
    return 0
}

private func exercise(_ reader: ExtfsReader) throws {
    var seen: Set<UInt64> = []
    var pending = [try reader.rootNode()]
    while let directory = pending.popLast() {
        guard seen.insert(directory.identity).inserted, var listing = try? reader.listing(of: directory.file) else {
            continue
        }
        while let (_, node) = try reader.next(&listing) {
            _ = try? reader.attributes(of: node.file)
            switch node.kind {
            case .directory: pending.append(node)
            case .symlink: _ = try? reader.linkTarget(of: node.file)
            case .file: try? reader.content(of: node.file) { _, _ in }
            default: break
            }
        }
    }
}
