import Base
import HTTP
import Signing

extension RemoteFiles {
    /// Returns the key servers of the remote in use, in the order in which they are asked (Docs/spec/sif-use.md §8,
    /// §10).
    ///
    /// - Throws: when the remote does not answer which it has.
    func keyservers() throws(SkiffError) -> [Keyserver] {
        let config = try merged()
        guard let remote = config.remotes[config.active] else {
            throw SkiffError("no remote is in use", hint: "Choose one with 'remote use'")
        }
        let token = remote.token.isEmpty ? nil : "Bearer " + remote.token
        if remote.keyservers.isEmpty {
            let endpoint = Endpoint(name: config.active, remote: remote, http: try HTTPClient())
            return try endpoint.services()["keystore"].flatMap { Keyserver($0, authorization: token) }.map { [$0] }
                ?? []
        }
        return remote.keyservers.filter { !$0.isSkipped }.compactMap { server in
            // The remote's own key server takes its token; others have their own logins.
            let login = config.logins.first { $0.uri == server.uri }?.auth
            return Keyserver(server.uri, authorization: server.isExternal ? login : token)
        }
    }
}
