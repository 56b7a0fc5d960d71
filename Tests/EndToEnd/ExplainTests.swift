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

        /// What a flag needs beside itself to change a plan: its value, other flags, another verb, or who calls. `nil`: the
        /// plan cannot show it, since it is about where an image comes from, or about what a plugin of another host finds.
        private struct Case {
            var value: String?
            var beside: [String] = []
            var verb = "exec"
            var profile: Profile?
            var isImageFile = false
        }

        private static func cases(_ place: String) -> [String: Case?] {
            let container = Case(beside: ["--contain"])
            var cases: [String: Case?] = [
                "nv": nil, "no-nv": nil, "compat32": nil, "device": nil, "cdi-dirs": nil, "disable-cache": nil,
                "no-https": nil, "docker-login": nil, "docker-username": nil, "docker-password": nil,
                "docker-host": nil, "authfile": nil, "passphrase": nil, "passphrase-fd": nil, "key-command": nil,
                "keyring": nil, "pem-path": nil, "pull": nil, "explain": nil, "boot": nil,
                // The command writes it when the instance runs.
                "pid-file": nil,
                // Ways to be root that this one is not; root emulation has no program to leave out.
                "ignore-subuid": nil, "ignore-fakeroot-command": nil, "ignore-userns": nil,
                "contain": Case(), "workdir": container, "no-pid": Case(beside: ["--containall"]),
                "no-init": Case(beside: ["--pid"]), "unsquash": Case(isImageFile: true),
                "fakeroot": Case(profile: .user), "no-privs": Case(profile: .root),
                // Root keeps all without it; a directory that others own nobody else writes; users have a namespace anyway.
                "keep-privs": nil, "writable": Case(profile: .root), "userns": Case(profile: .root),
                "allow-setuid": Case(profile: .root), "shell": Case(verb: "shell"),
                "no-umask": Case(),
                "add-caps": Case(profile: .user),
            ]
            cases["workdir"]??.value = place
            cases["shell"]??.value = "/bin/other"
            cases["add-caps"]??.value = "CAP_NET_RAW"
            let values = [
                "overlay": place, "bind": "/etc:/mnt", "mount": "type=bind,src=/etc,dst=/mnt", "home": place,
                "no-mount": "tmp", "scratch": "/scratch", "cwd": "/etc", "pwd": "/etc", "env": "A=b",
                "env-file": place + "/variables", "no-env": "TERM", "hostname": "own", "dns": "192.0.2.1",
                "network": "none", "netns-path": "/proc/self/ns/net", "drop-caps": "CAP_CHOWN",
                "security": "seccomp:\(place)/profile.json", "containlibs": place + "/variables",
                "apply-cgroups": place + "/limits.toml", "memory": "64m", "memory-reservation": "32m",
                "cpus": "0.5", "cpu-shares": "512", "cpuset-cpus": "0", "cpuset-mems": "0", "blkio-weight": "500",
                "pids-limit": "20", "app": "own",
            ]
            for (flag, value) in values { cases[flag] = Case(value: value) }
            for flag in ["memory", "memory-reservation", "cpus", "cpu-shares", "cpuset-cpus", "cpuset-mems"] {
                cases[flag]??.profile = .root
            }
            for flag in ["apply-cgroups", "blkio-weight", "pids-limit", "netns-path"] { cases[flag]??.profile = .root }
            cases["drop-caps"]??.profile = .root
            cases["memory-swap"] = Case(value: "128m", beside: ["--memory", "64m"], profile: .root)
            cases["oom-kill-disable"] = Case(beside: ["--memory", "64m"], profile: .root)
            cases["network-args"] = nil as Case?
            cases["tmpdir"] = nil as Case?
            cases["blkio-weight-device"] = nil as Case?
            return cases
        }

        /// A flag that is taken changes the plan that `--explain` prints.
        @Test(.needs(.cgroups), arguments: Profile.allCases) func tellsEveryFlag(profile: Profile) throws {
            try need(profile)
            let place = try WorkDirectory.make(for: profile)
            try writeFile(place + "/variables", Array("FROM_FILE=1\n".utf8), mode: 0o644)
            try writeFile(place + "/limits.toml", Array("[pids]\nlimit = 30\n".utf8), mode: 0o644)
            let rules =
                #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}"#
            try writeFile(place + "/profile.json", Array(rules.utf8), mode: 0o644)
            let cases = Self.cases(place)
            let help = try skiff("exec", "--help", as: profile).standardOutput
            let flags = help.split(separator: "\n").compactMap { line -> String? in
                guard let dashes = line.range(of: "--"), line.hasPrefix("  ") else { return nil }
                return String(line[dashes.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "-" })
            }
            #expect(flags.count > 50, "\(help)")
            func explain(_ verb: String, _ words: [String], file: Bool) throws -> Outcome {
                let images = try Images.shared.get()
                let last = verb.hasPrefix("instance") ? ["own"] : verb == "exec" ? ["true"] : []
                let image = file ? images.sif : images.directory
                let all = verb.split(separator: " ").map(String.init) + ["--explain"] + words + [image] + last
                return try skiffCommand(all, as: profile) {
                    $0.words = ["/bin/sh", "-c", "umask 027; exec \"$@\"", "sh"] + $0.words
                }.run()
            }
            var untold: [String] = []
            for flag in Set(flags + ["shell"]) where flag != "help" {
                let known: Case?? = cases[flag]
                let found = known ?? Case()
                guard let found, found.profile == nil || found.profile == profile else { continue }
                let asked = ["--" + flag] + (found.value.map { [$0] } ?? [])
                let with = try explain(found.verb, found.beside + asked, file: found.isImageFile)
                let without = try explain(found.verb, found.beside, file: found.isImageFile)
                if !with.isSuccess || with.standardOutput == without.standardOutput {
                    untold.append("--\(flag): \(with.standardError)")
                }
            }
            #expect(untold.isEmpty, "not in the plan: \(untold.joined(separator: "\n"))")
        }
    }
}
