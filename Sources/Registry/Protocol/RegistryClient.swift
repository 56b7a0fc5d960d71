package import Base
import Digest
package import HTTP
package import OCI
import Synchronization

/// A verified manifest or index of a registry.
package struct RemoteManifest: Sendable {
    package let descriptor: OCIDescriptor
    package let bytes: [UInt8]
}

/// A client of one repository of a registry; OCI distribution-spec 1.1. Several threads may use it.
package final class RegistryClient: Sendable {
    package let reference: RegistryReference
    private let http: HTTPClient
    private let authorizer: Authorizer
    /// Whether plain http may be tried when the registry does not speak https: where it was asked for, and on this machine.
    private let allowsHTTP: Bool
    private let base = Mutex<WebAddress?>(nil)

    /// - Parameter insecure: `--no-https`, or `insecure` of registries.conf.
    package init(_ reference: RegistryReference, http: HTTPClient, credential: Credential, insecure: Bool) {
        self.reference = reference
        self.http = http
        authorizer = Authorizer(http: http, credential: credential)
        allowsHTTP = insecure || Self.isLoopback(reference.registry)
    }

    /// Whether nobody can listen on the way to a registry. A private address is that of a network with others in it.
    static func isLoopback(_ registry: String) -> Bool { WebAddress("https://\(registry)/")?.isLoopback ?? false }

    private static let manifestTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ].joined(separator: ", ")

    // MARK: asking

    /// Asks for `/v2/`, to find out the protocol and the authentication.
    ///
    /// - Returns: the response, with credentials if there are any.
    @discardableResult
    package func ping() throws(SkiffError) -> HTTPResponse {
        let address = try root()
        var request = HTTPRequest("GET", address)
        request["Authorization"] = try authorizer.authorization(scope: "", at: address)
        return try send(request, "cannot reach registry \(reference.registry)")
    }

    private func root() throws(SkiffError) -> WebAddress {
        if let known = base.withLock({ $0 }) { return known }
        let host = reference.registry == RegistryReference.dockerHub ? "registry-1.docker.io" : reference.registry
        var failure: HTTPFailure?
        for scheme in allowsHTTP ? ["https", "http"] : ["https"] {
            guard let address = WebAddress("\(scheme)://\(host)/v2/") else { break }
            do throws(HTTPFailure) {
                let response = try http.send(HTTPRequest("GET", address))
                if response.status == 401 { _ = authorizer.learn(response, scope: "") }
                // A server without https may answer in http.
                if scheme == "https", allowsHTTP, response.status == 400 { continue }
                base.withLock { $0 = address }
                return address
            } catch {
                if failure == nil || error.kind != .unreachable { failure = error }
                // A server with a wrong certificate is not asked by plain http.
                if error.cause != nil || error.kind == .tls { break }
            }
        }
        let message = "cannot reach registry \(reference.registry)"
        if let failure, failure.kind == .unreachable, !allowsHTTP {
            throw SkiffError("\(message): \(failure.description)", hint: "If it speaks plain http, use --no-https")
        }
        throw failure?.described(message) ?? SkiffError("\(message): that is no host")
    }

    private func send(_ request: HTTPRequest, _ message: String, sink: BodySink? = nil) throws(SkiffError)
        -> HTTPResponse
    {
        do throws(HTTPFailure) {
            return try http.send(request, sink: sink)
        } catch {
            throw error.described(message)
        }
    }

    /// Sends a request below the repository, and again with a new token when the registry asks for one.
    ///
    /// - Parameters:
    ///   - path: the path after `/v2/<name>/`, or an absolute URL that the registry named.
    ///   - actions: `pull`, `pull,push`.
    /// - Returns: the response, with any status. Failures of the connection are thrown as they are.
    func request(
        _ method: String, _ path: String, actions: String = "pull", headers: [(String, String)] = [],
        body: HTTPRequest.Body = .none, sent: (@Sendable (Int64) -> Void)? = nil, sink: BodySink? = nil
    ) throws(SkiffError) -> Result<HTTPResponse, HTTPFailure> {
        let root = try root()
        let place = path.hasPrefix("/") || path.contains("://") ? path : "/v2/\(reference.repository)/\(path)"
        guard let address = root.following(place) else {
            throw SkiffError("cannot ask \(reference.registry): it names \(place.prefix(200)), which is no address")
        }
        let scope = "repository:\(reference.repository):\(actions)"
        var request = HTTPRequest(method, address)
        for (name, value) in headers { request[name] = value }
        request.body = body
        request.sent = sent
        for attempt in 0..<2 {
            if address.isSameOrigin(as: root) {
                request["Authorization"] = try authorizer.authorization(scope: scope, at: root)
            }
            do throws(HTTPFailure) {
                let response = try http.send(request, sink: sink)
                guard response.status == 401, attempt == 0, response.address.isSameOrigin(as: root),
                    authorizer.learn(response, scope: scope)
                else { return .success(response) }
            } catch {
                return .failure(error)
            }
        }
        throw SkiffError("cannot ask \(reference.registry)")
    }

    /// Sends a request with a short response; any status but success is an error.
    func ask(
        _ method: String, _ path: String, _ message: String, actions: String = "pull",
        headers: [(String, String)] = [], body: HTTPRequest.Body = .none
    ) throws(SkiffError) -> HTTPResponse {
        switch try request(method, path, actions: actions, headers: headers, body: body) {
        case .failure(let failure): throw failure.described(message)
        case .success(let response):
            guard response.isSuccess else { throw RegistryProblem.described(message, response) }
            return response
        }
    }

    // MARK: manifests

    /// Returns the digest of a tag, by HEAD, which registries do not count as a pull, or nil when the registry does not
    /// send it.
    package func digest(of selector: String) throws(SkiffError) -> OCIDigest? {
        let response = try ask(
            "HEAD", "manifests/" + selector, "cannot find \(reference)", headers: [("Accept", Self.manifestTypes)])
        guard let text = response["docker-content-digest"] else { return nil }
        return try OCIDigest(text)
    }

    /// - Parameter selector: a tag, or a digest, against which the manifest is verified.
    package func manifest(_ selector: String) throws(SkiffError) -> RemoteManifest {
        let response = try ask(
            "GET", "manifests/" + selector, "cannot get the manifest of \(reference)",
            headers: [("Accept", Self.manifestTypes)])
        let found = try SHA256.text(of: response.body)
        let told = response["docker-content-digest"].flatMap { $0.hasPrefix("sha256:") ? $0 : nil }
        for wanted in [selector.contains(":") ? selector : nil, told].compactMap({ $0 }) where wanted != found {
            throw SkiffError(
                "cannot use the manifest of \(reference): its content has the digest \(found), not \(wanted)")
        }
        let type = response["content-type"].map { String($0.prefix { $0 != ";" }) } ?? ""
        let descriptor = OCIDescriptor(mediaType: type, digest: try OCIDigest(found), size: Int64(response.body.count))
        return RemoteManifest(descriptor: descriptor, bytes: response.body)
    }

    /// Returns the manifest for a platform, through indexes.
    ///
    /// - Parameter store: caches manifests, so that HEAD tells whether there is a new one.
    package func manifest(for platform: OCIPlatform, store: BlobStore? = nil) throws(SkiffError) -> (
        RemoteManifest, OCIManifest
    ) {
        var current = try manifest(reference.selector, store)
        for _ in 0..<8 {
            switch try OCIManifestDocument(parsing: current.bytes) {
            case .manifest(let manifest): return (current, manifest)
            case .index(let entries):
                let next = try OCIManifestDocument.select(entries, platform, reference.description)
                current = try self.manifest(next.digest.description, store)
                try next.verify(current.bytes, "image manifest")
            }
        }
        throw SkiffError("cannot use \(reference): its indexes are nested too deep")
    }

    private func manifest(_ selector: String, _ store: BlobStore?) throws(SkiffError) -> RemoteManifest {
        guard let store else { return try manifest(selector) }
        let digest = selector.contains(":") ? try OCIDigest(selector) : try? digest(of: selector)
        if let digest, let bytes = store.bytes(of: digest) {
            return RemoteManifest(
                descriptor: OCIDescriptor(mediaType: "", digest: digest, size: Int64(bytes.count)), bytes: bytes)
        }
        let manifest = try manifest(selector)
        try store.add(manifest.descriptor.digest, manifest.bytes)
        return manifest
    }

    /// Returns a small blob as a whole: a config.
    package func smallBlob(_ descriptor: OCIDescriptor, limit: Int64 = 16 << 20) throws(SkiffError) -> [UInt8] {
        guard descriptor.size <= limit else {
            throw SkiffError("cannot use blob \(descriptor.digest): \(descriptor.size) bytes are too many")
        }
        let response = try ask(
            "GET", "blobs/\(descriptor.digest)", "cannot get blob \(descriptor.digest) of \(reference)")
        try descriptor.verify(response.body, "blob")
        return response.body
    }
}
