import Linux

/// A credential for a registry.
package enum Credential: Sendable, Equatable {
    case none
    case password(user: String, String)
    /// A refresh token for the token server; RFC 6749 §6.
    case identityToken(String)
    /// A bearer token, sent as it is.
    case registryToken(String)

    /// The value of `Authorization` for the basic scheme; RFC 7617.
    package var basic: String? {
        guard case .password(let user, let password) = self else { return nil }
        return "Basic " + Base64.encode("\(user):\(password)".bytes)
    }
}
