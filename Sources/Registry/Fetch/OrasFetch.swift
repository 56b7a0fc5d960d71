import Base
import Digest
import ImageCache
import Linux
import OCI

/// Fetches a SIF that is an artifact of a registry (Docs/spec/sif-use.md §7).
struct OrasFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress

    static let layerType = "application/vnd.sylabs.sif.layer.v1.sif"
    private static let oldLayerType = "appliciation/vnd.sylabs.sif.layer.tar"

    func fetch(_ reference: RegistryReference, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        let (client, layer) = try find(reference)
        let store =
            if let cache {
                try BlobStore(directory: try cache.make(.oras), parts: try cache.make("partial"))
            } else { try BlobStore(directory: try scratch.path(), parts: try scratch.path() + "/partial") }
        let path = store.path(layer.digest)
        let wasCached = store.has(layer)
        if wasCached {
            Log.info("Using cached SIF image")
        } else {
            Log.info("Downloading oras image")
            try BlobFetch(client, into: store, cache: cache, limits: options.limits, progress: progress).fetch([layer])
            try cache?.keepWithinQuota(except: path)
        }
        do throws(SkiffError) {
            _ = try architectureOfSIF(path)
        } catch {
            store.discard(layer.digest)
            throw SkiffError("cannot use oras://\(reference): what it holds is no SIF: \(error.message)")
        }
        return FetchedImage(
            path: path, isCached: cache != nil, digest: layer.digest.description, wasCached: wasCached)
    }

    /// Returns the first registry or mirror that has it, and the one layer that is the SIF.
    private func find(_ reference: RegistryReference) throws(SkiffError) -> (RegistryClient, OCIDescriptor) {
        var failure: SkiffError?
        for client in try options.clients(for: reference) {
            do throws(SkiffError) {
                let known = try cache.map { (cache) throws(SkiffError) in try BlobStore(layout: try cache.make(.blob)) }
                let (_, manifest) = try client.manifest(for: options.platform, store: known)
                return (client, try Self.layer(manifest, reference))
            } catch {
                failure = error
            }
        }
        throw failure ?? SkiffError("cannot find \(reference)")
    }

    static func layer(_ manifest: OCIManifest, _ reference: RegistryReference) throws(SkiffError) -> OCIDescriptor {
        guard manifest.layers.count == 1, let layer = manifest.layers.first else {
            throw SkiffError(
                "cannot use oras://\(reference): ORAS SIF image should have a single layer, this has \(manifest.layers.count)",
                hint: "It may be an ordinary container image: name it as docker://")
        }
        guard layer.mediaType == layerType || layer.mediaType == oldLayerType else {
            throw SkiffError(
                "cannot use oras://\(reference): its layer is of type \(layer.mediaType), not a SIF",
                hint: layer.isTar ? "It is an ordinary container image: name it as docker://" : nil)
        }
        return layer
    }
}
