import ELF

/// The dynamic linker's cache is a file of the host that other programs write. Every input must be read or refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLinkerCache(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(LinkerCache.Malformed) {
        var count = 0
        try LinkerCache.read(bytes) { name, path in
            precondition(name.count < 4096 && path.count < 4096 && !name.contains(0) && !path.contains(0))
            count += 1
        }
        #if FUZZ_CANARY
        precondition(count < 2, "the planted bug: a cache with two libraries")
        #endif
    } catch {
        precondition(error.offset >= 0)
    }
    return 0
}
