import Administration
import Base
import CLinux
import Core
import Linux
import Signing
import Systemd

/// What skiff asks for during a launch (`HelperAnswer`): words that only skiff uses.
enum LaunchAnswers {
    private static let input: Int32 = 4

    /// - Returns: the exit status; nil for other words.
    static func run(_ words: [String], _ installation: Installation) throws(SkiffError) -> Int32? {
        switch words.first {
        case "__seccomp": try seccomp(words)
        case "__capabilities": try capabilities(words)
        case "__limits": try limits(words)
        case "__ecl": try executionControl(words, installation)
        case "__scope": try scope(words)
        case "__hold": try hold(words)
        default: return nil
        }
        return 0
    }

    private static var malformed: SkiffError {
        SkiffError("cannot answer: skiff and skiff-image must be of one version")
    }

    private static func answer(_ bytes: [UInt8]) throws(SkiffError) {
        try during("cannot answer skiff") { () throws(Errno) in try writeFully(FetchAnswer.descriptor, bytes) }
    }

    /// `__seccomp NAME CAPABILITIES KERNEL`: compiles the profile on the input.
    private static func seccomp(_ words: [String]) throws(SkiffError) {
        guard words.count == 4, let capabilities = UInt64(words[2]) else { throw malformed }
        let bytes = try during("cannot read seccomp profile \(words[1])") { () throws(Errno) in
            try readToEnd(input, limit: 1 << 20)
        }
        let compiler = try SeccompCompiler(words[1])
        try answer(try compiler.compile(bytes, capabilities: capabilities, kernel: words[3]))
    }

    /// `__limits FILE`: the limits of `--apply-cgroups`.
    private static func limits(_ words: [String]) throws(SkiffError) {
        guard words.count == 2 else { throw malformed }
        try answer(try CgroupsFile(path: words[1]).limits().encoded)
    }

    /// `__scope UNIT PROCESS [optional]`: moves the process to a scope of systemd.
    private static func scope(_ words: [String]) throws(SkiffError) {
        guard words.count == 3 || words.count == 4, let process = Int32(words[2]), process > 0 else { throw malformed }
        do throws(SkiffError) {
            try TransientScope(unit: words[1], processes: [process]).make()
        } catch {
            guard words.count == 4 else { throw error }
            return Log.warning("The instance may end with this session: \(error)")
        }
        try answer(Array("made".utf8))
    }

    /// `__hold UNIT SLICE`: makes a scope of systemd around this process, and stays in it while somebody holds the input.
    private static func hold(_ words: [String]) throws(SkiffError) {
        guard words.count == 3 else { throw malformed }
        do throws(SkiffError) {
            try TransientScope(unit: words[1], slice: words[2], processes: [processID()]).make()
            guard let place = CgroupHost.look().unifiedPlace else { throw malformed }
            // Beside the container's: no process may be in a cgroup that passes controllers on.
            let aside = place.directory + "/" + HeldScope.aside
            if lastComponent(place.name) == words[1] {
                try during("cannot make the cgroup \(aside)") { () throws(Errno) in
                    try makeDirectory(aside)
                    try writeControl(aside + "/cgroup.procs", "0")
                }
            }
            try answer([HeldScope.made] + Array(place.name.utf8))
        } catch {
            return try answer([HeldScope.failed] + Array("\(error)".utf8))
        }
        _ = close(FetchAnswer.descriptor)
        _ = try? readToEnd(input, limit: 1)
    }

    /// `__capabilities FILE`: what it grants root.
    private static func capabilities(_ words: [String]) throws(SkiffError) {
        guard words.count == 2 else { throw malformed }
        try answer(Array(String(try CapabilityFile(words[1]).read().granted(to: 0)).utf8))
    }

    /// `__ecl FILE IMAGE`: judges the image on the input, and ends with an error for one that may not run.
    private static func executionControl(_ words: [String], _ installation: Installation) throws(SkiffError) {
        guard words.count == 3 else { throw malformed }
        try ExecutionControl(file: words[1]).check(
            image: words[2], file: input, keys: KeyringFile.ofInstallation(installation))
    }
}
