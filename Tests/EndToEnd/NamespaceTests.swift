import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Namespaces, identity and what a contained process inherits: Docs/spec/runtime.md §§1, 9, 10.
    @Suite struct Namespaces {
        private func host(_ kind: String) throws -> String { try readLink("/proc/self/ns/" + kind) }

        @Test(arguments: Profile.allCases) func sharesWhatWasNotAsked(profile: Profile) throws {
            try need(profile)
            let outcome = try inside(tell: "namespaces", as: profile)
            for kind in ["pid", "ipc", "uts", "net", "cgroup", "time"] {
                #expect(try outcome.values["ns." + kind] == host(kind), "\(kind): \(outcome)")
            }
            #expect(try outcome.values["ns.mnt"] != host("mnt"), "\(outcome)")
            #expect(try (outcome.values["ns.user"] == host("user")) == (profile == .root), "\(outcome)")
        }

        @Test(
            arguments: Profile.allCases, [("--pid", "pid"), ("--ipc", "ipc"), ("--uts", "uts"), ("--userns", "user")])
        func flagMakesOne(profile: Profile, pair: (flag: String, kind: String)) throws {
            try need(profile)
            let outcome = try inside(pair.flag, tell: "namespaces", as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try outcome.values["ns." + pair.kind] != host(pair.kind), "\(outcome)")
        }

        /// Loopback is up, and there is nothing else; other networks are refused rather than left out.
        @Test(arguments: Profile.allCases) func networkNoneIsLoopbackAlone(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let flags = ["--contain", "--net", "--network", "none"]
            let outcome = try skiffCommand(
                ["exec"] + flags + [image, "cat", "/proc/net/dev", "/proc/net/fib_trie", "/etc/hosts"], as: profile
            ).run()
            let interfaces = outcome.standardOutput.split(separator: "\n").dropFirst(2).filter { $0.contains(": ") }
            #expect(interfaces.count == 1 && interfaces.first?.contains("lo:") == true, "\(outcome)")
            #expect(outcome.standardOutput.hasSuffix("ip6-allrouters\n"), "\(outcome)")
            // There is an address only where the interface is up.
            #expect(outcome.standardOutput.contains("|-- 127.0.0.1"), "\(outcome)")
            for words in [["--net", "--network", "no-such"], ["--net", "--network", "none,ptp"]] {
                let refused = try skiffCommand(["exec"] + words + [image, "true"], as: profile).run()
                #expect(refused.end == .exited(255), "\(refused)")
                #expect(refused.standardError.contains("cannot set up network "), "\(refused)")
            }
        }

        @Test(arguments: Profile.allCases) func pidNamespaceHasItsOwnProc(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("exec", "--pid", Images.shared.get().directory, "ls", "/proc", as: profile)
            let numbers = outcome.standardOutput.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
            #expect(numbers.contains(1) && numbers.count <= 3, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func hostnameFlagNamesIt(profile: Profile) throws {
            try need(profile)
            let outcome = try inside("--hostname", "skiff-host", tell: "process", as: profile)
            #expect(outcome.values["hostname"] == "skiff-host", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func staysWhoItWas(profile: Profile) throws {
            try need(profile)
            let record = try #require(profile.record)
            let outcome = try inside(tell: "ids", as: profile)
            #expect(outcome.values["uid"] == "\(record.uid),\(record.uid),\(record.uid)", "\(outcome)")
            #expect(outcome.values["gid"] == "\(record.gid),\(record.gid),\(record.gid)", "\(outcome)")
            #expect(outcome.values["status.Threads"] == "1", "\(outcome)")
        }

        @Test(.needs(.user)) func userHasNoPrivileges() throws {
            let outcome = try inside(tell: "ids", as: .user)
            #expect(outcome.values["no_new_privs"] == "1", "\(outcome)")
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                #expect(outcome.values["status." + set] == "0000000000000000", "\(set): \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func inheritsNoDescriptorOfOurs(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let outcome = try skiff("exec", kind.path(for: profile), "/inside", "descriptors", as: profile)
            let outside = try Command([Images.shared.get().bare + "/inside", "descriptors"], as: profile).run()
            #expect(outcome.values.keys.sorted() == outside.values.keys.sorted(), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func keepsUmaskAndSignals(profile: Profile) throws {
            try need(profile)
            let program = try Stage.shared.get().program
            let script = "umask 0027; exec \(program) exec \(try Images.shared.get().directory) /inside process ids"
            let outcome = try Command(["/bin/sh", "-c", script], as: profile).run()
            #expect(outcome.values["umask"] == "0027", "\(outcome)")
            let outside = try Command([Images.shared.get().bare + "/inside", "ids"], as: profile).run()
            for set in ["status.SigBlk", "status.SigIgn"] {
                #expect(outcome.values[set] == outside.values[set], "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func containallSeparatesEverything(profile: Profile) throws {
            try need(profile)
            let outcome = try inside(
                "--containall", tell: "namespaces", "environment", as: profile
            ) { $0.environment["SECRET"] = "value" }
            #expect(
                try outcome.values["ns.pid"] != host("pid") && outcome.values["ns.ipc"] != host("ipc"), "\(outcome)")
            #expect(outcome.values["env.SECRET"] == nil, "\(outcome)")
        }
    }
}
