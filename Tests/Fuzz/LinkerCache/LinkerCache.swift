import Linux

/// The dynamic linker's cache is a file of the host that other programs write. Every input must be read or refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLinkerCache(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(LinkerCache.Malformed) {
        let cache = try LinkerCache(parsing: bytes)
        #if FUZZ_CANARY
        precondition(cache.entries.count < 2, "the planted bug: a cache with two libraries")
        #endif
        for entry in cache.entries {
            precondition(entry.name.utf8.count <= 3 * 4096 && entry.path.utf8.count <= 3 * 4096)
        }
    } catch {
        precondition(error.offset >= 0)
    }
    return 0
}
