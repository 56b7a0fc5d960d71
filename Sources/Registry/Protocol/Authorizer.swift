import Base
import HTTP
import Synchronization

/// Answers a registry's challenges: basic, or a bearer token from the token server that the registry names.
final class Authorizer: Sendable {
    private let http: HTTPClient
    private let credential: Credential
    private let state = Mutex<State>(State())

    private struct State {
        var challenge: Challenge?
        /// By scope.
        var tokens: [String: String] = [:]
    }

    init(http: HTTPClient, credential: Credential) { (self.http, self.credential) = (http, credential) }

    var hasCredential: Bool { credential != .none }

    /// Returns the value of `Authorization` for a scope, or nil while the registry has not asked for one.
    func authorization(scope: String, at registry: WebAddress) throws(SkiffError) -> String? {
        let (challenge, token) = state.withLock { ($0.challenge, $0.tokens[scope]) }
        guard let challenge else { return nil }
        if challenge.scheme == "basic" { return credential.basic }
        if case .registryToken(let token) = credential { return "Bearer " + token }
        if let token { return "Bearer " + token }
        let fresh = try fetch(challenge, scope, registry)
        state.withLock { $0.tokens[scope] = fresh }
        return "Bearer " + fresh
    }

    /// Processes the challenges of a 401, which invalidates what was known for the scope.
    ///
    /// - Returns: whether a retry can help.
    func learn(_ response: HTTPResponse, scope: String) -> Bool {
        let challenges = response.all("www-authenticate").flatMap { Challenge.parse($0) }
        let usable = challenges.first { $0.scheme == "bearer" } ?? challenges.first { $0.scheme == "basic" }
        guard let usable else { return false }
        return state.withLock { state in
            state.challenge = usable
            state.tokens[scope] = nil
            return usable.scheme == "bearer" || credential.basic != nil
        }
    }

    private func fetch(_ challenge: Challenge, _ scope: String, _ registry: WebAddress) throws(SkiffError) -> String {
        guard let realm = challenge.parameters["realm"], let address = registry.following(realm) else {
            throw SkiffError("cannot log in at \(registry.authority): it names no token server")
        }
        // A registry that is asked by https must not make the client send a password by http.
        if registry.scheme == "https", address.scheme == "http", hasCredential {
            throw SkiffError(
                "cannot log in at \(registry.authority): it wants the password at \(address.shown), unencrypted")
        }
        let service = challenge.parameters["service"] ?? ""
        let scopes = scope.isEmpty ? challenge.parameters["scope"] ?? "" : scope
        let request = try request(address, service: service, scopes: scopes)
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try http.send(request)
        } catch {
            throw error.described("cannot get a token for \(registry.authority)")
        }
        guard response.isSuccess else {
            throw RegistryProblem.described("cannot log in at \(registry.authority)", response)
        }
        let json = try? JSONReader.read(response.body)
        guard let token = json?["token"]?.stringValue ?? json?["access_token"]?.stringValue, !token.isEmpty else {
            throw SkiffError("cannot log in at \(registry.authority): \(address.authority) gave no token")
        }
        return token
    }

    private func request(_ address: WebAddress, service: String, scopes: String) throws(SkiffError) -> HTTPRequest {
        var query: [(String, String)] = [("service", service)].filter { !$0.1.isEmpty }
        if case .identityToken(let token) = credential {
            query += [("grant_type", "refresh_token"), ("client_id", "skiff"), ("refresh_token", token)]
            query.append(("scope", scopes))
            var request = HTTPRequest("POST", address)
            request["Content-Type"] = "application/x-www-form-urlencoded"
            request.body = .bytes(Array(Self.form(query).utf8))
            return request
        }
        query += scopes.split(separator: " ").map { ("scope", String($0)) }
        let text = address.description
        guard let asked = WebAddress(text + (text.contains("?") ? "&" : "?") + Self.form(query)) else {
            throw SkiffError("cannot ask the token server \(address.shown)")
        }
        var request = HTTPRequest("GET", asked)
        if let basic = credential.basic { request["Authorization"] = basic }
        return request
    }

    private static func form(_ pairs: [(String, String)]) -> String {
        pairs.map { queryEscaped($0.0) + "=" + queryEscaped($0.1) }.joined(separator: "&")
    }
}
