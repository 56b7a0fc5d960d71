import Base
import Core
import HTTP
import OCI
import Testing

@testable import Registry

@Suite struct AnswerTests {
    @Test func readsChallenges() {
        let header =
            #"Bearer realm="https://a.example/t?x=1,2",service=reg , scope="repository:a/b:pull,push", Basic realm="q\"q""#
        let found = Challenge.parse(header)
        #expect(found.map(\.scheme) == ["bearer", "basic"])
        #expect(
            found.first?.parameters == [
                "realm": "https://a.example/t?x=1,2", "service": "reg", "scope": "repository:a/b:pull,push",
            ])
        #expect(found.last?.parameters == ["realm": "q\"q"])
        #expect(
            Challenge.parse("") == [] && Challenge.parse("Bearer realm=\"open").first?.parameters == [:])
    }

    /// A name that begins like a number is a name, and may be anywhere.
    @Test func onlyAddressesOfThisMachineAreLoopback() {
        for (host, isLoopback) in [
            ("localhost", true), ("127.0.0.1", true), ("127.8.9.1:5000", true), ("[::1]:80", true),
            ("127.example.org", false), ("127.0.0.1.example.org", false), ("128.0.0.1", false), ("127.1.2", false),
        ] {
            #expect(WebAddress("http://\(host)/")?.isLoopback == isLoopback, "\(host)")
        }
    }

    /// Plain http to anywhere else is asked for.
    @Test func plainHTTPIsTriedOnThisMachineAlone() {
        for (registry, isTried) in [
            ("localhost:5000", true), ("127.0.0.1:5000", true), ("[::1]:5000", true), ("10.0.0.1", false),
            ("192.168.1.1:5000", false), ("172.16.0.1", false), ("registry.local", false),
            ("localhost.example.org", false),
            ("169.254.1.1", false), ("[fd00::1]:5000", false), ("example.org", false),
        ] {
            #expect(RegistryClient.isLoopback(registry) == isTried, "\(registry)")
        }
    }

    @Test func armNeedsAVariant() throws {
        #expect(throws: SkiffError.self) { try OCIPlatform(architecture: "arm").checkVariant() }
        for platform in ["arm64", "amd64"] { try OCIPlatform(architecture: platform).checkVariant() }
        try OCIPlatform(architecture: "arm", variant: "v7").checkVariant()
    }

    @Test func loginsAreFoundByTheirExactName() throws {
        var config = DockerConfig()
        config.set("localhost:5000/team", ("ann", "secret"))
        config.set("docker.io", ("bob", "secret"))
        #expect(config.hasLogin("localhost:5000/team") && config.hasLogin("docker.io"))
        #expect(!config.hasLogin("localhost:5000") && !config.hasLogin("localhost:5000/team/x"))
        config.set("localhost:5000/team", nil)
        #expect(!config.hasLogin("localhost:5000/team"))
    }

    @Test func base64IsThatOfOthers() {
        for (plain, text) in [
            ("", ""), ("a", "YQ=="), ("ab", "YWI="), ("ann:secret", "YW5uOnNlY3JldA=="),
        ] {
            #expect(Base64.encode(Array(plain.utf8)) == text)
            #expect(Base64.decode(text) == Array(plain.utf8))
        }
        #expect(Base64.decode("YQ") == Array("a".utf8) && Base64.decode("Y*==") == nil)
        let all = (0...255).map { UInt8($0) }
        #expect(Base64.decode(Base64.encode(all)) == all)
    }

    @Test func findsLogins() throws {
        let config = try DockerConfig(
            parsing: Array(
                #"{"auths":{"https://index.docker.io/v1/":{"auth":"aHViOng="},"r.example/team":{"username":"t","password":"p"},"#
                    .utf8)
                + Array(
                    #""https://r.example/v2/":{"auth":"YW5uOnNlY3JldA=="},"i.example":{"identitytoken":"tok"}},"credHelpers":{"h.example":"vault"},"extra":1}"#
                        .utf8))
        #expect(
            config.credential(for: "docker.io", repository: "library/a") == .password(user: "hub", "x"))
        #expect(
            config.credential(for: "r.example", repository: "team/tool") == .password(user: "t", "p"))
        #expect(
            config.credential(for: "r.example", repository: "other") == .password(user: "ann", "secret"))
        #expect(config.credential(for: "i.example") == .identityToken("tok"))
        #expect(config.credential(for: "none.example") == nil)
        #expect(config.helper(for: "h.example") == "vault" && config.helper(for: "r.example") == nil)
        var changed = config
        changed.set("r.example", nil)
        #expect(changed.credential(for: "r.example") == nil && changed.text.contains("\"extra\": 1"))
        #expect(throws: SkiffError.self) { try DockerConfig(parsing: Array("[]".utf8)) }
    }

    @Test func followsMirrors() throws {
        let text = """
            unqualified-search-registries = ["a"]
            [[registry]]
            prefix = "far.example"
            location = 'moved.example/base' # where it went
            [[registry.mirror]]
            location = "near.example:5000/copy"
            insecure = true
            [[registry]]
            prefix = "far.example/secret"
            blocked = true
            """
        let mirrors = try Mirrors(parsing: text, name: "x")
        let found = try mirrors.endpoints(for: try RegistryReference("far.example/a/b:1"))
        #expect(
            found.map(\.reference.description) == [
                "near.example:5000/copy/a/b:1", "moved.example/base/a/b:1",
            ])
        #expect(found.map(\.isInsecure) == [true, false] && !found.contains { $0.isOriginal })
        #expect(throws: SkiffError.self) {
            try mirrors.endpoints(for: try RegistryReference("far.example/secret/x"))
        }
        let other = try mirrors.endpoints(for: try RegistryReference("else.example/a"))
        #expect(other.count == 1 && other[0].isOriginal)
        #expect(throws: SkiffError.self) {
            try Mirrors(parsing: "[[registry]]\nprefix = nonsense", name: "x")
        }
    }

    @Test func readsAndWritesRemotes() throws {
        let text = """
            Active: office
            Remotes:
                DefaultRemote:
                    URI: cloud.apptainer.org
                    System: true
                    Exclusive: false
                office:
                    URI: lib.example
                    Token: abc.def-1
                    System: false
                    Exclusive: false
                    Keyservers:
                    - URI: https://keys.example
                      External: true
                      Skip: true
            Credentials:
            - URI: docker://r.example
              Auth: Basic YW5uOnNlY3JldA==
              Insecure: false
            """
        let config = try RemoteConfig(parsing: text)
        #expect(config.active == "office" && config.remotes["office"]?.token == "abc.def-1")
        #expect(config.remotes["office"]?.keyservers.first?.isSkipped == true)
        #expect(
            config.logins == [
                .init(uri: "docker://r.example", auth: "Basic YW5uOnNlY3JldA==", isInsecure: false)
            ])
        #expect(try RemoteConfig(parsing: config.text) == config)
        for wrong in ["a: [1, 2]", "a: &x b", "\ta: b", "a:\n   b: c\n  d: e", "plain"] {
            #expect(throws: SkiffError.self, "\(wrong)") { try SimpleYAML(parsing: wrong) }
        }
        var odd = config
        for name in ["it's: so", "a: b", "'", "#", "null", "-", " x"] { odd.remotes[name] = .init(uri: name) }
        #expect(try RemoteConfig(parsing: odd.text) == odd)
        var system = RemoteConfig()
        system.remotes["all"] = .init(uri: "all.example")
        system.remotes["all"]?.isExclusive = true
        #expect(config.merged(with: system).active == "all")
    }

    @Test func addressesAreResolved() throws {
        let base = try #require(WebAddress("https://User:pw@Host.example:443/v2/a?x=1#frag"))
        #expect(base.description == "https://User:pw@host.example:443/v2/a?x=1")
        #expect(base.shown == "https://host.example:443/v2/a" && base.host == "host.example")
        for (location, next) in [
            ("/b", "https://host.example:443/b"), ("c", "https://host.example:443/v2/c"),
            ("?y", "https://host.example:443/v2/a?y"),
            ("//other.example/d", "https://other.example/d"), ("http://o.example", "http://o.example/"),
        ] {
            #expect(base.following(location)?.description == next)
        }
        #expect(base.isSameOrigin(as: try #require(WebAddress("https://host.example/z"))))
        // The colons of an address are no port.
        let number = try #require(WebAddress("http://[::1]/x"))
        #expect(number.isSameOrigin(as: try #require(WebAddress("http://[::1]:80/y"))) && !number.hasPort)
        for other in [
            "http://host.example:443/", "https://host.example:444/", "https://host.example.evil/",
            "https://evil@x/",
        ] {
            #expect(!base.isSameOrigin(as: try #require(WebAddress(other))))
        }
        for wrong in ["ftp://a/", "https://", "https:///x", "http://a b/", "x"] {
            #expect(WebAddress(wrong) == nil)
        }
        #expect(
            ContentRange("bytes 5-9/10") != nil && ContentRange("bytes 5-9/9") == nil
                && ContentRange("bytes 9-5/*") == nil)
    }

    @Test func buildDatesBecomeTimes() {
        #expect(SIFFacts.time(buildDate: "Wednesday_13_May_2026_9:41:25_UTC") == "2026-05-13T09:41:25Z")
        for wrong in [
            "", "Wednesday_13_May_2026_9:41:25_CEST", "x_99_May_2026_9:41:25_UTC",
            "x_1_May_2026_9:41_UTC",
        ] {
            #expect(SIFFacts.time(buildDate: wrong) == nil)
        }
    }
}
