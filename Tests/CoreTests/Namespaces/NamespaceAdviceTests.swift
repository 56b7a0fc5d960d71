import Linux
import TestSupport
import Testing

@testable import Core

/// The sysctls by which distributions withhold user namespaces, and what each of them is answered with.
@Suite struct NamespaceAdviceTests {
    private func hint(_ error: Errno, _ settings: [String: String]) throws -> String {
        let scratch = try Scratch()
        for (path, value) in settings {
            let file = scratch.path + path
            try makeDirectories(parentPath(file) ?? "/")
            try writeFile(file, Array((value + "\n").utf8), mode: 0o644)
        }
        return NamespaceAdvice.hint(for: error, below: scratch.path) ?? ""
    }

    private static let clone = "/proc/sys/kernel/unprivileged_userns_clone"
    private static let armor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
    private static let most = "/proc/sys/user/max_user_namespaces"

    @Test func eachHasItsCure() throws {
        for error in [Errno.notPermitted, .accessDenied] {
            #expect(try hint(error, [Self.clone: "0"]).contains("unprivileged_userns_clone=1"))
            #expect(try hint(error, [Self.clone: "1", Self.armor: "1"]).contains("AppArmor restricts"))
            #expect(try hint(error, [Self.armor: "0", Self.most: "0"]).contains("max_user_namespaces=15000"))
            #expect(try hint(error, [Self.armor: "0", Self.most: "100"]).contains("chroot"))
            #expect(try hint(error, [:]).contains("seccomp"))
        }
        #expect(try hint(.noSpace, [:]).contains("raise /proc/sys/user/max_user_namespaces"))
        #expect(try hint(.noMemory, [:]).isEmpty)
    }
}
