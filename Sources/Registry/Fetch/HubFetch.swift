import Base
import HTTP
import ImageCache
import Linux

/// Fetches from `shub://`: servers with the interface of Singularity Hub (Docs/spec/sif-use.md §11).
struct HubFetch {
    let options: NetworkOptions
    let cache: CacheDirectory?
    let progress: Progress

    func fetch(_ reference: HubReference, scratch: Scratch) throws(SkiffError) -> FetchedImage {
        let name = "shub://\(reference.registry)/\(reference.path)"
        let (image, commit) = try look(reference, name)
        return try ImageDownload(options: options, cache: cache, progress: progress, kind: .shub, key: commit).fetch(
            HTTPRequest("GET", image),
            .init(
                starting: "Downloading shub image", known: "Use image from cache", failing: "cannot download \(name)"),
            scratch: scratch)
    }

    private func look(_ reference: HubReference, _ name: String) throws(SkiffError) -> (WebAddress, String) {
        let scheme = options.allowsHTTP ? "http" : "https"
        guard let address = WebAddress("\(scheme)://\(reference.registry)/api/container/\(reference.path)") else {
            throw SkiffError("cannot use \(name): shub URI not valid")
        }
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try options.http.send(HTTPRequest("GET", address))
        } catch {
            throw error.described("cannot find \(name)")
        }
        guard response.isSuccess, let json = try? JSONReader.read(response.body) else {
            let reason = response.status == 404 ? "the requested manifest was not found" : "status \(response.status)"
            throw SkiffError("cannot find \(name): \(reason)")
        }
        // The commit becomes a file name.
        let commit = (json["commit"]?.stringValue ?? "").filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        guard let text = json["image"]?.stringValue, let image = address.following(text), !commit.isEmpty else {
            throw SkiffError("cannot find \(name): the registry's answer names no image")
        }
        return (image, commit)
    }
}
