import Linux
import Testing

@testable import Core

struct IdentityFilesTests {
    private let user = UserRecord(name: "ann", uid: 2000, gid: 2001, gecos: "Ann", home: "/home/ann", shell: "/bin/zsh")

    private func passwd(_ image: String, _ user: UserRecord) -> String {
        String(decoding: IdentityFiles.passwd(image: Array(image.utf8), user: user), as: UTF8.self)
    }

    @Test func aMissingUserIsAdded() {
        #expect(
            passwd("root:x:0:0:root:/root:/bin/sh\n", user)
                == "root:x:0:0:root:/root:/bin/sh\nann:x:2000:2001:Ann:/home/ann:/bin/zsh\n")
    }

    @Test func theImagesEntryKeepsGroupAndShell() {
        #expect(
            passwd("bob:x:2000:7:Bob:/home/bob:/bin/sh\nbob2:x:2000:7::/:/bin/sh", user)
                == "ann:x:2000:7:Ann:/home/ann:/bin/sh\nbob2:x:2000:7::/:/bin/sh\n")
    }

    @Test func rootGetsOnlyTheHome() {
        let root = UserRecord(name: "toor", uid: 0, gid: 0, gecos: "T", home: "/data", shell: "/bin/sh")
        #expect(passwd("root:x:0:0:root:/root:/bin/bash\n", root) == "root:x:0:0:root:/data:/bin/bash\n")
    }

    @Test func brokenLinesStay() {
        #expect(passwd("garbage\n:::\n", user).hasPrefix("garbage\n:::\nann:"))
    }

    @Test func groupsAreAddedOnce() {
        let groups = [
            GroupRecord(name: "ann", gid: 2001), GroupRecord(name: "hpc", gid: 5), GroupRecord(name: "hpc", gid: 5),
        ]
        let text = IdentityFiles.group(image: Array("root:x:0:".utf8), user: "ann", groups: groups)
        #expect(String(decoding: text, as: UTF8.self) == "root:x:0:\nann:x:2001:ann\nhpc:x:5:ann\n")
    }
}
