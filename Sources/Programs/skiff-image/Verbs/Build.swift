import Base
import Build
import Core
import Grammar

/// `build IMAGE SPEC` (Docs/spec/cli.md §4).
struct BuildCommand {
    let invocation: Invocation
    let installation: Installation

    init(_ invocation: Invocation, _ installation: Installation) {
        (self.invocation, self.installation) = (invocation, installation)
    }

    /// - Returns: the exit status.
    func run() throws(SkiffError) -> Int32 {
        guard invocation.positionals.count == 2 else { throw SkiffError("accepts 2 arg(s)", code: .usage) }
        var request = BuildRequest(
            target: invocation.positionals[0], source: invocation.positionals[1],
            options: try BuildOptions(invocation, installation, Settings.load(invocation, installation)))
        request.isSandbox = invocation[.sandbox]
        request.keepsTemporary = invocation[.noCleanup]
        request.temporaryDirectory = invocation[.tmpdir]
        request.buildArguments = invocation[.buildArg]
        request.buildArgumentFile = invocation[.buildArgFile]
        request.allowsUnusedArguments = invocation[.warnUnusedBuildArgs]
        request.context = invocation[.buildContext]
        request.dockerfileTarget = invocation[.target]
        return try request.run(installation)
    }
}
