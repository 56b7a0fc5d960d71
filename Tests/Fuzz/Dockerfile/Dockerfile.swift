import Dockerfile

/// Dockerfiles are foreign text, and so is what their words become. Every input must be evaluated or refused; none may trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDockerfile(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let ignore = try? IgnoreFile(parsing: bytes, file: "fuzz") {
        for path in ["a", "a/b", "node_modules/x/y.js", "é"] { _ = ignore.ignores(path) }
    }
    do throws(DockerfileError) {
        let parsed = try ParsedDockerfile(parsing: bytes)
        precondition(!parsed.stages.isEmpty, "a Dockerfile without a stage was taken")
        var options = DockerfileOptions(
            platform: Platform(architecture: "amd64"), buildPlatform: Platform(architecture: "arm64"))
        options.arguments = ["VERSION": "1.2.3/x", "EMPTY": ""]
        let plan = try DockerfilePlan(parsed, options)
        _ = plan.unusedArguments
        for stage in plan.stages.indices {
            var evaluator = try StageEvaluator(plan, stage: stage, config: .scratch)
            while let step = try evaluator.next() { check(step) }
            _ = evaluator.config.variables
        }
    } catch {
        _ = error.described(in: "fuzz")
    }
    return 0
}

private func check(_ step: DockerfileStep) {
    switch step.action {
    case .copy(let copy):
        #if FUZZ_CANARY
        precondition(copy.mode == nil, "the planted bug: a COPY that changes modes")
        #endif
        precondition(copy.destination.hasPrefix("/"), "a destination that is not absolute")
        precondition(!copy.destination.split(separator: "/").contains(".."), "a destination that leads up")
        for source in copy.sources { _ = try? SourceMatcher(OneFile()).matches(source) }
    case .run(let run): precondition(run.directory.hasPrefix("/"), "a working directory that is not absolute")
    case .makeDirectory(let path, _): precondition(path.hasPrefix("/") && path != "/", "a directory to make: \(path)")
    }
}

private struct OneFile: CopySource {
    func kind(_ path: String) -> SourceKind? {
        switch path {
        case "/": .directory
        case "/a": .link(target: "../b/./a")
        case "/b": .directory
        case "/b/a": .file
        default: nil
        }
    }
    func names(_ path: String) -> [String] { path == "/" ? ["a", "b"] : ["a"] }
}
