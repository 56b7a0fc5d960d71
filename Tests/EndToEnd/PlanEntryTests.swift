import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Every kind of entry that a plugin adds to the plan: what it does to the container, and what `--explain` says.
    @Suite struct PlanEntries {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("entries")
            try installation.add(
                "org.test.entries", from: "entries.c",
                manifest: """
                    phases = prepare, mounts, environment
                    [flag]
                    name = entry
                    type = string
                    help = ask for one entry of the plan
                    handler = entry
                    signature = i:cs
                    """)
            return installation
        }

        private func run(
            _ flags: [String], _ words: [String], as profile: Profile, _ environment: [String: String] = [:]
        ) throws -> Outcome {
            let installation = try Self.installation.get()
            return try skiffCommand(["exec"] + flags + [try Images.shared.get().directory] + words, as: profile) {
                $0.words[0] = installation.program
                $0.environment.merge(environment) { $1 }
            }.run()
        }

        private func shell(_ entry: String, _ script: String, _ flags: [String] = [], as profile: Profile) throws
            -> Outcome
        {
            try run(["--entry", entry] + flags, ["/bin/sh", "-c", script], as: profile)
        }

        private func explain(_ entry: String, _ flags: [String] = [], as profile: Profile) throws -> String {
            let outcome = try run(["--explain", "--entry", entry] + flags, ["true"], as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            return outcome.standardOutput
        }

        /// The plan's rows about variables, carried out by hand, are the environment that the program finds.
        @Test(arguments: Profile.allCases) func variablesAreThoseOfThePlan(profile: Profile) throws {
            try need(profile)
            let flags = [
                "--entry", "variables", "--env", "GIVEN=by the user", "--env", "JOINED=/user", "--env",
                "PREPEND_PATH=/user",
            ]
            let caller = ["UNWANTED": "1"]
            let outcome = try run(flags, ["/inside", "environment"], as: profile, caller)
            #expect(outcome.isSuccess, "\(outcome)")
            let standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            #expect(outcome.values["env.PATH"] == "/user:/first $HOME:\(standard):/last")
            #expect(outcome.values["env.LD_LIBRARY_PATH"] == "/lib/first:/lib/last")
            #expect(outcome.values["env.PLAIN"] == "a `b` \"c\"")
            #expect(outcome.values["env.GIVEN"] == "by the user")
            #expect(outcome.values["env.JOINED"] == "/plugin:/user")
            #expect(outcome.values["env.UNWANTED"] == nil)
            #expect(
                outcome.values["env.SEEN"]
                    == "/user:/first \\$HOME:\(standard):/last|by the user|/plugin:/user")
            let plan = try run(["--explain"] + flags, ["true"], as: profile, caller).standardOutput
            for row in [
                "PATH begins with /user (--env)", "PATH begins with /first $HOME (test, org.test.entries)",
                "PATH ends with /last (test, org.test.entries)",
                "LD_LIBRARY_PATH begins with /lib/first (test, org.test.entries)",
                "LD_LIBRARY_PATH ends with /lib/last (test, org.test.entries)",
                "PLAIN=a `b` \"c\" (test, org.test.entries)",
                "GIVEN=by the user (--env, after the image's scripts)",
                "without GIVEN: the user's value wins (test, org.test.entries)",
                "without UNWANTED: test, org.test.entries",
            ] {
                #expect(plan.contains("  \(row)\n"), "\(row) in \(plan)")
            }
            #expect(!plan.contains("SING_USER_DEFINED"))
        }

        @Test(arguments: Profile.allCases) func pathInPlaceOfTheImages(profile: Profile) throws {
            try need(profile)
            let alone = try shell("path", "echo $PATH", as: profile)
            #expect(alone.line == "/bin:/plugin", "\(alone)")
            let front = try shell("path", "echo $PATH", ["--env", "APPEND_PATH=/user"], as: profile)
            #expect(front.line == "/bin:/plugin:/user", "\(front)")
            let users = try shell("path", "echo $PATH", ["--env", "PATH=/bin:/user"], as: profile)
            #expect(users.line == "/bin:/user", "\(users)")
        }

        @Test(arguments: Profile.allCases) func factsAreTold(profile: Profile) throws {
            try need(profile)
            let outcome = try shell("facts", "echo \"$FACTS\"", ["--contain"], as: profile)
            let image = try Images.shared.get().directory
            let uid = profile == .root ? 0 : profile.record?.uid ?? 0
            for fact in [
                "command=exec", "image=\(image)", "architecture=", "app=(none)", "metadata=(none)", "uid=\(uid)",
                "inside-uid=\(uid)", "contain=1", "writable=0", "minimal-dev=1", "writable-layers=0", "explain=0",
                "rootless=\(profile == .root ? 0 : 1)", "user-namespace=\(profile == .root ? 0 : 1)",
            ] {
                #expect(outcome.standardOutput.contains(fact + (fact.hasSuffix("=") ? "" : ";")), "\(fact): \(outcome)")
            }
            let noDev = try shell("facts", "echo \"$FACTS\"", ["--contain", "--no-mount", "dev"], as: profile)
            #expect(noDev.standardOutput.contains("minimal-dev=0;"), "\(noDev)")
            let fake = try shell("facts", "echo \"$FACTS\"", ["--fakeroot"], as: profile)
            #expect(fake.standardOutput.contains("inside-uid=0;"), "\(fake)")
            let installation = try Self.installation.get()
            let sif = try skiffCommand(
                [
                    "exec", "--entry", "facts", try Images.shared.get().sif, "/bin/sh", "-c", "echo \"$FACTS\"",
                ], as: profile
            ) { $0.words[0] = installation.program }.run()
            #expect(sif.standardOutput.contains("metadata={"), "\(sif)")
        }

        @Test(arguments: Profile.allCases) func linksAreMadeWhereTheImageHasNone(profile: Profile) throws {
            try need(profile)
            for flags in [[], ["--underlay"]] {
                let outcome = try shell("link", "readlink /opt/made/link", flags, as: profile)
                #expect(outcome.line == "/etc/keep", "\(flags): \(outcome)")
            }
            #expect(!isAccessible(try Images.shared.get().directory + "/opt", F_OK))
            let image = try Images.shared.get().changed("links-\(profile)") {
                try writeFile($0 + "/etc/keep", Array("kept\n".utf8), mode: 0o644)
            }
            let installation = try Self.installation.get()
            let refused = try skiffCommand(["exec", "--entry", "link-exists", image, "true"], as: profile) {
                $0.words[0] = installation.program
            }.run()
            #expect(refused.end == .exited(255) && refused.standardError.contains("file exists"), "\(refused)")
        }

        @Test(arguments: Profile.allCases) func hostNameAndSysctlHaveTheirNamespaces(profile: Profile) throws {
            try need(profile)
            #expect(try shell("hostname", "uname -n", as: profile).line == "named-by-plugin")
            let users = try shell("hostname", "uname -n", ["--hostname", "mine"], as: profile)
            #expect(users.line == "mine", "\(users)")
            let port = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"
            #expect(try shell("sysctl", port, as: profile).line == "80")
            #expect(
                try explain("sysctl", as: profile).contains(
                    "net.ipv4.ip_unprivileged_port_start = 80 (test, org.test.entries)"))
            for (entry, message) in [
                ("sysctl-of-host", "cannot set kernel.panic: it belongs to no namespace"),
                ("sysctl-path", "not the name of a sysctl"),
            ] {
                let refused = try shell(entry, "true", as: profile)
                #expect(refused.end == .exited(255) && refused.standardError.contains(message), "\(refused)")
            }
        }

        @Test(arguments: Profile.allCases) func groupsNeedRoot(profile: Profile) throws {
            try need(profile)
            let outcome = try shell("group", "id -G", as: profile)
            if profile == .root {
                #expect(outcome.standardOutput.split(whereSeparator: \.isWhitespace).contains("4242"), "\(outcome)")
            } else {
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("the caller is not a member, and not root"), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func limitsHoldForTheProgram(profile: Profile) throws {
            try need(profile)
            let outcome = try shell("limit", "ulimit -c; ulimit -n; ulimit -Hn", as: profile)
            #expect(outcome.standardOutput == "0\n77\n88\n", "\(outcome)")
            let above = try shell("limit-above", "ulimit -u", as: profile)
            let hard = try ResourceLimit.current(.nproc).hard
            // CAP_SYS_RESOURCE.
            let mayRaise = try profile == .root && capabilities().effective & 1 << 24 != 0
            if mayRaise || hard >= UInt64.max - 1 {
                #expect(above.isSuccess, "\(above)")
            } else {
                #expect(above.standardError.contains("above the caller's hard limit"), "\(above)")
            }
            #expect(try shell("limit-unknown", "true", as: profile).standardError.contains("not a resource"))
        }

        @Test(arguments: Profile.allCases) func filtersAndCapabilitiesOnlyTakeAway(profile: Profile) throws {
            try need(profile)
            for flags in [[], ["--fakeroot"], ["--pid"]] {
                let outcome = try shell("filter", "busybox mkdir /tmp/entries-$$ 2>&1", flags, as: profile)
                #expect(outcome.standardOutput.contains("Operation not supported"), "\(flags): \(outcome)")
                #expect(outcome.end == .exited(1), "\(flags): \(outcome)")
            }
            let kept = try run(
                ["--entry", "capability", "--fakeroot"], ["/bin/sh", "-c", "cat /proc/self/status"], as: profile)
            let line = kept.standardOutput.split(separator: "\n").first { $0.hasPrefix("CapEff:") } ?? ""
            let bits = UInt64(line.dropFirst(7).filter { !$0.isWhitespace }, radix: 16)
            #expect(bits.map { $0 & 1 } == 0 && bits != 0, "\(kept)")
        }

        @Test(arguments: Profile.allCases) func wrappersStandInFront(profile: Profile) throws {
            try need(profile)
            for flags in [[], ["--pid"]] {
                let outcome = try shell("wrap", "echo \"$WRAPPED $OUTER\"", flags, as: profile)
                #expect(outcome.line == "yes  twice 1", "\(outcome)")
            }
            let row = try explain("wrap", as: profile)
            #expect(row.contains("  by /bin/env OUTER=1 (test, org.test.entries)\n"), "\(row)")
            let relative = try shell("wrap-relative", "true", as: profile)
            #expect(relative.end == .exited(255) && relative.standardError.contains("absolute path"), "\(relative)")
        }

        @Test(arguments: Profile.allCases) func devicesAreThoseThatWereMeant(profile: Profile) throws {
            try need(profile)
            let look = "stat -c '%t %T' /dev/nothing/zero"
            let minimal = try shell("device", look, ["--contain"], as: profile)
            #expect(minimal.line == "1 5", "\(minimal)")
            let whole = try shell("device", "true", as: profile)
            #expect(whole.end == .exited(255) && whole.standardError.contains("the host's whole /dev is there"))
            let other = try shell("device-other", "true", ["--contain"], as: profile)
            #expect(other.end == .exited(255) && other.standardError.contains("there is no such device"), "\(other)")
            #expect(
                try shell("device-owner", "true", as: profile).standardError.contains("cannot change owner or mode"))
        }

        @Test(arguments: Profile.allCases) func imagesAreShownByDescriptor(profile: Profile) throws {
            try need(profile)
            let installation = try Self.installation.get()
            let images = try Images.shared.get()
            for (image, expected) in [
                // The definition, the metadata and the root; Docs/spec/sif.md §5.
                (images.sif, [":4006:0:0:inspect-metadata.json ", ":4004:1:2:", " SIF_MAGI\n"]),
                (images.directory, ["a directory"]),
            ] {
                let outcome = try skiffCommand(
                    ["exec", "--entry", "image", image, "/bin/sh", "-c", "echo \"$IMAGE\""], as: profile
                ) { $0.words[0] = installation.program }.run()
                #expect(outcome.isSuccess, "\(outcome)")
                for text in expected { #expect(outcome.standardOutput.contains(text), "\(text): \(outcome)") }
            }
        }

        /// `allow pid ns = no` holds for plugins as it does for flags.
        @Test(.needs(.root)) func configurationForbidsNamespaces() throws {
            let installation = try Self.installation.get()
            let path = installation.folder + "/etc/skiff/skiff.conf"
            let before = try readFile(path)
            defer { try? writeFile(path, before, mode: 0o644) }
            let text = String(bytes: before).replacingOccurrences(of: "allow pid ns = yes", with: "allow pid ns = no")
            try writeFile(path, text.bytes, mode: 0o644)
            let outcome = try shell("pid", "true", as: .root)
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("allow pid ns = no"), "\(outcome)")
        }
    }
}
