import Build

/// Definition files are foreign text. Every input must be parsed or refused; none may trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDeffile(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(DefinitionError) {
        let definition = try Definition(parsing: bytes)
        #if FUZZ_CANARY
        precondition(definition.files.isEmpty, "the planted bug: a definition that copies a file")
        #else
        precondition(definition.value("bootstrap") != nil, "a definition without a bootstrap agent was taken")
        #endif
    } catch {
        _ = error.described(in: "fuzz")
    }
    return 0
}
