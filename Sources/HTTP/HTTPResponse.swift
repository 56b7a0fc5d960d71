/// An HTTP response. It has the body unless that was streamed.
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
