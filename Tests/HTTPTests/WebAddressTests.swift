import Testing

@testable import HTTP

@Suite struct WebAddressTests {
    @Test(arguments: [
        ("http://h", "http", "h", "/"), ("HTTPS://Host.EXAMPLE:8443/A/b?C=d", "https", "host.example:8443", "/A/b?C=d"),
        ("http://ann:secret@h/x", "http", "h", "/x"), ("http://a@b@h/x", "http", "h", "/x"),
        ("http://[::1]:5000/v2/", "http", "[::1]:5000", "/v2/"), ("http://h?q=1", "http", "h", "/?q=1"),
        ("http://h/a#fragment", "http", "h", "/a"), ("http://h#/a", "http", "h", "/"),
    ]) func partsAreTold(text: String, scheme: String, authority: String, rest: String) throws {
        let address = try #require(WebAddress(text))
        #expect(address.scheme == scheme && address.authority == authority && address.rest == rest)
    }

    @Test(arguments: [
        "", "h", "//h/x", "ftp://h/x", "file:///etc/passwd", "http:/h", "http://", "http:///x", "http://ann@/x",
        "http://h/a b", "http://h/\r\nHost: evil", "http://h\t/", "http://h/\u{7F}", "://h",
    ]) func othersAreNoAddresses(text: String) { #expect(WebAddress(text) == nil) }

    /// What is shown may end in a log or a bug report.
    @Test func messagesShowNoSecrets() throws {
        let address = try #require(WebAddress("https://ann:secret@h.example/blob?X-Amz-Signature=secret"))
        #expect(address.shown == "https://h.example/blob")
        #expect(address.description == "https://ann:secret@h.example/blob?X-Amz-Signature=secret")
    }

    @Test(arguments: [
        ("http://h/a", "http://h:80/b", true), ("https://h", "https://h:443", true), ("https://h", "https://H/x", true),
        ("http://h", "https://h", false), ("http://h", "http://h:8080", false), ("http://h", "http://h.evil", false),
        ("http://h:443", "https://h", false), ("http://[::1]", "http://[::1]:80", true),
        ("http://h", "http://h@evil", false), ("http://127.0.0.1", "http://localhost", false),
    ]) func credentialsStayWithinOneOrigin(one: String, other: String, isSame: Bool) throws {
        let (one, other) = (try #require(WebAddress(one)), try #require(WebAddress(other)))
        #expect(one.isSameOrigin(as: other) == isSame && other.isSameOrigin(as: one) == isSame)
    }

    @Test(arguments: [
        ("http://localhost:5000/", "localhost", true), ("http://127.0.0.1/", "127.0.0.1", true),
        ("http://127.8.9.1:1/", "127.8.9.1", true), ("http://[::1]:80/", "::1", true), ("http://h/", "h", false),
        ("http://localhost.evil/", "localhost.evil", false), ("http://[::2]/", "::2", false),
    ]) func loopbackNeverLeavesTheHost(text: String, host: String, isLoopback: Bool) throws {
        let address = try #require(WebAddress(text))
        #expect(address.host == host && address.isLoopback == isLoopback)
    }

    @Test(
        arguments: [
            ("https://o/p", "https://o/p"), ("//o/p", "http://o/p"), ("/p?q", "http://h/p?q"), ("p", "http://h/a/p"),
            ("?q=2", "http://h/a/b?q=2"), ("ftp://o/p", nil), ("https:///p", nil), ("/p q", nil), ("", "http://h/a/"),
        ] as [(String, String?)]) func locationsAreFollowed(location: String, next: String?) throws
    {
        let base = try #require(WebAddress("http://ann:secret@h/a/b?q=1"))
        #expect(base.following(location)?.description == next)
    }

    @Test func queryValuesAreEscaped() {
        #expect(queryEscaped("aZ09-._~") == "aZ09-._~")
        #expect(queryEscaped("a b&c=d/ü%\n") == "a%20b%26c%3Dd%2F%C3%BC%25%0A")
    }
}
