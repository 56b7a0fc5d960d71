import CLinux
import Core
import Linux
import Shell

/// The scripts of an image, a value of `--env`, an OCI runscript and the linker's cache are foreign text. Whatever they
/// hold, the environment phase must come to an outcome or an error, never to a trap, and quickly.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEnvScript(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let parts = UnsafeBufferPointer(start: data, count: size).split(separator: 0, maxSplits: 3).map { Array($0) }
    var plan = EnvironmentPlan()
    plan.variables = [.init("HOME", "/h", origin: "fuzz"), .init("HOSTVAR", "a b", origin: "fuzz")]
    if parts.count > 1 { plan.overrides = [.init("WISH", parts[1], origin: "fuzz")] }
    let files = FuzzedRoot(parts: parts)
    let run = EnvironmentRun(
        plan, action: .run, arguments: [Array("x y".utf8), Array("$z\"".utf8)], directory: Array("/".utf8), files: files
    )
    guard let outcome = try? run.run(), case .start(let start) = outcome else { return 0 }
    #if FUZZ_CANARY
    let planted =
        start.shellReason == nil && start.environment.contains { $0.starts(with: Array("P=".utf8)) && $0.count > 6 }
    precondition(!planted, "the planted bug: a script that sets P to a longer text")
    #else
    precondition(start.environment.allSatisfy { $0.contains(UInt8(ascii: "=")) })
    #endif
    return 0
}

/// An image in memory: part 0 is the environment script, 2 the runscript, 3 the linker's cache.
struct FuzzedRoot: RootFiles {
    let parts: [[UInt8]]

    private func content(_ path: [UInt8]) -> [UInt8]? {
        switch String(decoding: path, as: UTF8.self) {
        case "/.singularity.d/env/90-environment.sh": parts.first
        case "/.singularity.d/runscript": parts.count > 2 ? parts[2] : Array("#!/bin/sh\n".utf8)
        case "/etc/ld.so.cache": parts.count > 3 ? parts[3] : nil
        case "/bin/sh", "/self.sh": parts.first
        default: nil
        }
    }

    func read(_ path: [UInt8], limit: Int) throws(Errno) -> [UInt8] {
        guard let found = content(path) else { throw .noSuchFile }
        guard found.count <= limit else { throw .overflow }
        return found
    }

    func bytes(_ path: [UInt8], at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
        Array(try read(path, limit: .max).dropFirst(Int(clamping: offset)).prefix(count))
    }

    func list(_ directory: [UInt8]) -> [[UInt8]]? {
        switch String(decoding: directory, as: UTF8.self) {
        case "/.singularity.d/env": [Array("90-environment.sh".utf8)]
        case "/.singularity.d/libs", "/": [Array("a.so".utf8), Array(".hidden".utf8)]
        default: nil
        }
    }

    func status(_ path: [UInt8]) throws(Errno) -> FileStatus {
        guard content(path) != nil else { throw .noSuchFile }
        return try Linux.status("/proc/self/exe")
    }

    func isSymlink(_ path: [UInt8]) -> Bool { false }
    func permits(_ path: [UInt8], _ mode: Int32) -> Bool { content(path) != nil }
}
