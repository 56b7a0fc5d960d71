import Base
import Core
import Linux
import PluginHost

/// Pushes a SIF to a scheme of a plugin: `skiff.transport/1`, push.
struct PluginPush {
    let facts: SIFFacts
    let uri: ImageURI
    let options: NetworkOptions
    let installation: Installation

    /// - Returns: the digest of the file.
    func run() throws(SkiffError) -> String {
        let plugins = try PluginFetch.plugins(uri.transport, installation)
        let pushing = plugins.filter { $0.pushSchemes.contains(uri.transport) }
        if pushing.isEmpty {
            throw SkiffError(
                "cannot push \(facts.path) to \(uri): the plugin \(plugins.map(\.id).joined(separator: ", ")) can only fetch"
            )
        }
        let file = try during("cannot read \(facts.path)") { () throws(Errno) in try open(facts.path, .read) }
        let digest = try digestOfFile(file.raw, facts.path)
        for plugin in pushing {
            var task = TransportTask(
                plugin: plugin.id, uri: uri.description, architecture: facts.architecture.name)
            task.upload = (digest, facts.size)
            (task.flags, task.configuration) = (options.pluginFlags(of: plugin.id), options.configurationFile)
            task.isQuiet = options.quiet
            let process = try TransportProcess(task, installation, options)
            defer { process.end() }
            if try process.push(file.raw) { return digest }
        }
        throw SkiffError("cannot push \(facts.path) to \(uri): no plugin that serves \(uri.transport):// takes it")
    }
}
