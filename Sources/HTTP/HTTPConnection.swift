import Base
import CCurl
import CLinux
import Linux
import Synchronization

/// One kept connection; used by one thread at a time.
final class HTTPConnection: @unchecked Sendable {
    // Handed from thread to thread by HTTPClient's pool, which is locked: never used by two.
    private let handle: OpaquePointer

    /// - Parameter address: the address of the first request, for the error.
    init(for address: WebAddress) throws(HTTPFailure) {
        guard let handle = skl_http_new() else {
            throw HTTPFailure(
                kind: .other, address: address, text: "",
                cause: SkiffError("cannot open libcurl.so.4", hint: "Install the package libcurl4"))
        }
        self.handle = handle
    }

    deinit { skl_http_free(handle) }

    /// Sends one request and returns its response; no redirect is followed.
    func perform(_ request: HTTPRequest, _ trust: HTTPTrust, sink: BodySink?) throws(HTTPFailure) -> (
        response: HTTPResponse, retryAfter: Int64
    ) {
        let transfer = Transfer(request.address, sent: request.sent)
        var result = skl_http_result()
        transfer.sink = sink
        run(request, trust, transfer, &result)
        transfer.sink = nil
        guard result.problem == Int32(SKL_HTTP_NONE.rawValue) else {
            let isLate = result.problem == Int32(SKL_HTTP_STALLED.rawValue) && trust.millisecondsLeft == 0
            throw HTTPFailure(
                kind: isLate ? .late : Self.kind(result.problem), address: request.address, text: Self.text(&result),
                cause: transfer.failure, isStarted: transfer.isStarted)
        }
        transfer.response.status = Int(result.status)
        return (transfer.response, Int64(result.retry_after))
    }

    private func run(_ request: HTTPRequest, _ trust: HTTPTrust, _ transfer: Transfer, _ result: inout skl_http_result)
    {
        // A line break in a value would add headers.
        let lines = request.headers.filter { !($0.name + $0.value).contains { $0.isNewline || $0 == "\0" } }
            .map { "\($0.name): \($0.value)" }
        let headers = CStringArray(lines + ["Expect:", "User-Agent: \(trust.userAgent)"])
        let texts = CStringArray(
            [request.method, request.address.description]
                + [
                    trust.proxy(for: request.address), trust.certificateFile,
                    trust.certificateDirectory, trust.socket,
                ].map { $0 ?? "" })
        let isGiven = [
            trust.proxy(for: request.address), trust.certificateFile, trust.certificateDirectory, trust.socket,
        ]
        .map { $0 != nil }
        var bytes: [UInt8] = []
        var exchange = skl_http_exchange()
        exchange.body_fd = -1
        exchange.body_size = -1
        switch request.body {
        case .none: break
        case .bytes(let all):
            bytes = all
            exchange.body_size = Int64(all.count)
        case .file(let descriptor, let offset, let size):
            (exchange.body_fd, exchange.body_offset, exchange.body_size) = (descriptor, offset, size)
        }
        exchange.connect_seconds = trust.connectSeconds
        exchange.stall_seconds = trust.stallSeconds
        exchange.buffer_size = trust.bufferSize
        exchange.limit_milliseconds = trust.millisecondsLeft.map { max(1, Int($0)) } ?? 0
        exchange.context = Unmanaged.passUnretained(transfer).toOpaque()
        exchange.on_header = { Transfer.of($0)?.header($1, $2) ?? 1 }
        exchange.on_body = { Transfer.of($0)?.body($1, $2) ?? 1 }
        exchange.on_sent = { Transfer.of($0)?.sent($1) ?? 1 }
        headers.withPointer { headers in
            texts.withPointer { texts in
                bytes.withUnsafeBufferPointer { body in
                    if case .bytes = request.body { exchange.body = UnsafeRawPointer(body.baseAddress) }
                    exchange.headers = UnsafeRawPointer(headers).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
                    exchange.method = UnsafePointer(texts[0])
                    exchange.url = UnsafePointer(texts[1])
                    exchange.proxy = isGiven[0] ? UnsafePointer(texts[2]) : nil
                    exchange.ca_file = isGiven[1] ? UnsafePointer(texts[3]) : nil
                    exchange.ca_directory = isGiven[2] ? UnsafePointer(texts[4]) : nil
                    exchange.unix_socket = isGiven[3] ? UnsafePointer(texts[5]) : nil
                    withExtendedLifetime(transfer) { skl_http_perform(handle, &exchange, &result) }
                }
            }
        }
    }

    private static func kind(_ problem: Int32) -> HTTPFailure.Kind {
        switch UInt32(bitPattern: problem) {
        case SKL_HTTP_STOPPED.rawValue, SKL_HTTP_BODY.rawValue: .stopped
        case SKL_HTTP_UNREACHABLE.rawValue: .unreachable
        case SKL_HTTP_TLS.rawValue: .tls
        case SKL_HTTP_NOT_HTTP_TLS.rawValue: .notTLS
        case SKL_HTTP_STALLED.rawValue: .stalled
        case SKL_HTTP_CUT.rawValue: .cut
        default: .other
        }
    }

    private static func text(_ result: inout skl_http_result) -> String {
        withUnsafeBytes(of: &result.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// The target of libcurl's callbacks.
private final class Transfer {
    var response: HTTPResponse
    var failure: SkiffError?
    var sink: BodySink?
    private(set) var isStarted = false
    private let report: (@Sendable (Int64) -> Void)?

    /// The longest body that is not streamed: a manifest, a token or the text of an error.
    private static let longest = 16 << 20
    private static let mostHeaders = 1000

    init(_ address: WebAddress, sent: (@Sendable (Int64) -> Void)?) {
        response = HTTPResponse(status: 0, address: address)
        report = sent
    }

    static func of(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    func header(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> CInt {
        guard let bytes else { return 0 }
        let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            response.headers = []
            response.body = []
            response.status = line.split(separator: " ").dropFirst().first.flatMap { Int($0.prefix(3)) } ?? 0
            return 0
        }
        guard let colon = line.firstIndex(of: ":") else { return 0 }
        guard response.headers.count < Self.mostHeaders else { return 1 }
        let value = line[line.index(after: colon)...]
        response.headers.append((line[..<colon].lowercased(), Self.trimmed(value)))
        return 0
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    func body(_ bytes: UnsafeRawPointer?, _ count: Int) -> CInt {
        let buffer = UnsafeRawBufferPointer(start: bytes, count: count)
        if let sink, response.isSuccess {
            isStarted = true
            do throws(SkiffError) {
                return try sink(response, buffer) == .more ? 0 : 1
            } catch {
                failure = error
                return 1
            }
        }
        guard response.body.count + count <= Self.longest else {
            failure = SkiffError("cannot read the answer of \(response.address.authority): it is too long")
            return 1
        }
        response.body.append(contentsOf: buffer)
        return 0
    }

    func sent(_ bytes: Int64) -> CInt {
        report?(bytes)
        return 0
    }
}
