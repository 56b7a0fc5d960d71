import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `--explain` prints what is then executed: the plan against the container and against the system calls made.
    @Suite struct Explain {
        private static let flags = [
            [], ["--contain"], ["--containall"], ["--pid", "--ipc", "--uts"], ["--cleanenv", "--env", "A=b"],
            ["-B", "/etc:/mnt:ro", "--no-home"], ["--userns"],
        ]

        /// Returns the plan as JSON.
        private func plan(_ flags: [String], _ image: String, as profile: Profile) throws -> [String: Any] {
            let outcome = try skiffCommand(["exec", "--explain=json"] + flags + [image, "/inside"], as: profile).run()
            try #require(outcome.isSuccess, "\(outcome)")
            let value = try JSONSerialization.jsonObject(with: Data(outcome.standardOutput.utf8))
            return try #require(value as? [String: Any])
        }

        private func mounts(_ plan: [String: Any]) -> [[String: Any]] { plan["mounts"] as? [[String: Any]] ?? [] }

        @Test(arguments: Profile.allCases, flags) func tellsMounts(profile: Profile, flags: [String]) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let planned = try mounts(plan(flags, image, as: profile))
            let outcome = try inside(flags, tell: ["mounts"], as: profile)
            let destinations = planned.compactMap { $0["destination"] as? String }
            for entry in planned where entry["type"] as? String != "symlink" {
                let destination = try #require(entry["destination"] as? String)
                let isRequired = entry["ifMissing"] as? String == "fail"
                #expect(outcome.mountPoints.contains(destination) || !isRequired, "\(entry)")
            }
            for point in outcome.mountPoints where point != "/" {
                let isPlanned = destinations.contains { point == $0 || point.hasPrefix($0 + "/") }
                #expect(isPlanned, "\(point) is mounted and not in the plan: \(destinations)")
            }
        }

        @Test(arguments: Profile.allCases, flags) func tellsTheEnvironment(profile: Profile, flags: [String]) throws {
            try need(profile)
            let environment =
                try plan(flags, Images.shared.get().directory, as: profile)["environment"] as? [String: Any]
            let passed = try #require(environment?["variables"] as? [[String: String]])
            let overrides = try #require(environment?["overrides"] as? [[String: String]])
            let variables = passed + overrides
            let planned = Dictionary(variables.map { ($0["name"] ?? "", $0["value"] ?? "") }) { $1 }
            let outcome = try inside(flags, tell: ["environment"], as: profile)
            var found: [String: String] = [:]
            for (key, value) in outcome.values where key.hasPrefix("env.") { found[String(key.dropFirst(4))] = value }
            // The additions of the image's scripts and of the action are evaluated inside, from files of the image.
            for name in [
                "SINGULARITY_APPNAME", "PS1", "PROMPT_COMMAND", "PWD", "APPTAINER_ENVIRONMENT",
                "SINGULARITY_ENVIRONMENT",
            ] {
                found[name] = planned[name]
            }
            let missing = planned.filter { found[$0.key] != $0.value }, excess = found.filter { planned[$0.key] == nil }
            #expect(missing.isEmpty && excess.isEmpty, "planned: \(missing), not planned: \(excess)")
        }

        @Test(arguments: Profile.allCases, flags) func tellsNamespacesAndIds(profile: Profile, flags: [String]) throws {
            try need(profile)
            let plan = try plan(flags, Images.shared.get().directory, as: profile)
            let named = Set(try #require(plan["namespaces"] as? [String]))
            let outcome = try inside(flags, tell: ["namespaces", "ids"], as: profile)
            for kind in ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"] {
                let isNew = try outcome.values["ns." + kind] != readLink("/proc/self/ns/" + kind)
                #expect(isNew == named.contains(kind), "\(kind): \(outcome)")
            }
            if let user = plan["user"] as? [String: Any], let uid = user["uid"] as? [String: Int] {
                let map = outcome.values["uid_map.0"]?.split(separator: " ").compactMap { Int($0) }
                #expect(map == [uid["inside"] ?? -1, uid["outside"] ?? -1, 1], "\(outcome)")
            }
            let privileges = try #require(plan["privileges"] as? [String: Any])
            let isMarked = outcome.values["no_new_privs"] == "1"
            #expect(privileges["noNewPrivileges"] as? Bool == isMarked, "\(outcome)")
            if (privileges["capabilities"] as? [String])?.isEmpty == true {
                #expect(outcome.values["status.CapEff"] == "0000000000000000", "\(outcome)")
            }
        }

        /// Each bind of the plan is one open_tree(2) of its source, in the plan's order, and nothing else is opened
        /// this way.
        @Test(.needs(.strace), arguments: Profile.allCases, ImageKind.allCases)
        func tellsTheSystemCalls(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let image = try kind.path(for: profile)
            let flags = ["-B", "/etc:/mnt:ro", "--no-home"]
            let expected = try mounts(plan(flags, image, as: profile)).filter { $0["type"] as? String == "bind" }
                .compactMap { $0["source"] as? String }
            let trace = try WorkDirectory.make(for: profile) + "/trace"
            var command = try skiffCommand(["exec"] + flags + [image, "/inside", "exit", "0"], as: profile)
            command.words =
                ["/usr/bin/strace", "-f", "-o", trace, "-e", "trace=open_tree,clone,unshare"] + command.words
            let outcome = try command.run()
            #expect(outcome.isSuccess, "\(outcome)")
            let lines = String(decoding: try readFile(trace), as: UTF8.self).split(separator: "\n")
            let sources = lines.filter { $0.contains("open_tree(AT_FDCWD, \"/") }
                .compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }.filter { $0 != image }
            #expect(sources == expected)
        }

        @Test(arguments: Profile.allCases) func doesNothing(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff(
                "exec", "--explain", Images.shared.get().directory, "/inside", "exit", "9", as: profile)
            #expect(outcome.isSuccess && outcome.standardOutput.contains("mounts, in order"), "\(outcome)")
        }
    }
}
