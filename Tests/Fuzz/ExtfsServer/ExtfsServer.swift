import CExtfsServer

/// Takes the input as a file system and its boot block, which means nothing to one, as requests of programs in a container. An error is a
/// good answer; a trap, a hang, memory without bound or an access beyond what is allocated is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let done = skf_serve(data, size)
    #if FUZZ_CANARY
    // No seed renames or makes links: a harness that does not reach this reaches nothing.
    precondition(done & (1 << UInt32(LINK) | 1 << UInt32(RENAME)) == 0, "the canary was found")
    #endif
    _ = done
    return 0
}
