package import Base
package import HTTP
import Linux

/// The download of one file by GET. An interrupted one is resumed as long as the server says that the file is the same.
package struct WebDownload {
    private let http: HTTPClient
    private let request: HTTPRequest
    /// `cannot download https://…`.
    private let message: String
    private let progress: Progress

    package init(http: HTTPClient, request: HTTPRequest, message: String, progress: Progress) {
        (self.http, self.request, self.message, self.progress) = (http, request, message, progress)
    }

    private static let maximumRetries = 6

    /// - Returns: the response, without its body.
    package func run(to path: String) throws(SkiffError) -> HTTPResponse {
        let file = try during("cannot make \(path)") { () throws(Errno) in
            try open(path, [.write, .create, .truncate], mode: 0o700)
        }
        let body = Body(file.raw, path, request.address, progress)
        for attempt in 1... {
            var request = request
            if body.position > 0, let validator = body.validator {
                request["Range"] = "bytes=\(body.position)-"
                request["If-Range"] = validator
            }
            body.begin()
            let before = body.position
            do throws(HTTPFailure) {
                let response = try http.send(request) { (response, bytes) throws(SkiffError) in
                    try body.take(response, bytes)
                    return .more
                }
                guard response.isSuccess else { throw problem(response) }
                try body.check()
                body.bar?.finish()
                return response
            } catch {
                guard error.isTransient, attempt < Self.maximumRetries || body.position > before, attempt < 50 else {
                    throw error.described(message)
                }
                Log.verbose("\(message): going on at byte \(body.position)")
                pause(milliseconds: 100 << Int64(min(attempt, 5)))
            }
        }
        throw SkiffError(message)
    }

    private func problem(_ response: HTTPResponse) -> HTTPFailure {
        let reason = response.status == 404 ? "there is no such file" : "the server answered \(response.status)"
        return HTTPFailure(
            kind: .other, address: response.address, text: "",
            cause: SkiffError("\(message): \(reason) (\(response.address.authority))"))
    }

    /// The bytes that have arrived.
    private final class Body {
        private let file: CInt
        private let path: String
        private let address: WebAddress
        private let progress: Progress
        private(set) var position: Int64 = 0
        private var length: Int64?
        private(set) var validator: String?
        private(set) var bar: Progress.Bar?
        private var isAnswered = false

        init(_ file: CInt, _ path: String, _ address: WebAddress, _ progress: Progress) {
            (self.file, self.path, self.address, self.progress) = (file, path, address, progress)
        }

        func begin() { isAnswered = false }

        func take(_ response: HTTPResponse, _ bytes: UnsafeRawBufferPointer) throws(SkiffError) {
            if !isAnswered { try head(response) }
            try during("cannot write \(path)") { () throws(Errno) in try writeFully(file, bytes, at: position) }
            position += Int64(bytes.count)
            bar?.advance(Int64(bytes.count))
        }

        private func head(_ response: HTTPResponse) throws(SkiffError) {
            isAnswered = true
            if response.status == 206 {
                guard ContentRange(response["content-range"] ?? "")?.start == position else {
                    throw SkiffError("cannot download \(address.shown): the server answers with another range")
                }
                return
            }
            position = 0
            try during("cannot write \(path)") { () throws(Errno) in try Linux.ftruncate(file, 0) }
            length = response.length
            // A weak ETag does not promise the same bytes; RFC 9110 §13.1.5.
            let tag = response["etag"].flatMap { $0.hasPrefix("W/") ? nil : $0 }
            validator = tag ?? response["last-modified"]
            if bar == nil {
                bar = progress.bar(String(lastComponent(address.shown).prefix(12)), total: length ?? 0)
            }
            bar?.set(0)
        }

        func check() throws(HTTPFailure) {
            guard let length, length != position else { return }
            throw HTTPFailure(kind: .cut, address: address, text: "")
        }
    }
}
