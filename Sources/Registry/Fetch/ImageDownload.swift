import Core
import HTTP
import ImageCache
import Linux

/// One image file from a web server, through the cache when there is one.
struct ImageDownload {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress
    /// Which part of the cache keeps it, under a name that another image does not have.
    let kind: CacheDirectory.Kind
    let key: String

    /// - Parameters:
    ///   - what: `Downloading network image`.
    ///   - message: `cannot download https://…`.
    func fetch(_ address: WebAddress, _ what: String, _ message: String, scratch: Scratch) throws(SkiffError)
        -> FetchedImage
    {
        func download(to path: String) throws(SkiffError) {
            Log.info(what)
            defer { progress.end() }
            let request = HTTPRequest("GET", address)
            _ = try WebDownload(http: options.http, request: request, message: message, progress: progress).run(
                to: path)
        }
        guard let cache else {
            let path = try scratch.path() + "/image"
            try download(to: path)
            return FetchedImage(path: path, isCached: false)
        }
        let isThere: () -> Bool = { cache.find(kind, key) != nil }
        guard let lease = try Lease.take("\(kind.rawValue)-\(key)", in: cache, isDone: isThere) else {
            // Two texts of Apptainer.
            Log.info(kind == .net ? "Using image from cache" : "Use image from cache")
            return FetchedImage(path: cache.path(kind) + "/" + key, isCached: true, wasHere: true)
        }
        defer { lease.release() }
        let path = try cache.create(kind, key) { (part: String) throws(SkiffError) in
            Cleanup.add(part)
            defer { Cleanup.forget(part) }
            try download(to: part)
        }
        return FetchedImage(path: path, isCached: true)
    }
}
