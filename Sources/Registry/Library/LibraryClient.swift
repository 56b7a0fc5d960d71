package import Base
import HTTP

/// A client of a library of images, with the requests of Docs/spec/sif-use.md §9.
package struct LibraryClient: Sendable {
    package let base: String
    private let token: String
    private let http: HTTPClient

    /// - Parameter base: `https://library.example`.
    init(base: String, token: String, http: HTTPClient) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        (self.token, self.http) = (token, http)
    }

    /// Returns the library that a reference or a flag names, else that of the remote in use.
    package static func find(
        host: String?, _ options: NetworkOptions, _ installation: Installation
    ) throws(SkiffError) -> LibraryClient {
        let files = try RemoteFiles(installation)
        let config = try files.merged()
        guard let remote = config.remotes[config.active] else {
            throw SkiffError("no remote is in use", hint: "Choose one with 'remote use'")
        }
        if host != nil, options.library != nil {
            throw SkiffError("conflicting arguments: a library in the URI and --library")
        }
        let named = host.map { (options.allowsHTTP ? "http://" : "https://") + $0 } ?? options.library
        let endpoint = Endpoint(name: config.active, remote: remote, http: options.http)
        if let named {
            let own = remote.isExclusive ? try endpoint.services()["library"] : nil
            if remote.isExclusive, own != named {
                throw SkiffError("cannot use library \(named): remote \(config.active) is exclusive")
            }
            return LibraryClient(base: named, token: "", http: options.http)
        }
        guard let library = try endpoint.services()["library"] else {
            throw SkiffError(
                "Unable to get library client configuration: remote has no library client",
                hint:
                    "Add a remote that has a library with 'remote add', or name a host: library://HOST/ENTITY/COLLECTION/NAME"
            )
        }
        return LibraryClient(base: library, token: remote.token, http: options.http)
    }

    func address(_ path: String) throws(SkiffError) -> WebAddress {
        guard let address = WebAddress(base + "/" + path) else {
            throw SkiffError("cannot use library \(base): it is no URL")
        }
        return address
    }

    /// Returns a request with the token of the library.
    func request(_ method: String, _ path: String, body: JSONText? = nil) throws(SkiffError) -> HTTPRequest {
        var request = HTTPRequest(method, try address(path))
        if !token.isEmpty { request["Authorization"] = "Bearer " + token }
        if let body {
            request["Content-Type"] = "application/json"
            request.body = .bytes(Array(body.text().utf8))
        }
        return request
    }

    package var hasToken: Bool { !token.isEmpty }
    var client: HTTPClient { http }

    /// Returns the `data` of a response, or nil for 404.
    package func ask(_ method: String, _ path: String, _ message: String, body: JSONText? = nil) throws(SkiffError)
        -> JSONText?
    {
        let request = try request(method, path, body: body)
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try http.send(request)
        } catch {
            throw error.described(message)
        }
        if response.status == 404 { return nil }
        let json = try? JSONReader.read(response.body)
        guard response.isSuccess else {
            let text = json?["error"]?["message"]?.stringValue ?? "the library answered \(response.status)"
            let hint = response.status == 401 ? "Log in with 'remote login'" : nil
            throw SkiffError("\(message): \(text)", hint: hint)
        }
        return json?["data"] ?? .object([])
    }
}
