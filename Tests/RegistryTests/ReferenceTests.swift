import Base
import Core
import Registry
import Testing

@Suite struct ReferenceTests {
    @Test(arguments: [
        ("alpine", "docker.io/library/alpine", "latest"), ("alpine:3.18", "docker.io/library/alpine:3.18", "3.18"),
        ("a/b", "docker.io/a/b", "latest"), ("index.docker.io/a/b:x", "docker.io/a/b:x", "x"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a", "latest"), ("localhost/a/b:1", "localhost/a/b:1", "1"),
        ("host.example/ns/deep/n-_x".replacing("-_", with: "--"), "host.example/ns/deep/n--x", "latest"),
        ("[::1]:5000/a:t", "[::1]:5000/a:t", "t"), ("HOST/a", "HOST/a", "latest"),
        ("a@sha256:" + zeros, "docker.io/library/a@sha256:" + zeros, "sha256:" + zeros),
        ("h.example/a:t@sha256:" + zeros, "h.example/a:t@sha256:" + zeros, "sha256:" + zeros),
    ])
    func readsReferences(text: String, description: String, selector: String) throws {
        let reference = try RegistryReference(text)
        #expect(reference.description == description && reference.selector == selector)
    }

    @Test(arguments: [
        "", ":", "a:", "a:b:c", "A", "a/B", "a//b", "/a", "a/", "a..b", "a_.b", "-a", "a-", "a@sha256:12",
        "a@md5:" + zeros,
        "host.example:70000/a", "host.example:x/a", "a b", "a?b", "../a", "a:.x", zeros,
        "h.example/" + zeros + zeros + zeros + zeros,
        "a:" + zeros + zeros + "0", "[::1/a", "h..example/a",
    ])
    func refusesReferences(text: String) {
        #expect(throws: SkiffError.self) { try RegistryReference(text) }
    }

    /// Written whole, the name has docker.io/library/ in front.
    @Test func measuresWhatShortFormsLeaveOut() throws {
        let longest = String(repeating: "a", count: 255 - "library/docker.io".utf8.count)
        let read = try RegistryReference(longest)
        #expect(try RegistryReference(read.description) == read)
        #expect(throws: SkiffError.self) { try RegistryReference(longest + "a") }
    }

    @Test func orasNeedsARegistry() throws {
        #expect(throws: SkiffError.self) { try RegistryReference("alpine", needsRegistry: true) }
        #expect(try RegistryReference("registry/p/i:t", needsRegistry: true).description == "registry/p/i:t")
    }

    @Test(arguments: [
        ("docker://alpine", "alpine_latest.sif"), ("docker://a/b:1.2", "b_1.2.sif"),
        ("docker://x@sha256:abc", "x@sha256_abc.sif"), ("library://e/c/n:1,2", "n_1.sif"),
        ("oras://r:5000/p/i:t", "i_t.sif"), ("https://h.example/d/x.sif?a=b", "x.sif?a=b"),
        ("docker:alpine", "alpine_latest.sif"), ("oci-archive:/d/x.tar", "x.tar_latest.sif"),
    ])
    func namesOutputs(text: String, name: String) throws {
        #expect(try #require(ImageURI(text)).outputName == name)
    }

    @Test(arguments: ["ubuntu:18.04.img", "x.sif", "", ":", "a/b:c"]) func pathsAreNoURIs(text: String) {
        #expect(ImageURI(text) == nil)
    }

    @Test func readsLibraryReferences() throws {
        #expect(try LibraryReference("//name").path == "library/default/name")
        #expect(try LibraryReference("//e/c/n:1,2").tags == ["1", "2"])
        let far = try LibraryReference("//lib.example:8080/e/c/n")
        #expect(far.host == "lib.example:8080" && far.path == "e/c/n" && far.tag == "latest")
        for text in ["", "//", "//a/../b", "//a b", "//h/e/c/n/x", "//e/c/n:", "//a?x=1"] {
            #expect(throws: SkiffError.self) { try LibraryReference(text) }
        }
    }

    @Test func readsHubReferences() throws {
        let plain = try HubReference("//user/name")
        #expect(plain.registry == "singularity-hub.org" && plain.path == "user/name:latest")
        let full = try HubReference("//127.0.0.1:80/user/name:tag@" + zeros.prefix(32))
        #expect(full.registry == "127.0.0.1:80" && full.path == "user/name:tag@" + zeros.prefix(32))
        for text in ["//name", "//user/name@12", "//u?/name", "//" + zeros + "/name", "//a/b/c/d/e"] {
            #expect(throws: SkiffError.self) { try HubReference(text) }
        }
    }
}

let zeros = String(repeating: "0", count: 64)
