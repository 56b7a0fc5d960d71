package import Base
import Linux
import Synchronization

/// Receives the body of a successful response as it arrives, and tells whether there may be more.
package typealias BodySink = (HTTPResponse, UnsafeRawBufferPointer) throws(SkiffError) -> BodyDemand

/// What the receiver of a body wants after a piece of it.
package enum BodyDemand: Sendable {
    case more
    /// The exchange ends here: a failure of the kind `stopped` without a cause.
    case nothing
}

/// Sends HTTP requests from any number of threads: follows redirects, retries when a server is busy, keeps connections.
package final class HTTPClient: Sendable {
    private let trust: HTTPTrust
    private let idle = Mutex<[HTTPConnection]>([])

    /// How long a server may be silent before it counts as dead.
    package var stallSeconds: Int { trust.stallSeconds }

    private static let mostRedirects = 10
    private static let maximumRetries = 5
    /// When a server asks for a longer wait, the request fails and says so.
    private static let longestWait: Int64 = 60

    package init(trust: HTTPTrust) { self.trust = trust }

    package convenience init() throws(SkiffError) { self.init(trust: try HTTPTrust()) }

    /// Makes a client whose requests must all be answered within this many seconds.
    package convenience init(seconds: Int) throws(SkiffError) {
        var trust = try HTTPTrust()
        trust.deadline = monotonicMilliseconds() + 1000 * Int64(max(0, min(seconds, 1 << 32)))
        self.init(trust: trust)
    }

    /// - Parameter sink: receives the body of a success, in pieces; without it the body is in the response.
    /// - Returns: the response to the last request, with any status but one that asks for a retry.
    package func send(_ request: HTTPRequest, sink: BodySink? = nil) throws(HTTPFailure) -> HTTPResponse {
        var request = request
        for _ in 0...Self.mostRedirects {
            let response = try sendWithRetries(request, sink: sink)
            guard [301, 302, 303, 307, 308].contains(response.status), let location = response["location"] else {
                return response
            }
            guard let next = request.address.following(location) else {
                throw failure(request, "it redirects to \(location.prefix(200)), which is no address")
            }
            // CVE-2022-23538: the next server must not learn the credentials of the first.
            if !next.isSameOrigin(as: request.address) {
                for name in ["Authorization", "Cookie", "Proxy-Authorization"] { request[name] = nil }
            }
            if response.status == 303 {
                request.method = request.method == "HEAD" ? "HEAD" : "GET"
                request.body = .none
            }
            request.address = next
        }
        throw failure(request, "it redirects without end")
    }

    private func late(_ request: HTTPRequest) -> HTTPFailure {
        HTTPFailure(kind: .late, address: request.address, text: "", cause: nil)
    }

    private func failure(_ request: HTTPRequest, _ text: String) -> HTTPFailure {
        HTTPFailure(kind: .other, address: request.address, text: text, cause: nil)
    }

    /// Sends a request to one address, and retries while the server is busy or does not answer. Once a part of the body
    /// has gone to the sink, only the sink's owner knows how to go on.
    private func sendWithRetries(_ request: HTTPRequest, sink: BodySink?) throws(HTTPFailure) -> HTTPResponse {
        var wait: Int64 = 200
        for attempt in 1... {
            do throws(HTTPFailure) {
                let (response, after) = try once(request, sink)
                guard [408, 429, 502, 503, 504].contains(response.status), attempt < Self.maximumRetries else {
                    return response
                }
                if after > Self.longestWait {
                    throw failure(request, "it wants no request for \(after) seconds. Try again then")
                }
                if after > 0 { wait = max(wait, after * 1000) }
                Log.verbose("\(request.address.authority) answered \(response.status); asking again in \(wait) ms")
            } catch {
                guard error.isTransient, !error.isStarted, attempt < Self.retries(error) else { throw error }
                Log.verbose("\(error.description); asking again in \(wait) ms")
            }
            if let left = trust.millisecondsLeft, left <= wait { throw late(request) }
            pause(milliseconds: wait)
            wait = min(wait * 2 + Int64.random(in: 0..<100), 10_000)
        }
        throw failure(request, "it does not answer")
    }

    /// Returns how often a failure is retried: a server that does not listen is reported at once, a broken connection
    /// may be temporary.
    private static func retries(_ failure: HTTPFailure) -> Int { failure.kind == .cut ? maximumRetries : 1 }

    private func once(_ request: HTTPRequest, _ sink: BodySink?) throws(HTTPFailure) -> (
        response: HTTPResponse, retryAfter: Int64
    ) {
        if trust.millisecondsLeft == 0 { throw late(request) }
        Log.debug("\(request.method) \(request.address.shown)")
        let kept = idle.withLock { $0.popLast() }
        let connection = if let kept { kept } else { try HTTPConnection(for: request.address) }
        let answer = try connection.perform(request, trust, sink: sink)
        Log.debug("\(answer.response.status) from \(request.address.authority)")
        idle.withLock { $0.append(connection) }
        return answer
    }
}
