import Base
import Dockerfile
import Testing

@testable import Build

/// Users as an image names them, whatever the host has.
@Suite struct ImageUserTests {
    private let users = ImageUsers(
        passwd: Array(
            """
            root:x:0:0:root:/root:/bin/sh
            joe:x:1000:1001:Joe:/home/joe:/bin/sh
            7:x:2000:2000::/:/bin/false
            short:x:1
            odd:x:many:few::/:/bin/sh

            """.utf8),
        group: Array("root:x:0:\nstaff:x:50:joe,ann\nwheel:x:10:joe\nother:x:60:ann\nshort:x\n".utf8))
    private let place = DockerfilePlace(line: 3, text: [])

    private func user(_ text: String) throws -> ImageUsers.User? { try users.user(text, at: place, in: "Dockerfile") }

    @Test(arguments: ["", "root", "0"]) func rootNeedsNoOtherUser(text: String) throws {
        #expect(try user(text) == nil)
    }

    @Test func usersHaveTheirGroupsAndHome() throws {
        let joe = ImageUsers.User(uid: 1000, gid: 1001, groups: [50, 10], home: "/home/joe")
        #expect(try user("joe") == joe && user("1000") == joe)
    }

    @Test func aNamedGroupIsTheOnlyOne() throws {
        #expect(try user("joe:staff") == .init(uid: 1000, gid: 50, home: "/home/joe"))
        #expect(try user("joe:77") == .init(uid: 1000, gid: 77, home: "/home/joe"))
        #expect(try user("joe:")?.groups == [50, 10])
    }

    @Test func numbersNeedNoAccount() throws {
        #expect(try user("4000") == .init(uid: 4000, gid: 0))
        #expect(try user("4000:4001") == .init(uid: 4000, gid: 4001))
        // A name that looks like a number comes first.
        #expect(try user("7")?.uid == 2000)
    }

    @Test(arguments: ["ann", "joe:nobody", "4294967295", "1:4294967295", "-1", "joe joe", "short"])
    func unknownOnesEndTheBuild(text: String) {
        #expect(throws: SkiffError.self) { try user(text) }
    }

    @Test func ownersOfFilesTakeTheNumberForTheGroup() throws {
        func owner(_ text: String) throws -> [UInt32] {
            let owner = try users.owner(text, at: place, in: "Dockerfile")
            return [owner.uid, owner.gid]
        }
        #expect(try owner("") == [0, 0] && owner("root") == [0, 0])
        #expect(try owner("joe") == [1000, 1001] && owner("joe:staff") == [1000, 50])
        #expect(try owner("55") == [55, 55] && owner("55:wheel") == [55, 10] && owner(":staff") == [0, 50])
        #expect(throws: SkiffError.self) { try owner("ann") }
    }
}
