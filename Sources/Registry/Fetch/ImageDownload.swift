import Base
import Core
import HTTP
import ImageCache
import Linux

/// The download of one image file from a web server, through the cache if there is one.
struct ImageDownload {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress
    /// The kind of its entry in the cache, and the entry's name, which no other image has.
    let kind: CacheDirectory.Kind
    let key: String

    /// The messages about it.
    struct Messages {
        /// `Downloading network image`.
        let starting: String
        /// `Using image from cache`.
        let known: String
        /// `cannot download https://…`.
        let failing: String
    }

    /// - Parameter check: checks the downloaded file at a path.
    func fetch(
        _ request: HTTPRequest, _ messages: Messages, scratch: Scratch,
        check: (String) throws(SkiffError) -> Void = { _ in }
    ) throws(SkiffError) -> FetchedImage {
        func download(to path: String) throws(SkiffError) {
            Log.info(messages.starting)
            defer { progress.end() }
            _ = try WebDownload(http: options.http, request: request, message: messages.failing, progress: progress)
                .run(
                    to: path)
            try check(path)
        }
        guard let cache else {
            let path = try scratch.path() + "/image"
            try download(to: path)
            return FetchedImage(path: path, isCached: false)
        }
        let isCached: () -> Bool = { cache.find(kind, key) != nil }
        guard let lease = try Lease.take("\(kind.rawValue)-\(key)", in: cache, isDone: isCached) else {
            Log.info(messages.known)
            return FetchedImage(path: cache.path(kind) + "/" + key, isCached: true, wasCached: true)
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
