import Build

/// Definition files are foreign text. Every input must be parsed or refused; none may trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDeffile(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    // What stands behind a NUL is a file of build variables: %arguments alone would give values no second source.
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    var arguments = BuildArguments()
    if parts.count > 1 { arguments.read(Array(parts[1]), "arguments") }
    do throws(DefinitionError) {
        let definition = try Definition(parsing: Array(parts.first ?? []), arguments: arguments)
        #if FUZZ_CANARY
        precondition(
            !definition.stages.contains { $0.files.contains { $0.stage != nil } },
            "the planted bug: a definition that copies a file from another stage")
        #else
        precondition(
            definition.stages.allSatisfy { $0.value("bootstrap") != nil }, "a definition without an agent was taken")
        #endif
        for stage in definition.stages {
            guard let script = stage.postScript else { continue }
            precondition(script.lines.count == script.body.count { $0 == 0x0A }, "a line of a script has no number")
        }
    } catch {
        _ = error.described(in: "fuzz")
    }
    return 0
}
