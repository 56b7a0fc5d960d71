package import Base
import Core
import Digest
package import HTTP
import Linux

/// The services of a remote, which are looked up once and cached for thirty days (Docs/spec/sif-use.md §8).
package struct Endpoint: Sendable {
    package let name: String
    package let remote: RemoteConfig.Remote
    private let http: HTTPClient

    package init(name: String, remote: RemoteConfig.Remote, http: HTTPClient) {
        (self.name, self.remote, self.http) = (name, remote, http)
    }

    private static let longestKept: Int64 = 30 * 24 * 3600

    /// Returns addresses by service: `library`, `keystore`, `token`, `builder`, `consent`.
    package func services(fresh: Bool = false) throws(SkiffError) -> [String: String] {
        if remote.uri == RemoteConfig.standard.uri { return ["keystore": RemoteConfig.standardKeyserver] }
        let kept = try Self.cacheFile(remote.uri)
        if !fresh, let found = try? status(kept), found.modified + Self.longestKept > currentTime(),
            let bytes = try? PrivateFiles.current.read(kept, limit: 1 << 20), let services = Self.parse(bytes)
        {
            return services
        }
        let scheme = remote.isInsecure ? "http" : "https"
        guard let address = WebAddress("\(scheme)://\(remote.uri)/assets/config/config.prod.json") else {
            throw SkiffError("cannot use remote \(name): \(remote.uri) is no address")
        }
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try http.send(HTTPRequest("GET", address))
        } catch {
            throw error.described("cannot ask remote \(name) for its services")
        }
        guard response.isSuccess, let services = Self.parse(response.body) else {
            throw SkiffError(
                "cannot ask remote \(name) for its services: \(remote.uri) answered \(response.status)")
        }
        try? replaceFile(kept, response.body)
        return services
    }

    private static func parse(_ bytes: [UInt8]) -> [String: String]? {
        guard let json = try? JSONReader.read(bytes), case .object(let members) = json else { return nil }
        var services: [String: String] = [:]
        for member in members where member.name.hasSuffix("API") {
            guard let uri = member.value["uri"]?.stringValue, !uri.isEmpty else { continue }
            services[String(member.name.dropLast(3))] = uri
        }
        if let keystore = services.removeValue(forKey: "keyserver"), services["keystore"] == nil {
            services["keystore"] = keystore
        }
        return services
    }

    private static func cacheFile(_ uri: String) throws(SkiffError) -> String {
        let folder = try ConfigurationDirectory.make() + "/remote-cache"
        if (try? status(folder)) == nil {
            try during("cannot make \(folder)") { () throws(Errno) in try makeDirectories(folder, mode: 0o700) }
        }
        return folder + "/" + (try SHA256.text(of: Array(uri.utf8)).dropFirst(7)) + ".json"
    }

    package static func forget(_ uri: String) { if let file = try? cacheFile(uri) { try? unlink(file) } }

    /// Asks the token service about a token.
    ///
    /// - Throws: unless it is valid.
    package func check(token: String) throws(SkiffError) {
        guard let service = try services()["token"], let address = WebAddress(service + "/v1/token-status") else {
            throw SkiffError("cannot check the token: remote \(name) has no token service")
        }
        let response = try ask(address, token: token)
        switch response.status {
        case 200: return
        case 404: throw SkiffError("cannot log in to \(name): error response from server: Invalid Credentials")
        case 500...: throw SkiffError("cannot log in to \(name): error response from server: Internal Server Error")
        default: throw SkiffError("cannot log in to \(name): error response from server: \(response.status)")
        }
    }

    package func ask(_ address: WebAddress, token: String = "") throws(SkiffError) -> HTTPResponse {
        var request = HTTPRequest("GET", address)
        if !token.isEmpty { request["Authorization"] = "Bearer " + token }
        do throws(HTTPFailure) {
            return try http.send(request)
        } catch {
            throw error.described("cannot reach \(address.shown)")
        }
    }

    /// Returns the version that a service reports, or nil when it does not answer.
    package func version(of service: String) -> String? {
        guard let address = WebAddress(service + "/version"), let response = try? ask(address), response.isSuccess,
            let json = try? JSONReader.read(response.body)
        else { return nil }
        return json["data"]?["version"]?.stringValue ?? json["version"]?.stringValue ?? ""
    }

    /// Returns the user of the token, as the library reports it.
    package func identity() throws(SkiffError) -> JSONText? {
        guard !remote.token.isEmpty, let library = try services()["library"],
            let address = WebAddress(library + "/v1/rbac/users/current")
        else { return nil }
        let response = try ask(address, token: remote.token)
        guard response.isSuccess, let json = try? JSONReader.read(response.body) else { return nil }
        return json["data"] ?? json
    }
}
