package import Base
package import Core
package import Packing
package import Registry

/// What a build was asked for, besides its definition and target (Docs/spec/cli.md §4).
package struct BuildOptions: Sendable {
    /// `--section`; nil for all.
    package var sections: Set<String>?
    /// `--notest` turns it off.
    package var runsTest = true
    /// `--update`: the last stage works on the sandbox that is there.
    package var isUpdate = false
    /// `--fix-perms`.
    package var fixesPermissions = false
    /// `--bind` and `--mount`, for `%post` and `%test`.
    package var binds: [Request.Bind] = []
    /// The flags of plugins, such as `--nv`, for `%post` and `%test`.
    package var pluginFlags: [PluginFlagUse] = []
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
    /// `--data`: what is built holds data to bind, not a root file system.
    package var isData = false
    /// `--build-arg`, for Dockerfiles.
    package var buildArguments: [String: String] = [:]
    /// `--ignore-subuid`, `--ignore-fakeroot-command` and `--ignore-userns`: ways to become root that are left out.
    package var ignoresSubuid = false
    package var ignoresFakerootCommand = false
    package var ignoresUserNamespaces = false
    /// `--encrypt`, also for images that the build starts from; they are decrypted where `holdsTreesInMemory`.
    package var encryption: PluginEncryption? {
        get { packing.encryption as? PluginEncryption }
        set { packing.encryption = newValue }
    }
    /// Set when the build has begun, which starts from an encrypted image.
    package var holdsTreesInMemory = false
    /// Set when the build has begun.
    package var identity = BuildIdentity.root

    /// What the administrator decided.
    package var settings = Settings()
    /// `--config`, absolute.
    package var configurationFile: String?

    /// Gives agents the options for networks; nil where none may be reached.
    package var network: (any NetworkOptionsSource)?

    package init() {}

    /// The path on which helper programs are looked for.
    var programs: ProgramPath { ProgramPath(settings) }

    package func wants(_ section: SectionName) -> Bool { sections?.contains(section.rawValue) ?? true }
}

/// Gives the options of networks when the first agent needs them: making them may ask the user for a password.
package protocol NetworkOptionsSource: Sendable {
    func networkOptions() throws(SkiffError) -> NetworkOptions
}
