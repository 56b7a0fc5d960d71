package import Base
import Core
import Digest
import ImageCache
import Linux
import OCI
package import PluginHost

/// Fetches images by the schemes of plugins: `skiff.transport/1`.
package struct PluginFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress
    let installation: Installation
    let settings: Settings

    /// Returns the plugins that fetch from this transport, in the order in which they are asked.
    /// - Throws: when there are none.
    package static func plugins(_ scheme: String, _ installation: Installation) throws(SkiffError) -> [Manifest] {
        let catalog = PluginCatalog(installation)
        let found = catalog.plugins(for: [.scheme(scheme)]).plugins(serving: scheme)
        if found.isEmpty { throw catalog.all.refusal(of: scheme) }
        return found
    }

    func fetch(_ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        for plugin in try Self.plugins(uri.transport, installation) {
            let process = try TransportProcess(task(plugin.id, uri), installation, options)
            defer { process.end() }
            guard let image = try process.resolve() else { continue }
            let found = Found(
                uri: uri, plugin: plugin.id, image: image, flags: options.pluginFlagText,
                platform: options.platform.description, process: process)
            switch image.kind {
            case .file: return try file(found, scratch)
            case .layout: return try layout(found, scratch)
            }
        }
        throw SkiffError("cannot find \(uri): no plugin that serves \(uri.transport):// knows it")
    }

    private func task(_ plugin: String, _ uri: ImageURI) -> TransportTask {
        var task = TransportTask(
            plugin: plugin, uri: uri.description, architecture: options.platform.architecture)
        (task.variant, task.flags) = (options.platform.variant, options.pluginFlags(of: plugin))
        (task.configuration, task.isQuiet) = (options.configurationFile, options.quiet)
        return task
    }

    private struct Found {
        let uri: ImageURI
        let plugin: String
        let image: TransportImage
        let flags: String
        let platform: String
        let process: TransportProcess

        /// Returns the key in the cache: the digest, which is verified, or what the plugin promises for this address.
        /// An index has images for several platforms, so the platform is part of the key.
        func key() throws(SkiffError) -> String? {
            if let digest = image.digest, image.kind == .file { return String(digest.dropFirst(7)) }
            let text: String
            if let digest = image.digest {
                text = "\(digest)\n\(platform)"
            } else if let identity = image.identity {
                text = "\(plugin)\n\(flags)\n\(platform)\n\(uri)\n\(identity)"
            } else {
                return nil
            }
            return String(try SHA256.text(of: Array(text.utf8)).dropFirst(7))
        }
    }
}

extension PluginFetch {
    private func file(_ found: Found, _ scratch: Scratch) throws(SkiffError) -> FetchedImage {
        guard let cache, let key = try found.key() else {
            let path = try scratch.path() + "/image"
            try write(found, to: path)
            return FetchedImage(path: path, isCached: false, digest: found.image.digest)
        }
        func cached(_ path: String, wasCached: Bool) -> FetchedImage {
            FetchedImage(path: path, isCached: true, digest: found.image.digest, wasCached: wasCached)
        }
        let isCached: () -> Bool = { cache.find(.net, key) != nil }
        guard let lease = try Lease.take("net-\(key)", in: cache, isDone: isCached) else {
            Log.info("Use image from cache")
            return cached(cache.path(.net) + "/" + key, wasCached: true)
        }
        defer { lease.release() }
        let path = try cache.create(.net, key) { (part: String) throws(SkiffError) in
            Cleanup.add(part)
            defer { Cleanup.forget(part) }
            try write(found, to: part)
        }
        return cached(path, wasCached: false)
    }

    /// Lets the plugin write the file, and verifies it.
    private func write(_ found: Found, to path: String) throws(SkiffError) {
        Log.info("Fetching \(found.uri)")
        let file = try during("cannot make \(path)") { () throws(Errno) in
            try open(path, [.readWrite, .create, .exclusive], mode: 0o700)
        }
        try found.process.fetch(to: file.raw)
        let size = try during("cannot look at \(path)") { () throws(Errno) in try status(of: file.raw).size }
        let what = "cannot use \(found.uri): what the plugin \(found.plugin) fetched"
        guard found.image.size == 0 || found.image.size == size else {
            throw SkiffError("\(what) has \(size) bytes instead of \(found.image.size)")
        }
        if let wanted = found.image.digest {
            let digest = try digestOfFile(file.raw, path)
            guard digest == wanted else { throw SkiffError("\(what) has the digest \(digest) instead of \(wanted)") }
        }
        do throws(SkiffError) {
            try checkLength(of: try ImageSource.open(path, writable: false), size)
        } catch {
            throw SkiffError("\(what) is no image: \(error.message)", errno: error.errno)
        }
        try during("cannot write \(path)") { () throws(Errno) in try Linux.fsync(file.raw) }
    }

    private func layout(_ found: Found, _ scratch: Scratch) throws(SkiffError) -> FetchedImage {
        let layers = LayersFetch(options: options, cache: cache, progress: progress, settings: settings)
        return try layers.sif(try found.key(), found.image.digest, found.uri, nil, scratch) {
            () throws(SkiffError) in
            try openLayout(found, try scratch.path() + "/layout")
        } repair: { (_) throws(SkiffError) in
            false
        }
    }

    /// Lets the plugin write the layout. Its index, manifest and config are verified here, its layers when they are
    /// read.
    private func openLayout(_ found: Found, _ path: String) throws(SkiffError) -> OCIImage {
        Log.info("Fetching \(found.uri)")
        let folder = try during("cannot make \(path)") { () throws(Errno) in
            try makeDirectory(path, mode: 0o700)
            return try open(path, [.read, .directory])
        }
        try found.process.fetch(to: folder.raw)
        let layout = try OCILayout(directory: path)
        if let digest = found.image.digest, !(try layout.entries().contains { $0.digest.description == digest }) {
            throw SkiffError(
                "cannot use \(found.uri): what the plugin \(found.plugin) fetched has no image \(digest)")
        }
        return try layout.image(
            found.image.digest ?? "", source: found.uri.description, platform: options.platform)
    }
}
