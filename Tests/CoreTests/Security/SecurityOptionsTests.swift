import Base
import Testing

@testable import Core

@Suite struct SecurityOptionsTests {
    private func problem(_ words: String...) -> String {
        do {
            return "\(try SecurityOptions(words))"
        } catch {
            return "\(error)"
        }
    }

    @Test func wordsAreRead() throws {
        let options = try SecurityOptions(["uid:1000", "gid:5:6:7", "seccomp:/p.json", "selinux:u:r:t:s0"])
        #expect(options.uid == 1000 && options.gids == [5, 6, 7] && options.seccomp == "/p.json")
        #expect(options.label == .seLinux("u:r:t:s0") && options.changesUser)
        #expect(try !SecurityOptions([]).changesUser)
        #expect(SecurityLabel("apparmor:a b") == .appArmor("a b") && SecurityLabel("x:y") == nil)
    }

    @Test func whatIsNotKnownIsRefused() {
        #expect(problem("foo:bar").contains("no option that skiff knows"))
        #expect(problem("seccomp").contains("no option that skiff knows"))
        #expect(problem("uid:").contains("no option that skiff knows"))
        #expect(
            problem("uid:a").hasSuffix("failed to parse provided UID: strconv.ParseUint: parsing \"a\": invalid syntax")
        )
        #expect(problem("gid:1:4294967295").hasSuffix("parsing \"4294967295\": value out of range"))
        #expect(problem("uid:99999999999").hasSuffix("value out of range"))
        #expect(problem("uid:1", "uid:1").contains("uid stands twice"))
        #expect(problem("apparmor:a", "selinux:b").hasSuffix("both an apparmor profile and a selinux label"))
    }
}
