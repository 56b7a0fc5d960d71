package import Base

/// A request.
package struct HTTPRequest: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// A piece of an open file.
        case file(CInt, offset: Int64, size: Int64)
    }

    package var method: String
    package var address: WebAddress
    package var headers: [(name: String, value: String)] = []
    package var body = Body.none
    /// Called with the number of bytes of the body that were sent.
    package var sent: (@Sendable (Int64) -> Void)?

    package init(_ method: String = "GET", _ address: WebAddress) {
        self.method = method
        self.address = address
    }

    package subscript(name: String) -> String? {
        get { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
        set {
            headers.removeAll { $0.name.lowercased() == name.lowercased() }
            if let newValue { headers.append((name, newValue)) }
        }
    }
}

/// A response. It has the body unless that was streamed.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []
    /// The address that answered, after redirects.
    package var address: WebAddress

    package var isSuccess: Bool { (200..<300).contains(status) }

    /// The first header of that name.
    package subscript(name: String) -> String? {
        headers.first { $0.name == name.lowercased() }?.value
    }

    /// Returns all headers of that name: a server may send several challenges.
    package func all(_ name: String) -> [String] { headers.filter { $0.name == name.lowercased() }.map(\.value) }

    package var length: Int64? { self["content-length"].flatMap { Int64($0) } }
}

/// Receives the body of a success as it arrives.
package typealias BodySink = (HTTPResponse, UnsafeRawBufferPointer) throws(SkiffError) -> Void

/// A request that got no response.
package struct HTTPFailure: Error, Sendable {
    package enum Kind: Sendable, Equatable { case unreachable, stalled, late, cut, tls, notTLS, stopped, other }
    package let kind: Kind
    package let address: WebAddress
    /// The text of libcurl.
    package let text: String
    /// What the sink threw.
    package let cause: SkiffError?
    /// Whether a part of the body has gone to the sink.
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
            default: text.isEmpty ? "the exchange failed" : text.prefix(1).lowercased() + text.dropFirst()
            }
        return "\(address.scheme)://\(address.authority): \(reason)"
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
