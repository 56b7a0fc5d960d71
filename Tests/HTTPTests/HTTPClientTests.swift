import Base
import Linux
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite(.needs(.python), .timeLimit(.minutes(1))) struct HTTPClientTests {
    private static func ok(_ body: String, _ headers: String = "") -> String {
        "HTTP/1.1 200 OK\\r\\nContent-Length: \(body.utf8.count)\\r\\nConnection: close\\r\\n\(headers)\\r\\n\(body)"
    }

    private static func answer(_ status: String, _ headers: String = "") -> String {
        "HTTP/1.1 \(status)\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\(headers)\\r\\n"
    }

    private func request(_ server: OneShotServer, _ method: String = "GET") throws -> HTTPRequest {
        HTTPRequest(method, try #require(WebAddress(server.address + "/x")))
    }

    private func client(_ change: (inout HTTPTrust) -> Void = { _ in }) throws -> HTTPClient {
        var trust = try HTTPTrust()
        (trust.connectSeconds, trust.stallSeconds) = (5, 5)
        change(&trust)
        return HTTPClient(trust: trust)
    }

    @Test func answersComeWithStatusHeadersAndBody() throws {
        let server = try OneShotServer([Self.ok("content", "X-Kind:  odd \\r\\n")])
        let response = try client().send(request(server))
        #expect(response.status == 200 && response.body == Array("content".utf8))
        #expect(response["X-Kind"] == "odd" && response.length == 7)
        #expect(server.asked(0).first == "GET /x HTTP/1.1")
        #expect(server.asked(0).contains { $0.hasPrefix("User-Agent: skiff/") })
    }

    @Test func bodiesGoToTheirReceiver() throws {
        let server = try OneShotServer([Self.ok("content"), Self.answer("404 Not Found")])
        var taken: [UInt8] = []
        let client = try client()
        let response = try client.send(request(server)) { (_, bytes) throws(SkiffError) in
            taken += Array(bytes)
            return .more
        }
        #expect(response.body.isEmpty && taken == Array("content".utf8))
        let missing = try client.send(request(server)) { (_, _) throws(SkiffError) in
            Issue.record("the body of an error went to the receiver")
            return .more
        }
        #expect(missing.status == 404)
    }

    @Test func requestsHaveBodies() throws {
        let server = try OneShotServer([Self.answer("201 Created"), Self.answer("201 Created")])
        let scratch = try Scratch()
        let file = try scratch.openFile("file", Array("0123456789".utf8))
        let client = try client()
        var request = try request(server, "PUT")
        request.body = .bytes(Array("whole".utf8))
        request["Content-Type"] = "text/plain"
        let sent = Mutex<Int64>(0)
        request.sent = { count in sent.withLock { $0 = max($0, count) } }
        #expect(try client.send(request).status == 201)
        #expect(server.asked(0).last == "whole" && server.asked(0).contains("Content-Type: text/plain"))
        #expect(sent.withLock { $0 } == 5)
        request.body = .file(file.raw, offset: 3, size: 4)
        #expect(try client.send(request).status == 201)
        #expect(server.asked(1).last == "3456")
    }

    /// A line end in a value would begin a header of somebody else's choice.
    @Test func headersCannotBeInjected() throws {
        let server = try OneShotServer([Self.ok("")])
        var request = try request(server)
        request["X-Name"] = "a\r\nX-Evil: yes"
        request["X-Good"] = "yes"
        _ = try client().send(request)
        #expect(server.asked(0).contains("X-Good: yes"))
        #expect(!server.asked(0).contains { $0.lowercased().contains("x-evil") || $0.hasPrefix("X-Name") })
    }

    @Test func redirectsKeepCredentialsWithinTheOrigin() throws {
        let far = try OneShotServer([Self.ok("far")])
        let near = try OneShotServer([
            Self.answer("302 Found", "Location: /y\\r\\n"),
            Self.answer("307 Moved", "Location: \(far.address)/z\\r\\n"),
        ])
        var request = try request(near)
        request["Authorization"] = "Bearer secret"
        request["Accept"] = "text/plain"
        let response = try client().send(request)
        #expect(response.body == Array("far".utf8) && response.address.description == far.address + "/z")
        #expect(near.asked(1).first == "GET /y HTTP/1.1" && near.asked(1).contains("Authorization: Bearer secret"))
        #expect(far.asked(0).contains("Accept: text/plain"))
        #expect(!far.asked(0).contains { $0.lowercased().hasPrefix("authorization") })
    }

    @Test func seeOtherBecomesAGetWithoutBody() throws {
        let server = try OneShotServer([Self.answer("303 See Other", "Location: /y\\r\\n"), Self.ok("done")])
        var request = try request(server, "POST")
        request.body = .bytes(Array("form".utf8))
        #expect(try client().send(request).body == Array("done".utf8))
        #expect(server.asked(1).first == "GET /y HTTP/1.1" && server.asked(1).last?.isEmpty == true)
    }

    @Test func redirectsEnd() throws {
        let server = try OneShotServer(Array(repeating: Self.answer("302 Found", "Location: /x\\r\\n"), count: 11))
        let failure = #expect(throws: HTTPFailure.self) { try client().send(request(server)) }
        #expect(failure?.text == "it redirects without end")
        let wrong = try OneShotServer([Self.answer("302 Found", "Location: gopher://x\\r\\n")])
        let other = #expect(throws: HTTPFailure.self) { try client().send(request(wrong)) }
        #expect(other?.text == "it redirects to gopher://x, which is no address")
    }

    @Test func busyServersAreAskedAgain() throws {
        let server = try OneShotServer([Self.answer("503 Busy"), Self.answer("429 Busy"), Self.ok("at last")])
        #expect(try client().send(request(server)).body == Array("at last".utf8))
        let later = try OneShotServer([Self.answer("429 Busy", "Retry-After: 3600\\r\\n")])
        let failure = #expect(throws: HTTPFailure.self) { try client().send(request(later)) }
        #expect(failure?.text.contains("3600 seconds") == true)
    }

    @Test func cutAnswersAreToldAsSuch() throws {
        let cut = "HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\npart"
        let server = try OneShotServer([cut])
        var taken: [UInt8] = []
        let failure = #expect(throws: HTTPFailure.self) {
            try client().send(request(server)) { (_, bytes) throws(SkiffError) in
                taken += Array(bytes)
                return .more
            }
        }
        #expect(failure?.kind == .cut && failure?.isStarted == true && taken == Array("part".utf8))
    }

    @Test func errorsOfTheReceiverEndTheExchange() throws {
        let server = try OneShotServer([Self.ok("content")])
        let failure = #expect(throws: HTTPFailure.self) {
            try client().send(request(server)) { (_, _) throws(SkiffError) in throw SkiffError("cannot write it") }
        }
        #expect(failure?.kind == .stopped && failure?.described("x").description == "cannot write it")
    }

    @Test func receiversMayHaveEnough() throws {
        let server = try OneShotServer([Self.ok("content")])
        let failure = #expect(throws: HTTPFailure.self) {
            try client().send(request(server)) { (_, _) throws(SkiffError) in .nothing }
        }
        #expect(failure?.kind == .stopped && failure?.cause == nil && failure?.isTransient == false)
    }

    @Test func nobodyListeningIsToldAtOnce() throws {
        // A port that was just free, and that nobody has taken since.
        let port = try OneShotServer([]).port
        let request = HTTPRequest("GET", try #require(WebAddress("http://127.0.0.1:\(port)/")))
        let failure = #expect(throws: HTTPFailure.self) { try client().send(request) }
        #expect(failure?.kind == .unreachable)
    }

    @Test func deadlinesHold() throws {
        let server = try OneShotServer([Self.ok("")])
        let failure = #expect(throws: HTTPFailure.self) {
            try client { $0.deadline = monotonicMilliseconds() - 1 }.send(request(server))
        }
        #expect(failure?.kind == .late && server.asked(0).isEmpty)
    }
}
