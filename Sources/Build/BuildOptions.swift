package import Base
package import Core
package import Packing
package import Registry

/// What one build was asked for beside its definition and target (Docs/spec/cli.md §4).
package struct BuildOptions: Sendable {
    /// `--section`; nil for all.
    package var sections: Set<String>?
    /// `--notest` turns it off.
    package var runsTest = true
    /// `--update`: the last stage works on the sandbox that is there.
    package var isUpdate = false
    /// `--fix-perms`.
    package var fixesPermissions = false
    /// Of `%post` and `%test`.
    package var binds: [Request.Bind] = []
    /// Of plugins, for `%post` and `%test`: `--nv` and its like.
    package var pluginFlags: [(name: String, values: [String])] = []
    /// What packing needs, and `--arch`, `--force` and `--reproducible`, which reach further.
    package var packing = PackingOptions()
    /// `--disable-cache`: nothing is kept, and nothing that is kept is used.
    package var disablesCache = false
    /// `--no-cache`: all steps run, and their results take the place of those that are kept.
    package var ignoresCache = false
    /// `--explain-cache`.
    package var explainsCache = false
    /// `--docker-host`; nil for DOCKER_HOST or Docker's own socket.
    package var dockerHost: String?
    /// `--data`: what is built is no root, but data for one.
    package var isData = false
    /// `--build-arg`, for Dockerfiles.
    package var buildArguments: [String: String] = [:]
    /// `--ignore-subuid`, `--ignore-fakeroot-command`, `--ignore-userns`: ways to root that are left out.
    package var ignoresSubuid = false
    package var ignoresFakerootCommand = false
    package var ignoresUserNamespaces = false
    /// Known when the build has begun.
    package var identity = BuildIdentity.root

    /// What the administrator decided.
    package var settings = Settings()
    /// `--config`, absolute.
    package var configurationFile: String?

    /// For agents that reach networks; nil where none may be reached.
    package var network: (any NetworkOptionsSource)?

    package init() {}

    /// Where helper programs are looked for.
    var programs: ProgramPath { ProgramPath(settings) }

    package func wants(_ section: SectionName) -> Bool { sections?.contains(section.rawValue) ?? true }
}

/// Gives the options of networks when the first agent needs them: making them may ask the user for a password.
package protocol NetworkOptionsSource: Sendable {
    func networkOptions() throws(SkiffError) -> NetworkOptions
}
