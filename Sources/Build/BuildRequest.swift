package import Base
import Core
import Linux
import Packing
import PluginHost
import Registry
import SquashfsWriter

/// A build as it was asked for: one image or sandbox from a definition file, a Dockerfile, an image or a directory
/// (Docs/spec/deffile.md §3).
package struct BuildRequest: Sendable {
    /// As the user wrote it.
    package var target: String
    /// A definition file, an address, or a path to an image or directory; as the user wrote it.
    package var source: String
    package var options: BuildOptions
    package var isSandbox = false
    /// Whether temporary files stay, even of a failed build.
    package var keepsTemporary = false
    /// The directory for temporary files; nil for the standard one.
    package var temporaryDirectory: String?
    /// `KEY=VALUE` of the command line.
    package var buildArguments: [String] = []
    /// A file of such lines.
    package var buildArgumentFile: String?
    /// Whether an argument that the definition does not use is a warning, not an error.
    package var allowsUnusedArguments = false
    /// The context and the stage of a Dockerfile; an error for any other source.
    package var context: String?
    package var dockerfileTarget: String?

    package init(target: String, source: String, options: BuildOptions) {
        (self.target, self.source, self.options) = (target, source, options)
    }

    /// - Returns: the exit status.
    package func run(_ installation: Installation) throws(SkiffError) -> Int32 {
        var options = options
        if options.packing.encryption != nil, isSandbox || options.isData {
            throw SkiffError(
                "cannot encrypt \(target): \(isSandbox ? "a sandbox is a directory" : "only root file systems can be")")
        }
        let target = try BuildTarget(
            target, isSandbox: isSandbox, force: options.packing.replaces, isUpdate: options.isUpdate,
            maker: isSandbox ? nil : PluginTarget(target, installation))
        let definition = try definition(&options, installation)
        for warning in definition.warnings { Log.warning("\(definition.name): \(warning)") }
        try checkUnused(definition)
        for stage in definition.stages { _ = try BootstrapAgents.require(stage, installation) }
        let temporary = try chooseTemporaryDirectory(target)
        if keepsTemporary { Log.info("Build temporary files are kept in \(temporary)") }
        let cache = try BuildCache(definition, options)
        let remains = BuildRemains(
            temporary: temporary, kept: cache?.scratch, part: target.part, keepsTemporary: keepsTemporary)
        return try BuildSupervisor(remains: remains).run { () throws(SkiffError) in
            if options.isData {
                return try DataBuild(definition: definition, target: target, options: options).run()
            }
            let held = try BuildTemporary.make(temporary)
            let job = BuildJob(
                definition: definition, target: target, options: options, temporary: temporary,
                installation: installation, cache: cache)
            try job.run()
            // An explicit call, so that the directory stays open, and locked, until the build is done.
            try? held.close()
        }
    }

    private func definition(_ options: inout BuildOptions, _ installation: Installation) throws(SkiffError)
        -> Definition
    {
        let spec = BuildSpec(source)
        let arguments = try BuildArguments(words: buildArguments, file: buildArgumentFile)
        for warning in arguments.warnings { Log.warning(warning) }
        options.buildArguments = arguments.values
        if try spec.isDockerfile() {
            return try DockerfileSpec(file: source, context: context, target: dockerfileTarget ?? "")
                .definition(options)
        }
        for (flag, value) in [("build-context", context), ("target", dockerfileTarget)] where value != nil {
            throw SkiffError("--\(flag) is for builds from a Dockerfile, which \(source) is not")
        }
        return try spec.definition(arguments) {
            PluginCatalog(installation).plugins(for: [.scheme($0)]).knows(scheme: $0)
        }
    }

    private func checkUnused(_ definition: Definition) throws(SkiffError) {
        if definition.unusedArguments.isEmpty { return }
        let names = definition.unusedArguments.joined(separator: ", ")
        if allowsUnusedArguments { return Log.warning("Unused build args: " + names) }
        throw SkiffError(
            "unused build args: \(names). Use option --warn-unused-build-args to show a warning instead of a fatal message"
        )
    }

    private func chooseTemporaryDirectory(_ target: BuildTarget) throws(SkiffError) -> String {
        if target.isSandbox { try BuildTemporary.check(sandboxParent: parentPath(target.path) ?? "/") }
        let parent = try absolutePath(temporaryDirectory ?? TemporaryDirectory.standard())
        return try BuildTemporary.choose(in: parent, isKept: keepsTemporary)
    }
}
