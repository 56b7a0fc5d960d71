import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff.network/2`: plugins attach networks while the container's first process waits, and detach them at its end.
    @Suite(.needs(.ip)) struct PluginNetworks {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("networking")
            for (id, networks) in [("org.test.network", "testnet, second, stranger"), ("org.test.any", "*")] {
                try installation.add(
                    id, from: "network.c",
                    manifest: "extensions = skiff.network/2\ndraft-ok = yes\nnetworks = \(networks)")
            }
            return installation
        }

        private struct Place {
            let profile: Profile
            let work: String
            var log: [String] {
                String(bytes: (try? readFile(work + "/log")) ?? []).split(separator: "\n").map(String.init)
            }

            init(_ profile: Profile) throws {
                try need(profile)
                self.profile = profile
                work = try WorkDirectory.make(for: profile)
            }

            func command(_ flags: [String], _ words: [String]) throws -> Command {
                let program = try PluginNetworks.installation.get().program
                let image = try Images.shared.get().directory
                return try skiffCommand(["exec"] + flags + [image] + words, as: profile) {
                    $0.words[0] = program
                    $0.environment["APPTAINER_CONFIGDIR"] = work + "/configuration"
                }
            }

            func run(_ flags: [String], _ script: String) throws -> Outcome {
                try command(flags, ["/bin/sh", "-c", script]).run()
            }

            /// `--network-args` that say where the plugin writes, and what it does.
            func arguments(_ deed: String = "", of network: String = "testnet") -> [String] {
                ["--network-args", "\(network):log=\(work)/log" + (deed.isEmpty ? "" : ";deed=\(deed)")]
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func attachesInOrderAndDetachesInReverse(profile: Profile) throws
        {
            for flags in [[], ["--pid"], ["--contain", "--hostname", "inside"], ["--fakeroot"]] {
                let place = try Place(profile)
                let outcome = try place.run(
                    flags + ["--network", "testnet,second"] + place.arguments() + place.arguments(of: "second"),
                    """
                    grep -c eth /proc/net/dev; grep -c '10.99.[01].2$' /proc/net/fib_trie; cat /etc/resolv.conf
                    grep -e test -e ' inside' /etc/hosts; exit 7
                    """)
                let names = flags.contains("inside") ? "10.99.0.2 inside\n" : ""
                #expect(outcome.end == .exited(7), "\(flags): \(outcome)")
                #expect(
                    outcome.standardOutput.hasSuffix(
                        "search example.test\nnameserver 10.99.0.1\n\(names)10.99.0.1 gateway.test gateway\n"),
                    "\(flags): \(outcome)")
                #expect(outcome.standardOutput.hasPrefix("4\n4\n"), "\(flags): \(outcome)")
                #expect(
                    place.log == [
                        "validate testnet eth0 org.test.network", "validate second eth1 org.test.network",
                        "prepare testnet eth0", "prepare second eth1", "attach testnet eth0", "attach second eth1",
                        "detach second eth1 1=10.99.1.2/24 2=10.99.0.1 3=0.0.0.0/0 ",
                        "detach testnet eth0 1=10.99.0.2/24 2=10.99.0.1 3=0.0.0.0/0 4=10.99.0.1 5=example.test 6=10.99.0.1 "
                            + "7=127.0.0.1:8080/tcp ",
                    ], "\(flags): \(place.log)")
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func asksTheNextOneWhoDoesNotDecline(profile: Profile) throws {
            for name in ["stranger", "of.nobody"] {
                let place = try Place(profile)
                let outcome = try place.run(["--network", name] + place.arguments(of: name), "true")
                if name == "stranger" {
                    #expect(outcome.end == .exited(255), "\(outcome)")
                    #expect(
                        outcome.standardError.contains(
                            "cannot set up network stranger: it is unknown to org.skiff.bridge-net, org.test.any, org.test.network"
                        ),
                        "\(outcome)")
                } else {
                    #expect(
                        outcome.isSuccess && place.log.first == "validate of.nobody eth0 org.test.any", "\(outcome)")
                }
            }
        }

        @Test(.cleanHost, arguments: Profile.allCases) func whatTheUserSaysWins(profile: Profile) throws {
            let place = try Place(profile)
            let own = place.work + "/hosts"
            try writeFile(own, Array("1.2.3.4 mine\n".utf8), mode: 0o644)
            let outcome = try place.run(
                ["--network", "testnet", "--dns", "9.9.9.9", "-B", own + ":/etc/hosts"] + place.arguments(),
                "cat /etc/resolv.conf /etc/hosts")
            #expect(outcome.standardOutput == "nameserver 9.9.9.9\n1.2.3.4 mine\n", "\(outcome)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func failuresEndTheCommandAndTakeBack(profile: Profile) throws {
            for (deed, reason) in [
                ("fail", "attach second: cannot attach this"), ("lie", "cannot take '1.1.1.1"),
                ("lie-host", "cannot take '1.1.1.1' as the host of a network"),
                ("refuse", "network second: cannot take this. Leave it out"),
            ] {
                let place = try Place(profile)
                let outcome = try place.run(
                    ["--network", "testnet,second"] + place.arguments() + place.arguments(deed, of: "second"),
                    "echo never")
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(deed): \(outcome)")
                #expect(outcome.standardError.contains(reason), "\(deed): \(outcome)")
                let ends = place.log.filter { $0.hasPrefix("detach") }.map { $0.split(separator: " ")[1] }
                #expect(ends == (deed == "refuse" ? [] : ["second", "testnet"]), "\(deed): \(place.log)")
            }
            let place = try Place(profile)
            let outcome = try place.run(["--network", "testnet"] + place.arguments("detach-fails"), "exit 3")
            #expect(outcome.end == .exited(3), "\(outcome)")
            #expect(outcome.standardError.contains("WARNING: plugin org.test.network: detach testnet"), "\(outcome)")
        }

        /// A crash of a plugin leaves no container behind.
        @Test(.cleanHost, arguments: Profile.allCases) func aCrashIsTold(profile: Profile) throws {
            let place = try Place(profile)
            let outcome = try place.run(["--network", "testnet"] + place.arguments("crash"), "echo never")
            #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
            #expect(outcome.standardError.contains("org.test.network: attach testnet"), "\(outcome)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func isExplained(profile: Profile) throws {
            let place = try Place(profile)
            let flags = ["--network", "testnet"] + place.arguments()
            let text = try place.run(flags + ["--explain"], "true")
            #expect(
                text.standardOutput.contains(
                    "networks, in order\n  testnet as eth0, with log=\(place.work)/log (org.test.network)\n"), "\(text)"
            )
            #expect(text.standardOutput.contains("a pair of interfaces is made"), "\(text)")
            #expect(text.standardOutput.contains("because of --network testnet"), "\(text)")
            #expect(!place.log.contains { $0.hasPrefix("attach") || $0.hasPrefix("detach") })
            let json = try place.run(flags + ["--explain=json"], "true")
            #expect(json.standardOutput.contains("\"interface\": \"eth0\""), "\(json)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func wrongWordsAreRefused(profile: Profile) throws {
            let place = try Place(profile)
            for (flags, reason) in [
                (
                    ["--network", "testnet", "--network-args", "other:a=b"],
                    "network other wasn't specified in --network option"
                ),
                (["--network", "testnet", "--network-args", "a"], "'a' is not KEY=VALUE"),
                (["--network", "none", "--network-args", "a=b"], "the container has no network that could take it"),
                (["--network", "none,testnet"], "cannot set up network none together with others"),
                (["--network", "testnet", "--sharens"], "a container that several processes share"),
            ] {
                let outcome = try place.run(flags, "true")
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            }
            let plain = try skiff(
                "exec", "--network", "of-nobody", try Images.shared.get().directory, "true", as: profile)
            #expect(
                plain.end == .exited(255) && plain.standardError.contains("cannot set up network of-nobody"), "\(plain)"
            )
            let host = try skiff(
                "exec", "--net", "--network", "host", try Images.shared.get().directory, "readlink",
                "/proc/self/ns/net",
                as: profile)
            #expect(host.line == (try readLink("/proc/self/ns/net")), "\(host)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func anInstanceShowsItsAddress(profile: Profile) throws {
            let place = try Place(profile)
            let instances = try InstancePlace(profile)
            let program = try Self.installation.get().program
            let started = try instances.run(
                ["instance", "start", "--network", "testnet"] + place.arguments()
                    + [try InstancePlace.image("service", InstancePlace.service), "net"]
            ) { $0.words[0] = program }
            #expect(started.isSuccess, "\(started)")
            let list = try instances.run(["instance", "list"])
            #expect(list.standardOutput.split(separator: "\n").last?.contains(" 10.99.0.2 ") == true, "\(list)")
            let json = try instances.run(["instance", "list", "--json"])
            #expect(json.standardOutput.contains("\"ip\": \"10.99.0.2\""), "\(json)")
            let entered = try instances.exec("net", "cat", "/proc/net/dev", "/etc/resolv.conf")
            #expect(
                entered.standardOutput.contains("eth0") && entered.standardOutput.contains("nameserver 10.99.0.1"),
                "\(entered)")
            #expect(!place.log.contains { $0.hasPrefix("detach") })
            try instances.stop("net")
            #expect(place.log.last?.hasPrefix("detach testnet eth0 1=10.99.0.2/24") == true, "\(place.log)")
        }

        /// One end of the pair lies in a network namespace of the test's own.
        @Test(.cleanHost, .needs(.root)) func whatIsMadeOutsideGoes() throws {
            let place = try Place(.root)
            let flags = ["--network", "testnet"] + place.arguments("outside")
            var inside = try place.command(flags, ["cat", "/proc/net/dev"])
            inside.words = Self.apart("\"$@\"; ip -o link | grep -c skiffnet", inside.words)
            let outcome = try inside.run()
            #expect(outcome.standardOutput.contains("eth0") && outcome.line.hasSuffix("\n0"), "\(outcome)")

            var killed = try place.command(flags, ["sleep", "100"])
            let next = try place.command(["--network", "testnet"] + place.arguments(), ["true"])
            let again = next.words.map { "'\($0)'" }.joined(separator: " ")
            killed.words = Self.apart(
                """
                "$@" & skiff=$!; until ip -o link | grep -q skiffnet0; do sleep 0.02; done
                kill -9 $(cat /proc/$skiff/task/$skiff/children) $skiff; wait
                ip link add keep type bridge; \(again); ip -o link | grep -c skiffnet
                """, killed.words)
            let swept = try killed.run()
            #expect(swept.line.hasSuffix("0"), "\(swept)")
        }

        @Test(.cleanHost, .needs(.root)) func joinsANamespaceThatExists() throws {
            let place = try Place(.root)
            let file = place.work + "/namespace"
            try writeFile(file, [], mode: 0o644)
            let bind = "mount --bind /proc/self/ns/net \(file) && readlink /proc/self/ns/net && ip link set lo down"
            let image = try Images.shared.get().directory
            let ways = [
                ["--netns-path", file], ["--pid", "--netns-path", file],
                ["--network", "testnet", "--network-args", "deed=join;namespace=\(file)"],
            ]
            for way in ways {
                var command = try place.command(way, ["/bin/sh", "-c", "readlink /proc/self/ns/net"])
                command.words = Self.apart("\(bind) && unshare --net \"$@\"", command.words, mount: true)
                let outcome = try command.run()
                let lines = outcome.standardOutput.split(separator: "\n")
                #expect(outcome.isSuccess && lines.count == 2 && lines.first == lines.last, "\(outcome)")
            }
            let explained = try skiff("exec", "--explain", "--netns-path", file, image, "true", as: .root)
            #expect(explained.standardOutput.contains("net: joined, \(file) (--netns-path)"), "\(explained)")
            for (flags, reason) in [
                (["--netns-path", file], "cannot join network namespace \(file)"),
                (["--netns-path", "/no/such"], "cannot join network namespace /no/such"),
                (["--netns-path", file, "--userns"], "without a user namespace of its own"),
                (["--netns-path", file, "--network", "none"], "together with --netns-path"),
                (["--network", "testnet", "--network-args", "deed=join-ipc"], "only a network namespace is joined"),
            ] {
                let outcome = try place.run(flags, "true")
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            }
        }

        /// The container's user namespace is made inside one of the plugin's, who so reaches a wire that begins outside of the
        /// container and ends in it; the container reaches nothing there.
        @Test(.cleanHost, .needs(.python, .ranges), arguments: Profile.allCases)
        func nestsTheUserNamespace(profile: Profile) throws {
            for flags in [["--userns"], ["--fakeroot"], ["--fakeroot", "--ignore-subuid"], ["--pid", "--userns"]] {
                if profile == .root && flags.contains("--fakeroot") { continue }
                let place = try Place(profile)
                var command = try place.command(
                    flags + [
                        "--network", "testnet", "--network-args",
                        "deed=nest;namespace=/proc/OUTER/ns/user;network=/proc/OUTER/ns/net;log=\(place.work)/log",
                    ],
                    [
                        "/bin/sh", "-c",
                        """
                        echo $(while read in out n; do [ $n = 1 ] && echo $in $out 1 || echo $in RANGE; done </proc/self/uid_map); cat /proc/self/setgroups; grep -c eth0 /proc/net/dev
                        touch \(place.work)/made; until [ -e \(place.work)/go ]; do sleep 0.05; done; exit 7
                        """,
                    ])
                command.words = ["/usr/bin/python3", "-c", Self.nesting, place.work] + command.words
                let outcome = try command.run()
                let own = profile == .root ? 0 : try #require(OrdinaryUser.record).uid
                let isRanges = flags == ["--fakeroot"]
                let map = flags.first != "--fakeroot" ? "\(own) \(own) 1" : "0 \(own) 1" + (isRanges ? " 1 RANGE" : "")
                #expect(
                    outcome.standardOutput.split(separator: "\n").map(String.init) == [
                        map, isRanges ? "allow" : "deny", "1", "inside the outer one: True", "enters user: False",
                        "enters net: False", "wire: True", "status: 7", "wire after the end: False",
                    ], "\(flags): \(outcome)")
            }
        }

        /// Makes a user and network namespace in which every id is what it is, runs skiff nested in it, and looks from outside
        /// and, as a process of the container, from inside.
        private static let nesting = """
            import ctypes, fcntl, os, subprocess, sys, time
            work, words = sys.argv[1], sys.argv[2:]
            libc = ctypes.CDLL(None, use_errno=True)
            ready, mapped = os.pipe(), os.pipe()
            outer = os.fork()
            if outer == 0:
                assert libc.unshare(0x10000000 | 0x40000000) == 0
                os.write(ready[1], b"1"); os.read(mapped[0], 1); time.sleep(100); os._exit(0)
            os.read(ready[0], 1)
            for name, own in (("uid", os.getuid()), ("gid", os.getgid())):
                lines = [line.strip().split(":") for line in open("/etc/sub" + name)]
                ranges = [line[1:] for line in lines if line[0] == os.environ.get("USER")][:1]
                if own and ranges:
                    one, (first, count) = str(own), ranges[0]
                    subprocess.run(["new%smap" % name, str(outer), one, one, "1", first, first, count], check=True)
                else:
                    if name == "gid": open("/proc/%d/setgroups" % outer, "w").write("deny")
                    open("/proc/%d/%s_map" % (outer, name), "w").write("%d %d 1" % (own, own))
            os.write(mapped[1], b"1")
            skiff = subprocess.Popen([word.replace("OUTER", str(outer)) for word in words])
            while not os.path.exists(work + "/made") and skiff.poll() is None: time.sleep(0.02)
            def children(pid): return [int(c) for t in os.listdir("/proc/%d/task" % pid) for c in open("/proc/%d/task/%s/children" % (pid, t)).read().split()]
            def family(pid): return [pid] + [d for c in children(pid) for d in family(c)]
            def user(pid):
                try: return os.stat("/proc/%d/ns/user" % pid).st_ino
                except OSError: return None  # one that shows nothing of itself
            inside = [p for p in family(skiff.pid) if user(p) not in (None, user(os.getpid()), user(outer))]
            namespace = os.open("/proc/%d/ns/user" % inside[-1], os.O_RDONLY)
            print("inside the outer one:", os.fstat(fcntl.ioctl(namespace, 0xb702)).st_ino == user(outer), flush=True)
            for name, kind in (("user", 0x10000000), ("net", 0x40000000)):
                lent = os.open("/proc/%d/ns/%s" % (outer, name), os.O_RDONLY)
                thief = os.fork()
                if thief == 0:
                    if libc.setns(namespace, 0x10000000): os._exit(2)
                    os._exit(0 if libc.setns(lent, kind) == 0 else 1)
                print("enters %s:" % name, os.waitstatus_to_exitcode(os.waitpid(thief, 0)[1]) != 1, flush=True)
            def wire(): return "around" in open("/proc/%d/net/dev" % outer).read()
            print("wire:", wire(), flush=True)
            open(work + "/go", "w").close()
            print("status:", skiff.wait(), flush=True)
            for turn in range(100):  # the kernel takes its time to remove a network namespace
                if wire(): time.sleep(0.02)
            print("wire after the end:", wire())
            os.kill(outer, 9)
            """

        @Test(.cleanHost, arguments: Profile.allCases) func refusesToNestInWhatCannot(profile: Profile) throws {
            let place = try Place(profile)
            func arguments(_ file: String) -> [String] {
                ["--network", "testnet", "--network-args", "deed=nest;namespace=\(file);log=\(place.work)/log"]
            }
            for (flags, reason) in [
                (
                    ["--userns"] + arguments("/proc/self/ns/user"),
                    "cannot make the container's user namespace inside that of"
                ),
                (["--userns"] + arguments("/proc/self/ns/net"), "cannot nest the user namespace: invalid argument"),
                (["--userns"] + arguments("/no/such"), "cannot nest the user namespace: bad file descriptor"),
            ] {
                let outcome = try place.run(flags, "echo never")
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            }
            var unmapped = try place.command(["--userns"] + arguments("/proc/OUTER/ns/user"), ["echo", "never"])
            unmapped.words =
                [
                    "/bin/sh", "-c",
                    """
                    unshare -U sleep 100 & outer=$!
                    until [ "$(readlink /proc/$outer/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
                    for word; do shift; set -- "$@" "$(echo "$word" | sed s/OUTER/$outer/)"; done
                    "$@"; status=$?; kill $outer; exit $status
                    """, "test",
                ] + unmapped.words
            let outcome = try unmapped.run()
            #expect(
                outcome.end == .exited(255)
                    && outcome.standardError.contains("map the ids of the container to themselves"),
                "\(outcome)")
            if profile == .root {
                let plain = try place.run(arguments("/proc/self/ns/user"), "echo never")
                #expect(
                    plain.end == .exited(255) && plain.standardError.contains("the container has none of its own"),
                    "\(plain)")
            }
        }

        @Test(.needs(.user)) func usersJoinNone() throws {
            let outcome = try Place(.user).run(["--netns-path", "/proc/self/ns/net"], "true")
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("--netns-path requires root"))
        }

        /// A shell script in a network namespace of its own, with a command as its arguments.
        private static func apart(_ script: String, _ words: [String], mount: Bool = false) -> [String] {
            ["/usr/bin/unshare", "--net"] + (mount ? ["--mount"] : []) + ["/bin/sh", "-c", script, "test"] + words
        }
    }
}
