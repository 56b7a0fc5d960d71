package import Base
import Linux

/// A profile of system calls as a filter: compiled by skiff-image, or out of this user's cache.
package struct CompiledFilter {
    private let installation: Installation

    package init(_ installation: Installation) { self.installation = installation }

    /// - Parameters:
    ///   - profile: its text.
    ///   - name: for messages.
    ///   - capabilities: bits of those that the program has; profiles have rules for some.
    package func filter(
        _ profile: [UInt8], name: String, _ capabilities: UInt64, _ cause: ProgramAttributes.Cause
    ) throws(SkiffError) -> ProgramAttributes.Filter {
        let key = SeccompCache.Key(profile: profile, capabilities: capabilities, kernel: kernelRelease())
        let cache = SeccompCache.ofUser(disabled: false)
        let known = cache?.filter(key)
        let program: [UInt8]
        if let known { program = known } else { program = try compile(key, name) }
        let filter = ProgramAttributes.Filter(program: program, cause: cause)
        if let problem = filter.problem { throw SkiffError("cannot use seccomp profile \(name): \(problem)") }
        if known == nil { cache?.keep(program, for: key) }
        return filter
    }

    private func compile(_ key: SeccompCache.Key, _ name: String) throws(SkiffError) -> [UInt8] {
        let file = try during("cannot hand over seccomp profile \(name)") { () throws(Errno) in
            let file = try makeMemoryFile("profile", key.profile)
            try rewind(file.raw)
            return file
        }
        return try HelperAnswer(installation: installation).bytes(
            ["__seccomp", name, String(key.capabilities), key.kernel], giving: file.raw)
    }
}
