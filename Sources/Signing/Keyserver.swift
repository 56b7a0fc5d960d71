package import Base
package import HTTP

/// A server of OpenPGP keys that speaks the HTTP keyserver protocol (Docs/spec/sif-use.md §10).
package struct Keyserver: Sendable {
    package let address: WebAddress
    /// The value of `Authorization`; nil for none.
    package let authorization: String?

    /// - Parameter uri: an address with the scheme http, https, hkp (http on port 11371) or hkps (https).
    /// - Returns: nil for anything else.
    package init?(_ uri: String, authorization: String? = nil) {
        var uri = uri
        while uri.hasSuffix("/") { uri.removeLast() }
        var web = uri
        if uri.hasPrefix("hkps://") { web = "https://" + uri.dropFirst(7) }
        if uri.hasPrefix("hkp://") { web = "http://" + uri.dropFirst(6) }
        guard var address = WebAddress(web) else { return nil }
        if uri.hasPrefix("hkp://"), !address.hasPort {
            guard let withPort = WebAddress("http://\(address.authority):11371\(address.rest)") else { return nil }
            address = withPort
        }
        (self.address, self.authorization) = (address, authorization)
    }

    /// Returns the request for one key.
    func lookup(_ search: String) -> HTTPRequest? {
        let base = address.description
        let query = "/pks/lookup?exact=on&op=get&search=" + queryEscaped(search)
        guard let address = WebAddress((base.hasSuffix("/") ? String(base.dropLast()) : base) + query) else {
            return nil
        }
        var request = HTTPRequest("GET", address)
        if let authorization { request["Authorization"] = authorization }
        return request
    }
}

/// Asks key servers, one after another, until one has the key. Anybody can upload keys: only its fingerprint tells
/// whether it is the right one.
package struct KeyserverClient {
    private let servers: [Keyserver]

    /// The time limit of one server.
    private static let seconds = 5

    package init(_ servers: [Keyserver]) { self.servers = servers }

    /// - Parameter search: `0x` and the 16 or 40 hexadecimal digits of a key id or fingerprint.
    /// - Returns: an armored block of keys.
    package func get(_ search: String) throws(SkiffError) -> [UInt8] {
        var failure = SkiffError("no keyserver configured", hint: "Add one with 'keyserver add'")
        for server in servers {
            guard let request = server.lookup(search) else { continue }
            let http = try HTTPClient(seconds: Self.seconds)
            do throws(HTTPFailure) {
                let response = try http.send(request)
                if response.isSuccess { return response.body }
                failure = Self.failure(response, server)
            } catch {
                failure = SkiffError("cannot ask keyserver \(error.description)")
            }
        }
        throw failure
    }

    private static func failure(_ response: HTTPResponse, _ server: Keyserver) -> SkiffError {
        let name = "\(server.address.scheme)://\(server.address.authority)"
        return switch response.status {
        case 404: SkiffError("404 Not Found: \(name) has no such key")
        case 401: SkiffError("401 Unauthorized by \(name)", hint: "Log in with 'keyserver login'")
        default: SkiffError("keyserver \(name) answered \(response.status)")
        }
    }
}
