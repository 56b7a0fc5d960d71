import Base
import Core
import Digest
import ImageCache
import Linux
import OCI
import Packing
import SquashfsWriter

/// Makes SIF files of images of layers: `docker://` and the transports of this host. The name of the SIF in the cache
/// is made of the image's digest and the platform, so that the next use asks only for the digest.
struct LayersFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress
    let settings: Settings

    func fetchDocker(_ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        let docker = try DockerFetch(
            options, cache: cache, progress: progress, try RegistryReference(uri.reference))
        let found = try docker.find()
        return try sif(found.digest, docker.platform, uri, docker.fullName, scratch) { () throws(SkiffError) in
            try docker.fetch(found, scratch: scratch)
        } repair: { (image) throws(SkiffError) in
            try docker.repair(image)
        }
    }

    func fetchLocal(_ source: LocalSource, _ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        let directory = try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() }
        let image = try source.open(
            platform: options.platform, directory: directory, temporary: try scratch.path(),
            daemon: options.dockerHost)
        return try sif(image.manifestDigest, options.platform, uri, nil, scratch) { () throws(SkiffError) in
            image
        } repair: { (_) throws(SkiffError) in
            false
        }
    }

    private func sif(
        _ digest: OCIDigest, _ platform: OCIPlatform, _ uri: ImageURI, _ name: String?, _ scratch: Scratch,
        fetch: () throws(SkiffError) -> OCIImage, repair: (OCIImage) throws(SkiffError) -> Bool
    ) throws(SkiffError) -> FetchedImage {
        let text = digest.hex + platform.architecture + platform.variant
        return try sif(
            String(try SHA256.text(of: Array(text.utf8)).dropFirst(7)), digest.description, uri, name, scratch,
            fetch: fetch, repair: repair)
    }

    /// - Parameters:
    ///   - key: the name of the entry in the cache; nil for an image that is not cached.
    ///   - digest: the digest of what was fetched, if known.
    func sif(
        _ key: String?, _ digest: String?, _ uri: ImageURI, _ name: String?, _ scratch: Scratch,
        fetch: () throws(SkiffError) -> OCIImage, repair: (OCIImage) throws(SkiffError) -> Bool
    ) throws(SkiffError) -> FetchedImage {
        func make(_ path: String) throws(SkiffError) {
            let image = try fetch()
            Log.info("Converting OCI blobs to SIF format")
            do throws(SkiffError) {
                try convert(image, uri, name, to: path)
            } catch {
                // A cached blob may have been damaged.
                guard try repair(image) else { throw error }
                try? unlink(path)
                try convert(try fetch(), uri, name, to: path)
            }
        }
        // With --reproducible the image has other times, so it must not be cached.
        guard let cache, let key, !options.isReproducible else {
            let path = try scratch.path() + "/image"
            try make(path)
            return FetchedImage(path: path, isCached: false, digest: digest)
        }
        let isCached: () -> Bool = { cache.find(.ociImages, key) != nil }
        guard let lease = try Lease.take("oci-\(key)", in: cache, isDone: isCached) else {
            Log.info("Using cached SIF image")
            return FetchedImage(
                path: cache.path(.ociImages) + "/" + key, isCached: true, digest: digest, wasCached: true)
        }
        defer { lease.release() }
        let path = try cache.create(.ociImages, key) { (part: String) throws(SkiffError) in
            Cleanup.add(part)
            defer { Cleanup.forget(part) }
            // With --no-cleanup a failed image stays where the user finds it.
            let place = options.keepsTemporary ? try scratch.path() + "/image" : part
            try make(place)
            if place != part { try move(place, to: part) }
        }
        return FetchedImage(path: path, isCached: true, digest: digest)
    }

    private func move(_ file: String, to part: String) throws(SkiffError) {
        try during("cannot put \(file) into the cache") { () throws(Errno) in
            do throws(Errno) {
                try rename(file, to: part)
            } catch {
                guard error == .crossDevice else { throw error }
                let input = try open(file, .read)
                let output = try open(part, [.write, .create, .exclusive], mode: 0o700)
                try copyContents(of: input.raw, to: output.raw)
            }
        }
    }

    private func convert(_ image: OCIImage, _ uri: ImageURI, _ name: String?, to path: String) throws(SkiffError) {
        // Only the owner may read the cache.
        let mask = setUmask(0o077)
        defer { _ = setUmask(mask) }
        let base = LayeredBase(image, name: name)
        var packing = PackingOptions()
        packing.architecture = image.config.platform.architecture
        packing.architectureVariant = image.config.platform.variant
        packing.isReproducible = options.isReproducible
        try packing.squashfs.apply(settings)
        packing.squashfs.latestTime = try SquashfsOptions.sourceDateEpoch()
        let description = ImageDescription(bootstrap: uri.transport, from: uri.reference)
        try ImagePacker(description, base: base.content, packing).pack(try LayeredImage(image), to: path)
    }
}
