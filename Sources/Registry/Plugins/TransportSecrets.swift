import Core
import Linux

/// The secrets that a plugin may borrow: the credentials for the host of its address; `skiff.host.secret/1`.
struct TransportSecrets {
    /// Host and path of `host:port/path/name:tag`; both may be empty.
    let host: String
    let path: String
    private let source: CredentialSource
    /// The credential, looked up once when the plugin asks, since helpers may ask the user.
    private var found: Credential?

    init(_ uri: String, _ source: CredentialSource) {
        self.source = source
        let rest = splitPluginURI(uri)?.rest ?? ""
        let authority = rest.prefix { !"/?#".contains($0) }
        host = String(authority.split(separator: "@", omittingEmptySubsequences: false).last ?? "")
        path = Self.repository(rest.dropFirst(authority.count))
    }

    /// Returns a path without tag and digest.
    private static func repository(_ path: Substring) -> String {
        var parts = path.prefix { !"?#".contains($0) }.split(separator: "/")
        if let last = parts.popLast() { parts.append(last.prefix { !":@".contains($0) }) }
        return parts.joined(separator: "/")
    }

    /// Returns whether `KEY=VALUE` of the environment is a credential.
    static func isVariable(_ text: String) -> Bool {
        let name = text.prefix { $0 != "=" }
        return ["SKIFF_", "APPTAINER_", "SINGULARITY_"].contains { prefix in
            ["DOCKER_USERNAME", "DOCKER_PASSWORD"].contains { name == prefix + $0 }
        }
    }

    /// Returns a 1 and the secret, or a 0, in memory that the caller wipes.
    mutating func message(_ name: String) -> [UInt8] {
        guard let text = secret(name) else { return [0] }
        var bytes: [UInt8] = []
        // Growing the array would leave copies.
        bytes.reserveCapacity(text.utf8.count + 1)
        bytes.append(1)
        bytes.append(contentsOf: text.utf8)
        return bytes
    }

    private mutating func secret(_ name: String) -> String? {
        guard ["username", "password", "token"].contains(name) else { return nil }
        let credential = found ?? source.credential(for: host, repository: path)
        found = credential
        switch (name, credential) {
        case ("username", .password(let user, _)): return user
        case ("password", .password(_, let password)): return password
        case ("token", .identityToken(let token)), ("token", .registryToken(let token)): return token
        default: return nil
        }
    }
}
