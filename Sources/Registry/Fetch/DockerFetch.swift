package import Base
import Digest
package import ImageCache
import Linux
package import OCI

/// An image of layers in a registry: `docker://` (Docs/spec/sif-use.md §6).
package struct DockerFetch {
    private let options: NetworkOptions
    private let cache: CacheDirectory?
    private let progress: Progress
    /// As the user wrote it.
    private let reference: RegistryReference
    /// The platform, which the name of the repository may contain.
    package let platform: OCIPlatform

    package init(
        _ options: NetworkOptions, cache: CacheDirectory?, progress: Progress, _ reference: RegistryReference
    ) throws(SkiffError) {
        (self.options, self.cache, self.progress, self.reference) = (options, cache, progress, reference)
        if let word = reference.architectureInPath {
            platform = try OCIPlatform(word: word, variant: nil)
            if platform != options.platform {
                Log.warning("The image's name asks for architecture \(word), which counts more than --arch")
            }
        } else {
            platform = options.platform
        }
    }

    /// A registry or mirror that has the image, and the digest that the name has there now.
    package struct Found: Sendable {
        let client: RegistryClient
        /// The digest of an index or manifest.
        package let digest: OCIDigest
    }

    /// Finds the image on the mirrors and the registry, by a request that does not count as a pull.
    package func find() throws(SkiffError) -> Found {
        var failure: SkiffError?
        for client in try options.clients(for: reference) {
            do throws(SkiffError) {
                if let digest = client.reference.digest { return Found(client: client, digest: digest) }
                if let told = try client.digest(of: client.reference.selector) {
                    return Found(client: client, digest: told)
                }
                let manifest = try client.manifest(client.reference.selector)
                return Found(client: client, digest: manifest.descriptor.digest)
            } catch {
                failure = error
            }
        }
        throw failure ?? SkiffError("cannot find \(reference)")
    }

    /// Fetches manifest, config and layers, as far as they are not in the store.
    ///
    /// - Parameter scratch: holds the store when there is no cache.
    package func fetch(_ found: Found, scratch: Scratch) throws(SkiffError) -> OCIImage {
        let store =
            if let cache { try BlobStore(layout: try cache.make(.blob)) } else {
                try BlobStore(layout: try scratch.path() + "/blob")
            }
        let (remote, manifest) = try found.client.manifest(for: platform, store: store)
        // Report what is not an image before fetching anything large.
        _ = try manifest.tarLayers("docker://\(reference)")
        // A damaged config is fetched again.
        if store.has(manifest.config) { _ = try store.keepIntact(manifest.config.digest) }
        let fetch = BlobFetch(found.client, into: store, cache: cache, limits: options.limits, progress: progress)
        try fetch.fetch(manifest.layers, config: manifest.config)
        return try OCIImage(source: "docker://\(reference)", remote.descriptor, in: store, platform: platform)
    }

    /// Verifies all blobs of the image again, and removes damaged ones.
    ///
    /// - Returns: whether any was damaged.
    package func repair(_ image: OCIImage) throws(SkiffError) -> Bool {
        guard let cache else { return false }
        let store = try BlobStore(layout: try cache.make(.blob))
        var isDamaged = false
        for digest in image.layers.compactMap(\.digest) where try !store.keepIntact(digest) { isDamaged = true }
        return isDamaged
    }

    /// The name with everything that short forms leave out.
    package var fullName: String {
        reference.tag == nil && reference.digest == nil ? "\(reference):latest" : reference.description
    }
}
