import CLinux
import Linux
import Testing
import skiff_root

/// The rules are setuid(2)'s, credentials(7)'s and capabilities(7)'s.
@Suite("credentials of emulated root")
struct CredentialsTests {
    private func ids(_ real: UInt32, _ effective: UInt32, _ saved: UInt32, _ file: UInt32) -> Credentials.IDs {
        var ids = Credentials.IDs()
        (ids.real, ids.effective, ids.saved, ids.file) = (real, effective, saved, file)
        return ids
    }

    @Test("setuid of root is for good") func setUID() throws {
        var it = Credentials.root
        try it.setGroups([5, 6])
        try it.setGID(7)
        try it.setUID(1000)
        #expect(it.user == Credentials.IDs(1000))
        #expect(it.group == Credentials.IDs(7))
        #expect(it.effective == 0)
        #expect(it.permitted == 0)
        #expect(throws: Errno.notPermitted) { try it.setUID(0) }
        #expect(throws: Errno.notPermitted) { try it.setRESUID(0, 0, 0) }
        #expect(throws: Errno.notPermitted) { try it.setREUID(0, Credentials.unchanged) }
        #expect(throws: Errno.notPermitted) { try it.setGroups([0]) }
        #expect(throws: Errno.notPermitted) { try it.setGID(0) }
        #expect(it.user == Credentials.IDs(1000))
        try it.setUID(1000)
        #expect(it.groups == [5, 6])
    }

    @Test("seteuid can be taken back") func setEUID() throws {
        var it = Credentials.root
        try it.setRESUID(Credentials.unchanged, 1000, Credentials.unchanged)
        #expect(it.user == ids(0, 1000, 0, 1000))
        #expect(it.effective == 0)
        #expect(it.permitted == .max)
        #expect(throws: Errno.notPermitted) { try it.setGroups([]) }
        try it.setREUID(Credentials.unchanged, 0)
        #expect(it.user == ids(0, 0, 0, 0))
        #expect(it.effective == .max)
    }

    @Test("setreuid changes the saved id as the kernel does") func setREUID() throws {
        var it = Credentials.root
        try it.setREUID(1000, 0)
        #expect(it.user == ids(1000, 0, 0, 0))
        try it.setREUID(0, 1000)
        #expect(it.user == ids(0, 1000, 1000, 1000))
        var other = Credentials.root
        try other.setREUID(Credentials.unchanged, 1000)
        #expect(other.user == ids(0, 1000, 1000, 1000))
    }

    @Test("kept capabilities are permitted, not effective, and can be raised again") func keep() throws {
        var it = Credentials.root
        it.keepsCapabilities = true
        try it.setRESUID(1000, 1000, 1000)
        #expect(it.effective == 0)
        #expect(it.permitted == .max)
        try it.setCapabilities(effective: 1 << 6, permitted: 1 << 6 | 1 << 7)
        try it.setRESGID(8, 8, 8)
        #expect(throws: Errno.notPermitted) { try it.setUID(0) }
        #expect(throws: Errno.notPermitted) { try it.setCapabilities(effective: 1 << 21, permitted: 1 << 21) }
        #expect(throws: Errno.notPermitted) { try it.setCapabilities(effective: 1 << 7, permitted: 1 << 6) }
    }

    @Test("an exec gives root everything and takes it from others") func exec() throws {
        var it = Credentials.root
        try it.setCapabilities(effective: 0, permitted: 1)
        it.execute()
        #expect(it == .root)
        it.keepsCapabilities = true
        try it.setRESUID(0, 1000, 0)
        it.execute()
        #expect(it.user == ids(0, 1000, 1000, 1000))
        #expect(it.permitted == .max)
        #expect(it.effective == 0)
        it = .root
        it.keepsCapabilities = true
        try it.setUID(1000)
        it.execute()
        #expect(it.permitted == 0)
        #expect(!it.keepsCapabilities)
        #expect(throws: Errno.notPermitted) { try it.setUID(0) }
    }

    @Test("setfsuid answers the old id and touches no other") func setFSUID() throws {
        var it = Credentials.root
        #expect(it.setFSUID(33) == 0)
        #expect(it.user == ids(0, 0, 0, 33))
        #expect(it.makesForeignFiles)
        #expect(it.setFSUID(Credentials.unchanged) == 33)
        #expect(it.setFSUID(0) == 33)
        #expect(!it.makesForeignFiles)
        try it.setUID(1000)
        #expect(it.setFSUID(44) == 1000)
        #expect(it.user.file == 1000)
        #expect(it.setFSGID(9) == 0)
        #expect(it.group.file == 0)
    }

    @Test("-1 is no id") func unchanged() {
        var it = Credentials.root
        #expect(throws: Errno.invalidArgument) { try it.setUID(.max) }
        #expect(it == .root)
    }
}
