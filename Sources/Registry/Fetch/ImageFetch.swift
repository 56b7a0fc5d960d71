package import Base
package import Core
import ImageCache
import Linux
import OCI

/// Fetches the image at an address, as a file that can be run.
package struct ImageFetch {
    private let options: NetworkOptions
    private let cache: CacheDirectory?
    private let progress: Progress
    private let installation: Installation
    private let settings: Settings

    /// - Parameter settings: what the administrator decided.
    package init(_ options: NetworkOptions, _ installation: Installation, _ settings: Settings) throws(SkiffError) {
        self.settings = settings
        self.options = options
        self.installation = installation
        cache = try CacheDirectory.ofUser(disabled: options.isCacheDisabled)
        progress = Progress(isQuiet: options.quiet)
    }

    /// - Throws: when neither skiff nor a plugin fetches from this transport.
    package static func check(_ uri: ImageURI, _ installation: Installation) throws(SkiffError) {
        if BuiltInTransport.fetching.contains(uri.transport) { return }
        _ = try PluginFetch.plugins(uri.transport, installation)
    }

    /// Removes leftovers of killed commands from the cache, also when nothing has to be fetched.
    package func tidy() { cache?.removeLeftoversOnce() }

    /// - Parameter scratch: the directory for what is not cached; it must outlive the result.
    package func fetch(_ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        if let source = LocalSource(uri.description) {
            return try layers.fetchLocal(source, uri, scratch: scratch)
        }
        switch uri.transport {
        case "docker": return try layers.fetchDocker(uri, scratch: scratch)
        case "oras":
            let reference = try RegistryReference(uri.reference, needsRegistry: true)
            return try OrasFetch(options: options, cache: cache, progress: progress).fetch(reference, scratch: scratch)
        case "http", "https":
            return try WebFetch(options: options, cache: cache, progress: progress).fetch(uri, scratch: scratch)
        case "shub":
            return try HubFetch(options: options, cache: cache, progress: progress)
                .fetch(try HubReference(uri.rest), scratch: scratch)
        case "library":
            return try LibraryFetch(options: options, cache: cache, progress: progress, installation: installation)
                .fetch(try LibraryReference(uri.rest), scratch: scratch)
        default:
            return try PluginFetch(
                options: options, cache: cache, progress: progress, installation: installation, settings: settings
            ).fetch(uri, scratch: scratch)
        }
    }

    private var layers: LayersFetch {
        LayersFetch(options: options, cache: cache, progress: progress, settings: settings)
    }
}
