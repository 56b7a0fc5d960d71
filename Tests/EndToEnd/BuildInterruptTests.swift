import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// A build that ends early, whatever ends it: the old image stays, and nothing else does (Docs/spec/deffile.md §3).
    @Suite struct BuildInterrupt {
        enum Moment: String, CaseIterable, Sendable { case setup, post, test, packing }
        enum Victim: Int, CaseIterable, Sendable {
            case front, guardian, worker
        }

        /// A build that waits at one point until it is ended.
        private struct Build {
            let folder: String
            let moment: Moment
            let before: Leftovers
            let running: RunningCommand
            var image: String { folder + "/old.sif" }

            init(_ moment: Moment, as profile: Profile) throws {
                try need(profile)
                if profile == .user { try need(.userNamespaces) }
                let base = try Images.shared.get().directory
                let folder = try WorkDirectory.make(for: profile)
                self.folder = folder
                self.moment = moment
                let stay = moment == .setup ? "touch \(folder)/reached; sleep 60" : "echo reached; sleep 60"
                var sections = moment == .packing ? [] : ["%\(moment.rawValue)", stay]
                // Slow to compress.
                if moment == .packing { sections = ["%post", "head -c 30000000 /dev/urandom > /big"] }
                let text =
                    "Bootstrap: localimage\nFrom: \(base)\n\n"
                    + sections.joined(separator: "\n") + "\n"
                try writeFile(folder + "/image.def", Array(text.utf8), mode: 0o644)
                try writeFile(folder + "/old.sif", Array("the old one".utf8), mode: 0o666)
                before = Leftovers.now()
                let words = ["build", "--force", "--compression", "xz", folder + "/old.sif", folder + "/image.def"]
                running = try skiffCommand(words, as: profile) { $0.directory = folder }.start()
                guard waitUntilReached() else {
                    let outcome = try running.wait(seconds: 1)
                    throw HarnessError("the build did not come to \(moment): \(outcome)")
                }
            }

            private func waitUntilReached() -> Bool {
                for _ in 0..<1000 {
                    let exists =
                        switch moment {
                        case .setup: (try? status(folder + "/reached")) != nil
                        case .post, .test: running.text("stdout").contains("reached")
                        case .packing: names.contains { $0.hasPrefix(".old.sif.skiff-") }
                        }
                    if exists { return true }
                    usleep(10_000)
                }
                return false
            }

            private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }

            /// The front, guard and worker processes.
            var family: [pid_t] {
                let all = ProcessTable.current()
                let guardian = all.first { $0.parent == running.pid }
                let worker = all.first { $0.parent == guardian?.pid && $0.command.hasPrefix("skiff") }
                return [running.pid, guardian?.pid, worker?.pid].compactMap { $0 }
            }

            func expectNothing(_ what: String) throws -> Outcome {
                let outcome = try running.wait(seconds: 20)
                #expect(outcome.end != nil, "hangs when \(what): \(outcome)")
                let excess = Leftovers.settled(from: before, sessions: [running.pid])
                #expect(excess.isEmpty, "\(what) left \(excess)")
                let content = try readFile(image)
                #expect(String(decoding: content, as: UTF8.self) == "the old one", "\(what)")
                #expect(names.filter { $0.hasPrefix(".") } == [], "\(what)")
                return outcome
            }
        }

        @Test(arguments: Profile.allCases, Moment.allCases) func signalsEndIt(profile: Profile, moment: Moment) throws {
            let build = try Build(moment, as: profile)
            try build.running.signal(moment == .post ? SIGINT : SIGTERM)
            let outcome = try build.expectNothing("a signal during \(moment)")
            #expect(outcome.end == .exited(1) && outcome.standardError.contains("Build interrupted"), "\(outcome)")
        }

        /// Nothing is left that could clean up after the build: the next one does, and spares builds that are still
        /// running.
        @Test(arguments: Profile.allCases) func nextBuildSweeps(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            defer { try? removeTree(folder) }
            let base = try Images.shared.get().directory
            func command(_ name: String, _ script: String) throws -> Command {
                let text = "Bootstrap: localimage\nFrom: \(base)\n%post\n\(script)\n"
                try writeFile("\(folder)/\(name).def", Array(text.utf8), mode: 0o644)
                return try skiffCommand(["build", "\(folder)/\(name).sif", "\(folder)/\(name).def"], as: profile) {
                    $0.directory = folder
                    $0.environment["APPTAINER_TMPDIR"] = folder
                }
            }
            func names() -> Set<String> {
                let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                return Set(all.filter { $0.hasPrefix("build-temp-") })
            }
            let killed = try command("killed", "echo reached; sleep 60").start()
            #expect(killed.waitForOutput("reached"))
            while true {
                let left = ProcessTable.current().filter { $0.session == killed.pid && $0.state != "Z" }
                if left.isEmpty { break }
                for process in left { kill(process.pid, SIGKILL) }
                usleep(10_000)
            }
            _ = try killed.wait(seconds: 5)
            let old = names()
            #expect(old.count == 1)
            let living = try command("living", "echo reached; sleep 60").start()
            #expect(living.waitForOutput("reached"))
            let both = names()
            #expect(both.count == 2 && both.isSuperset(of: old))
            for name in both { try succeed(["/usr/bin/touch", "-d", "2 minutes ago", folder + "/" + name]) }
            let next = try command("next", "true").run()
            #expect(next.isSuccess, "\(next)")
            #expect(names() == both.subtracting(old))
            try living.signal(SIGTERM)
            #expect(try living.wait(seconds: 20).end == .exited(1))
            #expect(names() == [])
        }

        /// Where others may rename the caller's directories, nothing is swept.
        @Test(arguments: Profile.allCases) func openDirectoriesAreNotSwept(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            defer { try? removeTree(folder) }
            try chmod(folder, 0o777)
            let uid = profile.record?.uid ?? 0
            let mine = ["build-temp-mine", "skiff-rootfs-\(uid)-mine"].map { folder + "/" + $0 }
            for path in mine {
                try makeDirectories(path + "/root")
                if effectiveUID() == 0, let record = profile.record { try chown(path, record.uid, record.gid) }
                try succeed(["/usr/bin/touch", "-d", "2 minutes ago", path])
            }
            let image = try ImageKind.squashfs.path(for: profile)
            for words in [["build", folder + "/new.sif", image], ["exec", "--unsquash", image, "true"]] {
                let outcome = try skiffCommand(words, as: profile) { $0.environment["APPTAINER_TMPDIR"] = folder }.run()
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("APPTAINER_TMPDIR"), "\(outcome)")
            }
            for path in mine { #expect((try? status(path)) != nil, "\(path) was swept") }
        }

        @Test(arguments: [Moment.post, .packing], Victim.allCases)
        func killingAnyProcessLeavesNothing(moment: Moment, victim: Victim) throws {
            for profile in Profile.allCases where profile.facility.missing == nil {
                let build = try Build(moment, as: profile)
                let family = build.family
                #expect(family.count == 3)
                kill(family[victim.rawValue], SIGKILL)
                let outcome = try build.expectNothing("\(victim) killed during \(moment)")
                #expect(
                    victim == .front ? outcome.end == .signaled(SIGKILL) : outcome.end == .exited(255), "\(outcome)")
            }
        }
    }
}
