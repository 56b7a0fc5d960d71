import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff doctor` on this host, and on hosts with one thing that is wrong (Docs/doctor.md).
    @Suite(.cleanHost) struct Doctor {
        private struct Answer {
            let outcome: Outcome
            var findings: [(probe: String, level: String, fact: String, cure: String)] = []

            init(_ outcome: Outcome) throws {
                self.outcome = outcome
                let object = try JSONSerialization.jsonObject(with: Data(outcome.standardOutput.utf8)) as? [String: Any]
                let list = try #require(object?["findings"] as? [[String: String]], "\(outcome)")
                findings = list.map { ($0["probe"] ?? "", $0["level"] ?? "", $0["fact"] ?? "", $0["cure"] ?? "") }
            }

            func expect(_ probe: String, _ level: String, _ fact: String, cure: String) {
                let found = findings.contains {
                    $0.probe == probe && $0.level == level && $0.fact.contains(fact)
                        && (cure.isEmpty || $0.cure.contains(cure))
                }
                #expect(found, "\(probe) \(level) \(fact) \(cure): \(outcome)")
                #expect(outcome.end == .exited(level == "fault" ? 1 : 0), "\(outcome)")
            }
        }

        /// What root breaks in mount namespaces of its own, before skiff runs in them as the ordinary user.
        private static let broken: [(script: String, probe: String, level: String, fact: String, cure: String)] = [
            (
                "echo >$1/node; chmod 600 $1/node; mount --bind $1/node /dev/fuse", "fuse", "warning",
                "Permission denied", "chmod 666 /dev/fuse"
            ),
            (
                "mount -t tmpfs tmpfs /dev; mknod -m 666 /dev/null c 1 3", "fuse", "warning", "No such file",
                "--device /dev/fuse"
            ),
            (
                "mount -t tmpfs -o size=1m tmpfs $1; chmod 1777 $1; export APPTAINER_TMPDIR=$1", "tmp", "fault",
                "MiB left",
                "APPTAINER_TMPDIR"
            ),
            (
                "mount -t tmpfs -o noexec tmpfs $1; chmod 1777 $1; export APPTAINER_TMPDIR=$1", "tmp", "warning",
                "noexec",
                "APPTAINER_TMPDIR"
            ),
            ("chmod 755 $1; export APPTAINER_TMPDIR=$1", "tmp", "fault", "not writable", "APPTAINER_TMPDIR"),
            (
                "mount -t tmpfs -o size=1m tmpfs $1; chown $2 $1; export APPTAINER_CACHEDIR=$1", "cache", "fault",
                "MiB left", "larger place"
            ),
            (
                "mkdir -p $1/c/cache; chown $2 $1/c; chmod 700 $1/c/cache; export APPTAINER_CACHEDIR=$1/c", "cache",
                "warning",
                "cannot be used", "APPTAINER_CACHEDIR"
            ),
            ("mount -t tmpfs tmpfs $3", "home", "warning", "is no directory", "--no-home"),
            (
                "echo >$1/none; mount --bind $1/none /etc/subuid", "subids", "note", "has no line",
                "usermod --add-subuids"
            ),
            ("export PYTHONPATH=/x", "environment", "note", "PYTHONPATH", "--cleanenv"),
        ]

        @Test(.needs(.root, .userNamespaces), arguments: broken.indices) func faultsAreNamed(index: Int) throws {
            try need(Profile.user)
            let fault = Self.broken[index]
            let place = try WorkDirectory.make(for: .root)
            let record = try #require(Profile.user.record)
            try chmod(place, 0o755)
            let script = """
                set -e; \(fault.script); shift 3
                exec \(Profile.user.switching.joined(separator: " ")) "$@"
                """
            var command = try skiffCommand(["doctor", "--json"], as: .user)
            command.profile = .root
            command.words =
                [
                    "/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh", place,
                    "\(record.uid):\(record.gid)", parentPath(record.home) ?? "/",
                ] + command.words
            try Answer(command.run()).expect(fault.probe, fault.level, fault.fact, cure: fault.cure)
        }

        @Test(arguments: Profile.allCases) func aHealthyHostHasNoFault(profile: Profile) throws {
            try need(profile)
            try need(.userNamespaces)
            try need(.fuse)
            let outcome = try skiff("doctor", as: profile)
            #expect(outcome.isSuccess && !outcome.standardOutput.contains("fault"), "\(outcome)")
            #expect(outcome.standardOutput.contains("ok       userns"), "\(outcome)")
            let answer = try Answer(skiff("doctor", "-j", as: profile))
            answer.expect("fuse", "ok", "/dev/fuse", cure: "")
            for finding in answer.findings where ["warning", "fault"].contains(finding.level) {
                #expect(!finding.cure.isEmpty, "\(finding)")
            }
        }

        /// Looking changes nothing: not even a cache is made.
        @Test(arguments: Profile.allCases) func nothingIsMade(profile: Profile) throws {
            try need(profile)
            let home = try WorkDirectory.make(for: profile)
            let outcome = try skiff("doctor", as: profile) {
                $0.environment["APPTAINER_CACHEDIR"] = home + "/none"
                $0.environment["APPTAINER_TMPDIR"] = home
            }
            #expect(outcome.standardOutput.contains("none yet"), "\(outcome)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: home) == [])
        }

        /// The probe and the command that fails say the same.
        @Test(.needs(.userNamespaces)) func refusedNamespaces() throws {
            try need(Profile.user)
            let image = try Images.shared.get().directory
            let script = """
                echo 0 >/proc/sys/user/max_user_namespaces
                exec setpriv --bounding-set=-all --inh-caps=-all "$@"
                """
            func run(_ words: [String]) throws -> Outcome {
                var command = try skiffCommand(words, as: .user)
                command.words =
                    ["/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", script, "sh"] + command.words
                return try command.run()
            }
            let cure = "raise /proc/sys/user/max_user_namespaces"
            try Answer(run(["doctor", "--json"])).expect("userns", "fault", "cannot be made", cure: cure)
            let refused = try run(["exec", "--userns", image, "true"])
            #expect(refused.end == .exited(255) && refused.standardError.contains(cure), "\(refused)")
        }

        @Test(.needs(.ranges)) func mapperWithoutPrivileges() throws {
            try need(Profile.user)
            var command = try skiffCommand(["doctor", "--json"], as: .user)
            command.words = ["/usr/bin/setpriv", "--no-new-privs"] + command.words
            try Answer(command.run()).expect("subids", "warning", "no_new_privs", cure: "--ignore-subuid")
        }

        @Test func refusedPlugins() throws {
            let prefix = try WorkDirectory.make(for: .current) + "/own"
            let copied = try Command(["/bin/cp", "-r", Stage.shared.get().prefix, prefix], as: .current).run()
            #expect(copied.isSuccess, "\(copied)")
            try writeFile(prefix + "/lib/skiff/plugins/org.example.odd.plugin", Array("odd\n".utf8), mode: 0o644)
            var command = try skiffCommand(["doctor", "--json"], as: .current)
            command.words[0] = prefix + "/bin/skiff"
            try Answer(command.run()).expect("plugin", "warning", "org.example.odd is refused", cure: "")
        }

        /// What a killed keeper leaves in /dev/shm and in the state directory, and an unfinished entry of the cache.
        @Test(arguments: Profile.allCases) func leftoversOfInstancesAndOfTheCache(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("gone")
            let keeper = try place.keeper("gone")
            let cache = try WorkDirectory.make(for: profile)
            let entry = cache + "/cache/oci-tmp/tmp_old"
            func run(_ words: String...) throws -> Outcome {
                try place.run(["doctor"] + words) { $0.environment["APPTAINER_CACHEDIR"] = cache }
            }
            try shell(
                "mkdir -p -m 700 $0/cache/oci-tmp $0/cache/library; : >$0/cache/oci-tmp/tmp_old; "
                    + "touch -d '9 days ago' $0/cache/oci-tmp/tmp_old; chown -R \(profile.record?.uid ?? 0) $0/cache",
                [cache])
            #expect(try !run().standardOutput.contains("/dev/shm/"))
            try sendSignal(SIGKILL, to: keeper)
            for _ in 0..<200 where ProcessTable.entry(keeper) != nil { usleep(10_000) }
            let told = try run()
            for path in ["/dev/shm/skiff-\(profile.record?.uid ?? 0)/", entry] {
                #expect(told.standardOutput.contains("\(path)"), "\(told)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.state) == ["gone.state"])
            let cleaned = try run("--clean")
            #expect(cleaned.standardOutput.contains("removed \(entry)"), "\(cleaned)")
            #expect(cleaned.standardError.contains("instance gone has ended by itself"), "\(cleaned)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.state).isEmpty)
            #expect(!isAccessible(entry, F_OK))
        }

        @Test(arguments: Profile.allCases) func leftoversAreRemoved(profile: Profile) throws {
            try need(profile)
            let record = try #require(profile.record)
            let place = try WorkDirectory.make(for: profile)
            let names = ["build-temp-old", "skiff-rootfs-\(record.uid)-old"]
            let kept = ["build-temp-new", "build-kept-old", "skiff-rootfs-\(record.uid + 1)-old"]
            for name in names + kept {
                try makeDirectory(place + "/" + name, mode: 0o700)
                try writeFile(place + "/" + name + "/file", [], mode: 0o600)
                if effectiveUID() == 0 { try chown(place + "/" + name, record.uid, record.gid) }
                if name.hasSuffix("old") { try shell("touch -d '2 hours ago' \"$0\"", [place + "/" + name]) }
            }
            func run(_ words: String...) throws -> Outcome {
                try skiffCommand(["doctor"] + words, as: profile) { $0.environment["APPTAINER_TMPDIR"] = place }.run()
            }
            func left() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: place).sorted() }
            let told = try run()
            for name in names { #expect(told.standardOutput.contains("\(place)/\(name) was left by"), "\(told)") }
            #expect(told.isSuccess && told.standardOutput.contains("skiff doctor --clean"), "\(told)")
            #expect(try left() == (names + kept).sorted())
            let cleaned = try run("--clean")
            for name in names { #expect(cleaned.standardOutput.contains("removed \(place)/\(name)"), "\(cleaned)") }
            #expect(try left() == kept.sorted())
        }
    }
}
