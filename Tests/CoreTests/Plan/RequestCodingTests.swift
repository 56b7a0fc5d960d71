import Base
import Linux
import Testing

@testable import Core

struct RequestCodingTests {
    private func sample() -> Request {
        var request = Request(action: .exec, image: "/images/a b.sif")
        request.arguments = ["sh", "-c", "echo \"$1\"\nexit 3", ""].map { Array($0.utf8) } + [[0x78, 0xFF, 0x79]]
        request.binds = [.init(source: "/da:ta", destination: "/x\ny", readOnly: true)]
        request.home = .init(source: "/h", destination: "/root")
        request.contain = true
        request.newPID = true
        request.hostname = "node1"
        request.scratch = ["/s", "/t"]
        request.environment = [("A", "b=c"), ("EMPTY", "")]
        request.userMapping = .inherited
        request.programUser = ProgramUser(uid: 7, gid: 8, groups: [9, 10])
        request.exactEnvironment = true
        request.pluginFlags = [PluginFlagUse("overlay", ["a", "b"], of: "o.p"), PluginFlagUse("nv", ["true"])]
        return request
    }

    @Test func everythingComesBack() throws {
        let original = sample()
        let copy = try Request(encoded: original.encoded())
        #expect(copy.encoded() == original.encoded())
        #expect(copy.arguments == original.arguments)
        #expect(copy.binds == original.binds)
        #expect(copy.home == original.home)
        #expect(copy.environment.map(\.value) == ["b=c", ""])
        #expect(copy.pluginFlags == original.pluginFlags)
        #expect(copy.contain && copy.newPID && !copy.newIPC)
        #expect(copy.userMapping == .inherited)
        #expect(copy.programUser == original.programUser && copy.exactEnvironment)
    }

    @Test func bytesOfPathsComeBack() throws {
        let odd = String(bytes: [0x2F, 0xFF, 0x3A, 0xC3])
        var request = Request(action: .exec, image: odd)
        request.binds = [.init(source: odd, destination: "/\u{301}" + odd), .init(source: "/é", destination: odd)]
        request.home = request.binds[0]
        (request.directory, request.scratch, request.environment) = (odd, [odd], [("A", odd)])
        let copy = try Request(encoded: request.encoded())
        #expect(copy.image == odd && copy.binds == request.binds && copy.home == request.home)
        #expect(copy.directory == odd && copy.scratch == [odd] && copy.environment.map(\.value) == [odd])
    }

    @Test(arguments: [
        "", "skiff-request/2\0action=exec\0image=x\0", "skiff-request/1\0action=exec\0",
        "skiff-request/1\0action=fly\0image=x\0", "skiff-request/1\0action=exec\0image=x\0bind=ro:9:a\0",
        "skiff-request/1\0action=exec\0image=x\0colour=red\0",
        "skiff-request/1\0action=exec\0image=x\0plugin-value=1\0",
        "skiff-request/1\0action=exec\0image=x\0program-user=1:2\0",
        "skiff-request/1\0action=exec\0image=x\0program-user=1:2:x\0",
    ])
    func somethingElseIsRefused(text: String) {
        #expect(throws: SkiffError.self) { _ = try Request(encoded: Array(text.utf8)) }
    }
}
