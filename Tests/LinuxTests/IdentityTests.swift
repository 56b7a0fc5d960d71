import CLinux
import TestSupport
import Testing

@testable import Linux

@Suite struct IdentityTests {
    @Test func rootIsInTheUserDatabase() throws {
        let root = try #require(userRecord(uid: 0))
        #expect(root.name == "root" && root.uid == 0 && root.gid == 0 && root.home == "/root")
        #expect(userRecord(name: "root") == root)
        #expect(groupName(gid: 0) == "root")
    }

    @Test func unknownUsersAreNone() {
        #expect(userRecord(uid: 3_999_999_999) == nil)
        #expect(userRecord(name: "no-such-user") == nil && userRecord(name: "") == nil)
        #expect(groupName(gid: 3_999_999_999) == nil)
    }

    @Test func groupsAreThoseOfTheProcess() throws {
        let words = try succeed(["/usr/bin/id", "-G"]).split { $0 == " " || $0 == "\n" }
        #expect(Set(words.compactMap { gid_t($0) }) == Set(supplementaryGroups() + [effectiveGID()]))
    }

    @Test func capabilitiesOfAnOrdinaryUserAreNone() throws {
        let sets = try capabilities()
        #expect(effectiveUID() == 0 ? sets.effective != 0 : sets.effective == 0)
        #expect(sets.effective & ~sets.permitted == 0)
        #expect(isInBoundingSet(0) != nil && isInBoundingSet(63) == nil)
    }

    /// Of one thread, and not to be undone.
    @Test func newPrivilegesCanBeGivenUp() {
        inThreads(2) { number in
            guard number == 1 else { return }
            #expect(throws: Never.self) { try setNoNewPrivileges() }
            #expect(hasNoNewPrivileges())
        }
    }
}
