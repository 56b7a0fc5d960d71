package import Base
import Core
import Linux
import PluginHost

/// A file of another kind than SIF that plugins write: `skiff.build-target/1`.
package struct PluginTarget: Sendable {
    /// Their ids, in the order in which they are asked.
    private let plugins: [String]
    private let installation: Installation

    /// - Returns: nil where no plugin writes such targets.
    package init?(_ path: String, _ installation: Installation) {
        let found = PluginCatalog(installation).plugins(for: [.offer(Manifest.buildTarget)]).plugins(writing: path)
        if found.isEmpty { return nil }
        (plugins, self.installation) = (found.map(\.id), installation)
    }

    /// Has a plugin write the target.
    ///
    /// - Parameters:
    ///   - image: the finished SIF, open for reading.
    ///   - typed: the target as the user wrote it.
    ///   - target: an empty file.
    package func write(_ image: CInt, _ typed: String, to target: CInt, _ options: NetworkOptions) throws(SkiffError) {
        let digest = try digestOfFile(image, typed)
        let size = try during("cannot read the image") { () throws(Errno) in try status(of: image).size }
        for plugin in plugins {
            var task = TransportTask(plugin: plugin, uri: typed, architecture: "")
            (task.upload, task.isTarget) = ((digest, size), true)
            (task.flags, task.configuration) = (options.pluginFlags(of: plugin), options.configurationFile)
            task.isQuiet = options.quiet
            let process = try TransportProcess(task, installation, options)
            defer { process.end() }
            let isMade = try process.write(image, to: target)
            let length = try during("cannot read \(typed)") { () throws(Errno) in try status(of: target).size }
            guard isMade else {
                if length == 0 { continue }
                throw SkiffError(
                    "cannot write \(typed): the plugin \(plugin) has declined it, and written to it before")
            }
            guard length > 0 else {
                throw SkiffError("cannot write \(typed): the plugin \(plugin) has written nothing")
            }
            return
        }
        throw SkiffError(
            "cannot write \(typed): no plugin makes such a file", hint: "Asked: \(plugins.joined(separator: ", "))")
    }
}
