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
            let parts = Array(PostSteps.split(script).map(\.body).joined())
            precondition(parts == script.body || parts == script.body + [0x0A], "cutting %post changed it")
        }
        for file in definition.stages.flatMap(\.files).flatMap(\.files) { match(file.source) }
    } catch {
        _ = error.described(in: "fuzz")
    }
    return 0
}

/// Names that may well match: the text itself without the bytes of patterns, up to the longest that a file can have.
private func match(_ source: String) {
    guard let patterns = try? PathPattern.all(source) else { return }
    let letters = source.utf8.filter { !"*?[]()|\\!+@{},/".utf8.contains($0) }
    for case .pattern(let pattern) in patterns.prefix(4).flatMap(\.components) {
        for count in [0, 1, 5, 40, 255] {
            _ = pattern.matches(Array(letters.prefix(count)))
            _ = pattern.matches(Array(letters.suffix(count)))
        }
    }
}
