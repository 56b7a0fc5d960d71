import Base
import HTTP
import ImageCache
import Linux
import OCI

/// Fetches from `library://` (Docs/spec/sif-use.md §9).
struct LibraryFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress
    let installation: Installation

    func fetch(_ reference: LibraryReference, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        let library = try LibraryClient.find(host: reference.host, options, installation)
        let name = "library://\(reference.path):\(reference.tag)"
        if let image = try fromRegistry(library, reference, scratch) { return image }
        return try fromLibrary(library, reference, name, scratch)
    }

    /// Fetches from the OCI registry of a library that has one; other libraries do not know the request.
    private func fromRegistry(_ library: LibraryClient, _ reference: LibraryReference, _ scratch: Scratch)
        throws(SkiffError) -> FetchedImage?
    {
        let query = "v1/oci-redirect?namespace=\(queryEscaped(reference.path))&accessTypes=pull"
        let request = try library.request("GET", query)
        guard let response = try? library.client.send(request), response.isSuccess,
            let json = try? JSONReader.read(response.body), let url = json["url"]?.stringValue,
            let address = WebAddress(url), let token = json["token"]?.stringValue,
            let target = try? RegistryReference(
                "\(address.authority)/\(reference.path):\(reference.tag)", needsRegistry: true)
        else { return nil }
        let client = RegistryClient(
            target, http: options.http, credential: .registryToken(token), insecure: address.scheme == "http")
        guard let (_, manifest) = try? client.manifest(for: options.platform),
            let layer = try? OrasFetch.layer(manifest, target)
        else { return nil }
        let store =
            if let cache {
                try BlobStore(
                    directory: try cache.make(.library), parts: try cache.make("partial"), prefix: "sha256.")
            } else {
                try BlobStore(directory: try scratch.path(), parts: try scratch.path() + "/partial", prefix: "sha256.")
            }
        let wasCached = store.has(layer)
        Log.info(wasCached ? "Using cached image" : "Downloading library image")
        try BlobFetch(client, into: store, cache: cache, limits: options.limits, progress: progress).fetch([layer])
        return FetchedImage(
            path: store.path(layer.digest), isCached: cache != nil, digest: layer.digest.description,
            wasCached: wasCached)
    }

    private func fromLibrary(
        _ library: LibraryClient, _ reference: LibraryReference, _ name: String, _ scratch: Scratch
    ) throws(SkiffError) -> FetchedImage {
        let place = "\(reference.path):\(reference.tag)?arch=\(options.platform.architecture)"
        guard let known = try library.ask("GET", "v1/images/\(place)", "cannot find \(name)") else {
            throw SkiffError(
                "cannot find \(name): image does not exist in the library: \(reference.path):\(reference.tag) (\(options.platform.architecture))"
            )
        }
        let hash = known["hash"]?.stringValue ?? ""
        guard hash.hasPrefix("sha256."), let digest = try? OCIDigest("sha256:" + hash.dropFirst(7)) else {
            throw SkiffError("cannot use \(name): the library names its hash \"\(hash.prefix(80))\"")
        }
        let download = ImageDownload(options: options, cache: cache, progress: progress, kind: .library, key: hash)
        var image = try download.fetch(
            try library.request("GET", "v1/imagefile/\(place)"),
            .init(
                starting: "Downloading library image", known: "Using cached image", failing: "cannot download \(name)"),
            scratch: scratch
        ) { (path) throws(SkiffError) in
            let found = try digestOfFile(path)
            guard found == digest.description else {
                throw SkiffError("cannot use \(name): its content has the digest \(found), not \(digest)")
            }
            if Log.level >= 1, terminalName(2) == nil {
                Log.info("Download complete: \((try? status(path))?.size ?? 0) bytes")
            }
        }
        image.digest = digest.description
        return image
    }
}
