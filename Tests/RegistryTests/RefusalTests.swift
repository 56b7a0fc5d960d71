import Testing

@testable import HTTP
@testable import Registry

/// What a registry's refusal means for the user.
@Suite struct RefusalTests {
    private func error(_ status: Int, _ body: String) throws -> (text: String, hint: String?) {
        var response = HTTPResponse(status: status, address: try #require(WebAddress("https://r.example:5000/v2/a")))
        response.body = Array(body.utf8)
        let error = RegistryProblem.described("cannot pull x", response)
        return (error.message, error.hint)
    }

    @Test(arguments: [
        (401, "", "cannot pull x: authentication required or wrong credentials (401 from r.example:5000)"),
        (403, "", "cannot pull x: access denied (403 from r.example:5000)"),
        (
            403, #"{"errors":[{"code":"DENIED","message":"no quota"}]}"#,
            "cannot pull x: access denied (403 from r.example:5000): no quota"
        ),
        (404, "", "cannot pull x: there is no such image or tag (404 from r.example:5000)"),
        (
            404, #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#,
            "cannot pull x: there is no such repository (404 from r.example:5000)"
        ),
        (
            404, #"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#,
            "cannot pull x: the registry has lost a part of it (404 from r.example:5000)"
        ),
        (429, "", "cannot pull x: too many requests (429 from r.example:5000)"),
        (500, "", "cannot pull x: r.example:5000 answered 500"),
        (500, "oh no", "cannot pull x: r.example:5000 answered 500: oh no"),
        (400, #"{"errors":[{"message":"bad\nname"}]}"#, "cannot pull x: r.example:5000 answered 400: bad name"),
        (500, #"{"errors":[]}"#, #"cannot pull x: r.example:5000 answered 500: {"errors":[]}"#),
    ]) func statusesHaveWords(status: Int, body: String, text: String) throws {
        #expect(try error(status, body).text == text)
    }

    @Test func whatHelpsIsNamed() throws {
        #expect(try error(401, "").hint?.contains("registry login") == true)
        #expect(try error(429, "").hint != nil)
    }

    /// A server's text comes onto a terminal.
    @Test func foreignTextHoldsNoControlCharacters() throws {
        let text = try error(500, "\u{1B}[2Jgone\r\n" + String(repeating: "x", count: 5000)).text
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 } && text.utf8.count < 400)
    }
}
