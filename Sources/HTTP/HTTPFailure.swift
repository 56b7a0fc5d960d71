package import Base

/// A request that got no response.
package struct HTTPFailure: Error, Sendable {
    package enum Kind: Sendable, Equatable {
        case unreachable, stalled, late, cut, tls, notTLS
        /// Stopped by the receiver of the body.
        case stopped
        case other
    }

    package let kind: Kind
    package let address: WebAddress
    /// libcurl's text.
    package let text: String
    /// What the receiver of the body threw.
    package let cause: SkiffError?
    /// Whether a part of the body has gone to its receiver.
    package var isStarted = false

    package init(
        kind: Kind, address: WebAddress, text: String, cause: SkiffError? = nil, isStarted: Bool = false
    ) {
        (self.kind, self.address, self.text) = (kind, address, text)
        (self.cause, self.isStarted) = (cause, isStarted)
    }

    /// Whether a retry may help.
    package var isTransient: Bool { kind == .unreachable || kind == .stalled || kind == .cut }

    package var description: String {
        let reason =
            switch kind {
            case .stalled: "nothing came for too long"
            case .late: "no answer in the time that there was"
            case .cut: "the connection was cut"
            default: text.isEmpty ? "the exchange failed" : Self.continued(text)
            }
        return "\(address.scheme)://\(address.authority): \(reason)"
    }

    /// Returns libcurl's sentence as the rest of ours: `Could not connect` loses its capital, `TLS connect error` does
    /// not.
    static func continued(_ text: String) -> String {
        let second = text.dropFirst().unicodeScalars.first
        let isName = second.map { $0.properties.isUppercase || ("0"..."9").contains($0) } ?? false
        return isName ? text : text.prefix(1).lowercased() + text.dropFirst()
    }

    package var hint: String? {
        switch kind {
        case .notTLS: "Use --no-https if the server speaks plain http"
        case .tls: "Set SSL_CERT_FILE to a file with the certificate of its authority"
        case .late: "Give it more seconds with --timeout"
        case .stalled, .cut: "Try again: what is here already is not fetched twice"
        default: nil
        }
    }

    /// Returns the error of a command: `cannot <verb> <object>`.
    package func described(_ message: String) -> SkiffError {
        if let cause { return cause }
        return SkiffError("\(message): \(description)", hint: hint)
    }
}
