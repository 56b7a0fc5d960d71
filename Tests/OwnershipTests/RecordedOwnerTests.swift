import CLinux
import Linux
import Ownership
import TestSupport
import Testing

@Suite("recorded owners")
struct RecordedOwnerTests {
    private static let owners: [RecordedOwner] = [
        RecordedOwner(uid: 0, gid: 0), RecordedOwner(uid: 1000, gid: 5),
        RecordedOwner(uid: .max - 1, gid: .max - 1),
        RecordedOwner(uid: 0, gid: 6, device: .block(major: 8, minor: 300)),
        RecordedOwner(uid: 0, gid: 0, device: .character(major: 1, minor: 3)),
    ]

    @Test("text says what it was made of", arguments: owners) func text(_ owner: RecordedOwner) {
        #expect(RecordedOwner(owner.text, isSpecial: false) == owner)
    }

    @Test("the text is what the documentation says") func documented() {
        #expect(RecordedOwner(uid: 33, gid: 4).text == Array("33:4".utf8))
        let device = RecordedOwner(uid: 0, gid: 6, device: .block(major: 8, minor: 1))
        #expect(device.text == Array("0:6:b:8:1".utf8))
    }

    @Test("the value of a special file is a capability set of revision 2, and is read as revision 3 too")
    func special() {
        let owner = RecordedOwner(uid: 0x0102_0304, gid: 33)
        let value = owner.specialValue
        #expect(value.count == 20)
        #expect(Array(value[..<8]) == [0, 0, 0, 2, 4, 3, 2, 1])
        #expect(RecordedOwner(value, isSpecial: true) == owner)
        #expect(RecordedOwner([0, 0, 0, 3] + value[4...] + [0xD0, 7, 0, 0], isSpecial: true) == owner)
    }

    @Test(
        "foreign bytes are no record",
        arguments: [
            "", ":", "1", "1:", ":1", "1:2:", "1:2:c:1", "1:2:x:1:2", "1:2:c:1:2:3", "-1:2", "4294967296:0", "1:2\n",
        ])
    func foreign(_ text: String) {
        #expect(RecordedOwner(Array(text.utf8), isSpecial: false) == nil)
    }

    @Test("capabilities of a file are no record") func capabilities() {
        let value: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(RecordedOwner(value, isSpecial: true) == nil)
        #expect(RecordedOwner(Array(value.dropLast()), isSpecial: true) == nil)
    }

    @Test("names of trusted attributes are kept and found again") func trusted() {
        let name = Array("trusted.mark".utf8)
        let kept = RecordedOwner.keptName(of: name)
        #expect(kept == Array("user.skiff.xattr.trusted.mark".utf8))
        #expect(kept.flatMap(RecordedOwner.trueName) == name)
        #expect(RecordedOwner.keptName(of: Array("security.ima".utf8)) == nil)
        #expect(RecordedOwner.trueName(of: Array("user.skiff.xattr.security.capability".utf8)) == nil)
    }

    @Test("a record lies on the inode of every kind of file", .needs(.root))
    func files() throws {
        let scratch = try Scratch()
        let path = scratch.path
        try scratch.directory("directory")
        try scratch.file("regular", [1], mode: 0)
        try makeSymlink("regular", at: path + "/link")
        try makeNode(path + "/pipe", mode: SKL_S_IFIFO | 0o600)
        let directory = try open(path, O_RDONLY | O_DIRECTORY)
        for name in ["regular", "directory", "link", "pipe"] {
            let bytes = try EntryName(name)
            #expect(try RecordedOwner.read(bytes, at: directory.raw) == nil)
            let owner = RecordedOwner(uid: 1000, gid: 7)
            try owner.write(bytes, at: directory.raw)
            #expect(try RecordedOwner.read(bytes, at: directory.raw) == owner, "\(name)")
            let moved = name + ".moved"
            try rename(path + "/" + name, to: path + "/" + moved)
            let file = try open(path + "/" + moved, SKL_O_PATH | O_NOFOLLOW)
            #expect(try RecordedOwner.read(file.raw) == owner)
            let other = RecordedOwner(uid: 8, gid: 9)
            try other.write(file.raw)
            #expect(try RecordedOwner.read(file.raw) == other)
            try RecordedOwner.root.write(file.raw)
            #expect(try RecordedOwner.read(file.raw) == nil)
            #expect(try xattrNames(path + "/" + moved).isEmpty)
            try RecordedOwner.root.write(EntryName(moved), at: directory.raw)
        }
        #expect(RecordedOwner.isPossible(in: directory.raw))
        #expect(try entries(of: directory.raw).count == 4)
    }
}
