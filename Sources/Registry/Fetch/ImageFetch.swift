package import Core
import ImageCache
import Linux

/// Brings the image behind an address here, as a file that can be run.
package struct ImageFetch {
    private let options: NetworkOptions
    private let cache: CacheDirectory?
    private let progress: Progress
    private let installation: Installation

    package init(_ options: NetworkOptions, _ installation: Installation) throws(SkiffError) {
        self.options = options
        self.installation = installation
        cache = try CacheDirectory.ofUser(disabled: options.isCacheDisabled)
        progress = Progress(isQuiet: options.quiet)
    }

    package static func isKnown(_ transport: String) -> Bool { transports.contains(transport) }

    private static let transports: Set<String> = ["oras", "http", "https", "shub", "library"]

    /// - Parameter scratch: a private directory for what is not cached; it must outlive the result.
    package func fetch(_ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        switch uri.transport {
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
}
