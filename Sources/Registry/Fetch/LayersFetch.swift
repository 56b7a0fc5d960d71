import Base
import CLinux
import Digest
import ImageCache
import Linux
import OCI

/// Images of layers as SIF files: `docker://` and the transports of this host. The SIF is kept under a name that the
/// image's digest and the platform make, so that a second use asks for no more than the digest.
struct LayersFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress
    let converter: any ImageConverter

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
            platform: options.platform, directory: directory, temporary: try scratch.path())
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
    ///   - key: of the entry in the cache; nil for an image that is not kept.
    ///   - digest: of what was fetched, where it is known.
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
                // A blob of the cache may have been damaged since it was fetched.
                guard try repair(image) else { throw error }
                try? unlink(path)
                try convert(try fetch(), uri, name, to: path)
            }
        }
        // Times other than the image's own would be somebody else's in the cache.
        guard let cache, let key, !options.isReproducible else {
            let path = try scratch.path() + "/image"
            try make(path)
            return FetchedImage(path: path, isCached: false, digest: digest)
        }
        let isThere: () -> Bool = { cache.find(.ociImages, key) != nil }
        guard let lease = try Lease.take("oci-\(key)", in: cache, isDone: isThere) else {
            Log.info("Using cached SIF image")
            return FetchedImage(
                path: cache.path(.ociImages) + "/" + key, isCached: true, digest: digest, wasHere: true)
        }
        defer { lease.release() }
        let path = try cache.create(.ociImages, key) { (part: String) throws(SkiffError) in
            Cleanup.add(part)
            defer { Cleanup.forget(part) }
            // Nobody looks for it among the entries of the cache.
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
                let input = try open(file, O_RDONLY)
                let output = try open(part, O_WRONLY | O_CREAT | O_EXCL, mode: 0o700)
                try copyContents(of: input.raw, to: output.raw)
            }
        }
    }

    private func convert(_ image: OCIImage, _ uri: ImageURI, _ name: String?, to path: String) throws(SkiffError) {
        // A cache holds what its owner alone may see.
        let mask = setUmask(0o077)
        defer { _ = setUmask(mask) }
        try converter.convert(image, uri, name: name, isReproducible: options.isReproducible, to: path)
    }
}
