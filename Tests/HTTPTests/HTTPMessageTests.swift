import Base
import Testing

@testable import HTTP

@Suite struct HTTPMessageTests {
    /// libcurl's sentences go on in ours, and names keep their case.
    @Test func reasonsBeginSmall() {
        #expect(HTTPFailure.continued("Could not connect to server") == "could not connect to server")
        #expect(HTTPFailure.continued("TLS connect error: x") == "TLS connect error: x")
        #expect(HTTPFailure.continued("SSL: no") == "SSL: no")
        #expect(HTTPFailure.continued("HTTP2 framing layer") == "HTTP2 framing layer")
        #expect(HTTPFailure.continued("A") == "a")
    }

    private let address = WebAddress("http://h.example:5000/v2/secret?token=x")

    @Test func headersHaveNamesOfAnyCase() throws {
        var request = HTTPRequest("PUT", try #require(address))
        request["Content-Type"] = "a"
        request["content-type"] = "b"
        #expect(request.headers.count == 1 && request["CONTENT-TYPE"] == "b")
        request["Content-TYPE"] = nil
        #expect(request.headers.isEmpty)
    }

    @Test func answersTellTheirHeaders() throws {
        var response = HTTPResponse(status: 206, address: try #require(address))
        response.headers = [("www-authenticate", "Basic"), ("content-length", "12"), ("www-authenticate", "Bearer")]
        #expect(response.isSuccess && response.length == 12)
        #expect(response["WWW-Authenticate"] == "Basic" && response.all("WWW-Authenticate") == ["Basic", "Bearer"])
        response.headers = [("content-length", "many")]
        #expect(response.length == nil)
        for status in [0, 199, 300, 404, 500] {
            response.status = status
            #expect(!response.isSuccess, "\(status)")
        }
    }

    @Test(
        arguments: [
            (HTTPFailure.Kind.unreachable, "Connection refused", "connection refused", nil, true),
            (.stalled, "", "nothing came for too long", "Try again", true),
            (.cut, "x", "the connection was cut", "Try again", true),
            (.late, "", "no answer in the time that there was", "--timeout", false),
            (.tls, "Bad", "bad", "SSL_CERT_FILE", false),
            (.notTLS, "Wrong version", "wrong version", "--no-https", false),
            (.other, "", "the exchange failed", nil, false),
        ] as [(HTTPFailure.Kind, String, String, String?, Bool)])
    func failuresSayWhoAndWhyAndWhatHelps(
        kind: HTTPFailure.Kind, text: String, reason: String, hint: String?, isTransient: Bool
    ) throws {
        let failure = HTTPFailure(kind: kind, address: try #require(address), text: text)
        #expect(failure.description == "http://h.example:5000: \(reason)")
        #expect(failure.isTransient == isTransient)
        #expect(hint.map { failure.hint?.contains($0) == true } ?? (failure.hint == nil))
        #expect(failure.described("cannot pull x").description.hasPrefix("cannot pull x: http://h.example:5000: "))
    }

    /// What the receiver of a body threw is the error, and not that the exchange ended for it.
    @Test func causesComeThrough() throws {
        let cause = SkiffError("cannot write /full: no space left on device")
        let failure = HTTPFailure(kind: .stopped, address: try #require(address), text: "aborted", cause: cause)
        #expect(failure.described("cannot pull x").description == cause.description)
    }
}
