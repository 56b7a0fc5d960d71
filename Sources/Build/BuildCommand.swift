package import Base
import CLinux
import Core
package import Grammar
import Linux
import PluginHost
import SquashfsWriter

/// `build IMAGE SPEC`: one stage from a definition file, an image or a directory (Docs/spec/deffile.md §3).
package struct BuildCommand {
    private let invocation: Invocation
    private let installation: Installation

    package init(_ invocation: Invocation, _ installation: Installation) {
        self.invocation = invocation
        self.installation = installation
    }

    /// - Returns: the exit status.
    package func run() throws(SkiffError) -> Int32 {
        guard invocation.positionals.count == 2 else { throw SkiffError("accepts 2 arg(s)", code: .usage) }
        let settings = try Settings.load(
            installation, file: invocation.global.configurationFile,
            buildConfiguration: invocation.global.buildConfiguration)
        var options = try BuildOptions(invocation, settings)
        let target = try BuildTarget(
            invocation.positionals[0], isSandbox: invocation.bool("sandbox"), force: options.replaces,
            isUpdate: options.isUpdate)
        let definition = try self.definition(&options)
        for warning in definition.warnings { Log.warning("\(definition.name): \(warning)") }
        try checkUnused(definition)
        for stage in definition.stages { _ = try BootstrapAgents.require(stage, installation) }
        let temporary = try chooseTemporaryDirectory(target)
        if invocation.bool("no-cleanup") { Log.info("Build temporary files are kept in \(temporary)") }
        let cache = try BuildCache(definition, options)
        let remains = BuildRemains(
            temporary: temporary, kept: cache?.scratch, part: target.part,
            keepsTemporary: invocation.bool("no-cleanup"))
        return try BuildSupervisor(remains: remains).run { () throws(SkiffError) in
            if options.isData {
                return try DataBuild(definition: definition, target: target, options: options).run()
            }
            try BuildTemporary.make(temporary)
            let job = BuildJob(
                definition: definition, target: target, options: options, temporary: temporary,
                installation: installation, cache: cache)
            try job.run()
        }
    }

    private func definition(_ options: inout BuildOptions) throws(SkiffError) -> Definition {
        let spec = BuildSpec(invocation.positionals[1])
        let arguments = try arguments()
        options.buildArguments = arguments.values
        if try spec.isDockerfile() {
            return try DockerfileSpec(
                file: invocation.positionals[1], context: invocation.string("build-context"),
                target: invocation.string("target") ?? ""
            ).definition(options)
        }
        for flag in ["build-context", "target"] where invocation.string(flag) != nil {
            throw SkiffError("--\(flag) is for builds from a Dockerfile, which \(invocation.positionals[1]) is not")
        }
        return try spec.definition(arguments) { InstalledPlugins(installation: installation).knows(scheme: $0) }
    }

    private func arguments() throws(SkiffError) -> BuildArguments {
        let arguments = try BuildArguments(
            words: invocation.list("build-arg"), file: invocation.string("build-arg-file"))
        for warning in arguments.warnings { Log.warning(warning) }
        return arguments
    }

    private func checkUnused(_ definition: Definition) throws(SkiffError) {
        if definition.unusedArguments.isEmpty { return }
        let names = definition.unusedArguments.joined(separator: ", ")
        if invocation.bool("warn-unused-build-args") { return Log.warning("Unused build args: " + names) }
        throw SkiffError(
            "unused build args: \(names). Use option --warn-unused-build-args to show a warning instead of a fatal message"
        )
    }

    private func chooseTemporaryDirectory(_ target: BuildTarget) throws(SkiffError) -> String {
        if target.isSandbox { try BuildTemporary.check(sandboxParent: parentPath(target.path) ?? "/") }
        return try BuildTemporary.choose(in: absolutePath(invocation.string("tmpdir") ?? TemporaryDirectory.standard()))
    }
}

/// What is to be built from: a definition file, or a path to an image or directory (Docs/spec/cli.md §4).
struct BuildSpec {
    private let text: String

    init(_ text: String) { self.text = text }

    /// Transport and the rest of an address, which may be a plugin's; nil for a path.
    private var address: (transport: String, rest: String)? {
        guard let colon = text.firstIndex(of: ":"), BuiltInTransport.words.contains(String(text[..<colon])) else {
            return splitPluginURI(text).map { ($0.scheme, $0.rest) }
        }
        let rest = text[text.index(after: colon)...]
        return (String(text[..<colon]), String(rest.hasPrefix("//") ? rest.dropFirst(2) : rest))
    }

    /// - Parameter isScheme: whether a word behind `Bootstrap:` is the scheme of a plugin.
    func definition(_ arguments: BuildArguments, isScheme: (String) -> Bool) throws(SkiffError) -> Definition {
        if let address { return Definition(bootstrap: address.transport, from: address.rest) }
        if try isImage() { return Definition(localImage: text) }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try readFile(text, limit: 16 << 20)
        } catch {
            throw SkiffError("Unable to build from \(text): unable to open file \(text): open \(text)", errno: error)
        }
        do throws(DefinitionError) {
            var definition = try Definition(parsing: bytes, arguments: arguments, isScheme: isScheme)
            definition.name = text
            return definition
        } catch {
            throw error.described(in: text)
        }
    }

    /// A file whose first instruction is FROM or ARG, which no line of a definition can be.
    func isDockerfile() throws(SkiffError) -> Bool {
        if address != nil { return false }
        guard let kind = try? status(text), kind.isRegular, let file = try? open(text, O_RDONLY),
            let head = try? readBytes(file.raw, at: 0, count: 1 << 16)
        else { return false }
        return DockerfileSpec.isDockerfile(head)
    }

    private func isImage() throws(SkiffError) -> Bool {
        guard let kind = try? status(text) else { return false }
        if kind.isDirectory { return true }
        do throws(SkiffError) {
            _ = try ImageSource.open(try absolutePath(text), writable: false)
            return true
        } catch {
            // Anything that nobody recognises may be a definition; a damaged image is an error of its own.
            if error.message.hasSuffix("image format not recognized") { return false }
            throw error
        }
    }
}
