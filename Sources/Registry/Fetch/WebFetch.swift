import Base
import Digest
import HTTP
import ImageCache
import Linux

/// Fetches any image file as it is, by `http://` and `https://` (Docs/spec/sif-use.md §11).
struct WebFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress

    func fetch(_ uri: ImageURI, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        guard let address = WebAddress(uri.description) else { throw SkiffError("cannot use \(uri): it is no URL") }
        let key = try SHA256.text(of: Array((uri.description + (try lastModified(address))).utf8)).dropFirst(7)
        return try ImageDownload(options: options, cache: cache, progress: progress, kind: .net, key: String(key))
            .fetch(
                HTTPRequest("GET", address),
                .init(
                    starting: "Downloading network image", known: "Using image from cache",
                    failing: "cannot download \(address.shown)"),
                scratch: scratch)
    }

    /// Returns the text that identifies the version of the file, or a unique one when the server names none.
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
