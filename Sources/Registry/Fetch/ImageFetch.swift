package import Core
import ImageCache
import Linux
import OCI

/// Brings the image behind an address here, as a file that can be run.
package struct ImageFetch {
    private let options: NetworkOptions
    private let cache: CacheDirectory?
    private let progress: Progress
    private let installation: Installation
    private let converter: any ImageConverter

    package init(_ options: NetworkOptions, _ installation: Installation, _ converter: any ImageConverter)
        throws(SkiffError)
    {
        self.converter = converter
        self.options = options
        self.installation = installation
        cache = try CacheDirectory.ofUser(disabled: options.isCacheDisabled)
        progress = Progress(isQuiet: options.quiet)
    }

    package static func isKnown(_ transport: String) -> Bool { transports.contains(transport) }

    private static let transports: Set<String> = [
        "docker", "oras", "http", "https", "shub", "library", "oci", "oci-archive", "docker-archive", "docker-daemon",
    ]

    /// - Parameter scratch: a private directory for what is not cached; it must outlive the result.
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
        default: throw SkiffError("Unsupported transport type: \(uri.transport)")
        }
    }

    private var layers: LayersFetch {
        LayersFetch(options: options, cache: cache, progress: progress, converter: converter)
    }
}
