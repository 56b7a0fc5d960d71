/// An HTTP request.
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
    /// Called with the number of bytes of the body sent so far.
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
