import Base
import Linux
import TestSupport
import Testing

@testable import Registry

@Suite struct CredentialTests {
    private let scratch: TestSupport.Scratch
    init() throws { scratch = try TestSupport.Scratch() }

    @Test func passwordsAreSentAsRFC7617Says() {
        #expect(Credential.password(user: "Aladdin", "open sesame").basic == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(Credential.none.basic == nil && Credential.identityToken("t").basic == nil)
        #expect(Credential.registryToken("t").basic == nil)
    }

    @Test func loginsAreKeptInAPrivateFile() throws {
        let file = try AuthFile.forLogin(named: scratch.path + "/new/config.json")
        try file.change { $0.set("r.example", (user: "ann", password: "secret")) }
        #expect(try status(file.path).permissions == 0o600)
        #expect(try status(scratch.path + "/new").permissions == 0o700)
        #expect(file.read().credential(for: "r.example") == .password(user: "ann", "secret"))
        try file.change { $0.set("other.example", (user: "bob", password: "x")) }
        try file.change { $0.set("r.example", nil) }
        #expect(file.read().credential(for: "r.example") == nil)
        #expect(file.read().credential(for: "other.example") == .password(user: "bob", "x"))
    }

    /// A file that cannot be read must not be replaced by an emptier one.
    @Test func damagedFilesStayAsTheyAre() throws {
        let file = try AuthFile.forLogin(named: try scratch.file("config.json", text: "{\"auths\": "))
        #expect(throws: SkiffError.self) { try file.change { $0.set("r.example", (user: "a", password: "b")) } }
        #expect(try scratch.text("config.json") == "{\"auths\": ")
        #expect(file.read().credential(for: "r.example") == nil)
    }

    @Test func writingLeavesNoPartBehind() throws {
        try scratch.directory("taken/inside")
        #expect(throws: SkiffError.self) { try replaceFile(scratch.path + "/taken", "text") }
        let folder = try open(scratch.path, 0)
        #expect(try entries(of: folder.raw).map(\.text) == ["taken"])
    }

    @Test func givenCredentialsAreForTheNamedRegistryAlone() throws {
        let path = try scratch.file("c.json", text: #"{"auths":{"r.example":{"username":"file","password":"p"}}}"#)
        let file = try AuthFile(named: path)
        let given = CredentialSource(given: .password(user: "given", "p"), file: file)
        #expect(given.credential(for: "r.example", repository: "a") == .password(user: "given", "p"))
        // A mirror or a token server elsewhere.
        let mirror = given.credential(for: "r.example", repository: "a", isNamed: false)
        #expect(mirror == .password(user: "file", "p"))
        #expect(given.credential(for: "m.example", repository: "a", isNamed: false) == .none)
        let none = CredentialSource(given: nil, file: file)
        #expect(none.credential(for: "r.example", repository: "a") == .password(user: "file", "p"))
        #expect(none.credential(for: "", repository: "a") == .none)
    }

    /// A name from a file of the user's must not lead to a program elsewhere.
    @Test(arguments: ["../evil", "/tmp/evil", "no-such-helper"]) func helpersAreProgramsOfThePath(name: String) {
        #expect(CredentialHelper(name: name).get("r.example") == nil)
    }
}
