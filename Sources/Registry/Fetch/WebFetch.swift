import Core
import Digest
import HTTP
import ImageCache
import Linux

/// `http://` and `https://`: any image file, as it is (sif-use.md §11).
struct WebFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress

    func fetch(_ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        guard let address = WebAddress(uri.description) else { throw SkiffError("cannot use \(uri): it is no URL") }
        let key = try SHA256.text(of: Array((uri.description + (try lastModified(address))).utf8)).dropFirst(7)
        if let path = cache?.find(.net, String(key)) {
            Log.info("Using image from cache")
            return FetchedImage(path: path, isCached: true, wasHere: true)
        }
        Log.info("Downloading network image")
        let download = WebDownload(
            http: options.http, request: HTTPRequest("GET", address), message: "cannot download \(address.shown)",
            progress: progress)
        defer { progress.end() }
        guard let cache else {
            let path = try scratch.path() + "/image"
            _ = try download.run(to: path)
            return FetchedImage(path: path, isCached: false)
        }
        let path = try cache.create(.net, String(key)) { (part: String) throws(SkiffError) in
            _ = try download.run(to: part)
        }
        return FetchedImage(path: path, isCached: true)
    }

    /// What stands for the version of the file; without it, something that never comes again.
    private func lastModified(_ address: WebAddress) throws(SkiffError) -> String {
        do throws(HTTPFailure) {
            let response = try options.http.send(HTTPRequest("HEAD", address))
            if response.status == 404 {
                throw HTTPFailure(
                    kind: .other, address: address, text: "",
                    cause: SkiffError("cannot download \(address.shown): The requested image was not found"))
            }
            if response.isSuccess, let text = response["last-modified"] { return text }
        } catch {
            throw error.described("cannot download \(address.shown)")
        }
        return "\(currentTime()) \(UInt64.random(in: .min ... .max))"
    }
}
