import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Attacks on instances: from inside on what keeps them, and on the files in which they are written down.
    @Suite(.cleanHost) struct InstanceAttacks {
        private static let kinds: [[String]] = [
            [], ["--containall"], ["--fakeroot"], ["--fakeroot", "--ignore-subuid"],
            ["--fakeroot", "--ignore-subuid", "--ignore-fakeroot-command"], ["--fakeroot", "--containall"],
            ["--add-caps", "all"],
        ]

        /// `/attack reach` tries every process that it sees: PID 1, the start script, and who enters.
        @Test(arguments: kinds) func programsReachNothing(flags: [String]) throws {
            let place = try InstancePlace(.user)
            if flags == ["--fakeroot"] || flags == ["--fakeroot", "--containall"] { try need(.ranges) }
            let image = try InstancePlace.image("attacker", "#!/bin/sh\nsleep 0.3\nexec /attack reach\n")
            #expect(try place.run(["instance", "start"] + flags + [image, "a"]).isSuccess)
            #expect(place.wait(for: "reached=", in: "a.out"))
            #expect(place.log("a.out").contains("reached=\n"), "\(flags) \(place.log("a.out"))")
            // Another process that enters, with what the first one has left.
            let entered = try place.exec("a", "/attack", "holds")
            #expect(entered.values["root"] == "/" && entered.values["exe"] == "/attack", "\(entered)")
            for path in ["root", "cwd", "fd/0", "exe"] {
                let tried = try place.exec("a", "readlink", "/proc/1/" + path)
                #expect(!tried.isSuccess, "\(flags) \(path) \(tried)")
            }
            try place.stop("a", ["-F"])
        }

        @Test func initHoldsNothingForRoot() throws {
            let place = try InstancePlace(.root)
            try place.start("a")
            #expect(try place.exec("a", "ls", "/proc/1/fd").standardOutput.isEmpty)
            try place.stop("a")
        }

        /// A script that forks, leaves its session and ignores signals ends with the instance.
        @Test(arguments: Profile.allCases) func nothingSurvives(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let image = try InstancePlace.image(
                "survivor",
                """
                #!/bin/sh
                trap '' HUP INT TERM QUIT
                for i in 1 2 3 4 5; do (trap '' HUP INT TERM QUIT; setsid sleep 1000 &) & done
                kill -STOP 1 2>/dev/null; kill -9 1 2>/dev/null; kill -9 -1 2>/dev/null
                while :; do sleep 1000; done
                """)
            #expect(try place.run(["instance", "start", image, "a"]).isSuccess)
            #expect(try place.names() == ["a"])
            try place.stop("a", ["-t", "0"])
        }

        // MARK: - State

        private func paths(_ place: InstancePlace, _ name: String) -> String { place.state + "/\(name).state" }

        /// A state file that names a process which is not the instance's: nothing is signalled.
        @Test(arguments: Profile.allCases) func aReusedNumberIsNotSignalled(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("a")
            let state = paths(place, "a")
            let bytes = try readFile(state)
            let victim = try Command(["/bin/sleep", "30"], as: profile).start()
            let time = try #require(startTime(of: victim.pid))
            // The number alone, the very process as PID 1, and as PID 1 and keeper.
            for (first, keeper) in [
                ("\(victim.pid) 1", nil), ("\(victim.pid) \(time)", nil),
                ("\(victim.pid) \(time)", "\(victim.pid) \(time)"),
            ] {
                var fields = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                fields = fields.map { $0.hasPrefix("pid=") ? "pid=" + first : $0 }
                if let keeper { fields = fields.map { $0.hasPrefix("keeper=") ? "keeper=" + keeper : $0 } }
                try write(fields.map { $0 + "\0" }.joined(), to: state, as: profile)
                _ = try place.command(["instance", "stop", "-t", "0", "-F", "a"]).start().wait(seconds: 3)
                #expect(ProcessTable.entry(victim.pid).map { $0.state != "Z" } == true, "\(fields)")
            }
            try write(String(decoding: bytes, as: UTF8.self), to: state, as: profile)
            try place.stop("a")
            try victim.signal(SIGKILL)
            _ = try victim.wait(seconds: 5)
        }

        /// Root that stops a user's instance does not do what the user's file says.
        @Test func aUsersFileMakesRootEndNothing() throws {
            try need(.root)
            let user = try #require(Profile.user.record)
            let place = try InstancePlace(.user)
            try place.start("a")
            let bytes = try readFile(paths(place, "a"))
            let victim = try Command(["/bin/sleep", "30"], as: .root).start()
            let time = try #require(startTime(of: victim.pid))
            let fields = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.map {
                $0.hasPrefix("pid=")
                    ? "pid=\(victim.pid) \(time)" : $0.hasPrefix("keeper=") ? "keeper=\(victim.pid) \(time)" : $0
            }
            let folder = "\(user.home)/.apptainer/instances/skiff/\(hostname())/\(user.name)"
            let name = "skiff-attack-\(processID())"
            let text = fields.map { ($0.hasPrefix("name=") ? "name=" + name : $0) + "\0" }.joined()
            _ = try Command(["/bin/mkdir", "-p", "-m", "700", folder], as: .user).run()
            try write(text, to: "\(folder)/\(name).state", as: .user)
            defer { try? unlink("\(folder)/\(name).state") }
            _ = try skiffCommand(["instance", "stop", "-F", "-u", user.name, name], as: .root).start().wait(seconds: 5)
            #expect(ProcessTable.entry(victim.pid).map { $0.state != "Z" } == true)
            try victim.signal(SIGKILL)
            _ = try victim.wait(seconds: 5)
            try place.stop("a")
        }

        @Test func stateOfSomebodyElseIsRefused() throws {
            try need(.root)
            let place = try InstancePlace(.user)
            try place.start("a")
            try place.start("b")
            let state = paths(place, "a")
            try chown(state, 65534, 65534, follow: false)
            let list = try place.run(["instance", "list"])
            #expect(
                list.isSuccess && list.standardError.contains(state) && list.standardOutput.contains("\nb "), "\(list)")
            let entered = try place.exec("a", "true")
            #expect(entered.end == .exited(255) && entered.standardError.contains(state), "\(entered)")
            let user = try #require(Profile.user.record)
            try chown(state, user.uid, user.gid, follow: false)
            // A directory of somebody else.
            try chown(place.state, 65534, 65534, follow: false)
            let refused = try place.exec("a", "true")
            #expect(refused.end == .exited(255) && refused.standardError.contains(place.state), "\(refused)")
            try chown(place.state, user.uid, user.gid, follow: false)
            try place.stop("*")
        }

        @Test(arguments: Profile.allCases) func linksInPlaceOfFilesAreRefused(profile: Profile) throws {
            let place = try InstancePlace(profile)
            try place.start("a")
            let target = try WorkDirectory.make(for: profile) + "/target"
            try write("", to: target, as: profile)
            _ = try Command(["/bin/ln", "-s", paths(place, "a"), paths(place, "linked")], as: profile).run()
            #expect(try place.exec("linked", "true").end == .exited(255))
            for ending in ["out", "err"] {
                let log = place.logs + "/b." + ending
                _ = try Command(["/bin/ln", "-sf", target, log], as: profile).run()
                let image = try InstancePlace.image("service", InstancePlace.service)
                let refused = try place.run(["instance", "start", image, "b"])
                #expect(refused.end == .exited(255) && refused.standardError.contains(log), "\(refused)")
                try unlink(log)
            }
            #expect(try status(target).size == 0)
            try place.stop("a")
        }

        /// Nobody but the user gets the namespaces from the keeper.
        @Test func anotherUserIsNotLetIn() throws {
            try need(.root)
            let place = try InstancePlace(.user)
            try place.start("a")
            let folder = "/dev/shm/skiff-\(Profile.user.record?.uid ?? 0)"
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where !name.hasSuffix(".lock") {
                let socket = try Linux.connect(to: folder + "/" + name)
                #expect(try receiveMessage(over: socket.raw).bytes.isEmpty)
            }
            try place.stop("a")
        }

        private func write(_ text: String, to path: String, as profile: Profile) throws {
            try? unlink(path)
            try writeFile(path, Array(text.utf8), mode: 0o600)
            if effectiveUID() == 0, let record = profile.record { try chown(path, record.uid, record.gid) }
        }
    }
}
