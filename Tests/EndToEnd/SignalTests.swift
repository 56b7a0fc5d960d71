import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Signals that the caller ignores or blocks do not hinder skiff, and the program gets both sets back; signals end
    /// an unfinished launch, and are passed on to a running program.
    @Suite struct Signals {
        typealias Launch = Descriptors.Launch

        /// As daemons, schedulers and `trap '' CHLD` start their programs.
        @Test(arguments: Profile.allCases, Launch.allCases)
        func ignoredSignalsHinderNothing(profile: Profile, launch: Launch) throws {
            try need(profile)
            let kinds: [ImageKind] = launch == .unpacked ? [.sif] : [.directory, .sif]
            for kind in kinds {
                for setting in ["--ignore-signal=CHLD", "--ignore-signal", "--block-signal=CHLD", "--block-signal"] {
                    let words =
                        ["exec"] + launch.flags + [try kind.path(for: profile), "sh", "-c", "/bin/true; exit 5"]
                    let outcome = try run([setting], words, as: profile)
                    #expect(outcome.end == .exited(5), "\(setting) \(launch) of \(kind): \(outcome)")
                }
            }
        }

        /// Both sets are as they would be without skiff.
        @Test(arguments: Profile.allCases, Launch.allCases)
        func programGetsThemBack(profile: Profile, launch: Launch) throws {
            try need(profile)
            let kind: ImageKind = launch == .unpacked ? .sif : .directory
            for settings in [
                ["--default-signal"], ["--ignore-signal=CHLD"], ["--ignore-signal=HUP", "--ignore-signal=TSTP"],
                ["--block-signal=USR1,TERM", "--ignore-signal=PIPE,CHLD"],
            ] {
                let words = ["exec"] + launch.flags + [try kind.path(for: profile), "/inside", "ids"]
                let outcome = try run(settings, words, as: profile)
                let reporter = try Images.shared.get().bare + "/inside"
                let outside = try Command(["/usr/bin/env"] + settings + [reporter, "ids"], as: profile).run()
                for set in ["status.SigBlk", "status.SigIgn"] {
                    #expect(
                        outcome.values[set] != nil && outcome.values[set] == outside.values[set],
                        "\(set) \(settings) \(launch): \(outcome)\(outside)")
                }
            }
        }

        @Test(arguments: Profile.allCases, ["--ignore-signal=CHLD", "--block-signal", "--ignore-signal"])
        func buildsAndOtherVerbsEnd(profile: Profile, setting: String) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let base = try Images.shared.get().directory
            try writeFile(
                folder + "/a.def", Array("Bootstrap: localimage\nFrom: \(base)\n%post\n/bin/true\n/bin/true\n".utf8),
                mode: 0o644)
            for words in [
                ["build", folder + "/a.sif", folder + "/a.def"], ["build", folder + "/b.sif", base],
                ["build", "--sandbox", folder + "/c", folder + "/b.sif"], ["inspect", folder + "/b.sif"],
                ["exec", folder + "/a.sif", "true"],
            ] {
                let outcome = try run([setting], words, as: profile)
                #expect(outcome.isSuccess, "\(setting): \(outcome)")
            }
        }

        /// The last signal before the program runs ends the launch, wherever it is, and nothing is left.
        @Test(arguments: Profile.allCases, ["cloned", "sources", "image", "mounts", "pivoted", "environment"])
        func signalsEndTheSetUp(profile: Profile, step: String) throws {
            try need(profile)
            // PID 1 of a namespace cannot be stopped: with a shim, the process that becomes the program can.
            let shim = step == "environment" ? [(["--pid"], ImageKind.directory)] : []
            for (flags, kind) in [([], ImageKind.directory), ([], .sif)] + shim {
                for number in [SIGTERM, SIGINT, SIGHUP] {
                    let before = Leftovers.now()
                    let running = try skiffCommand(
                        ["exec"] + flags + [try kind.path(for: profile), "sleep", "60"], as: profile
                    ) {
                        $0.environment["SKIFF_STOP_AT"] = step
                    }.start()
                    guard waitForStop(running) else {
                        let outcome = try running.wait(seconds: 0)
                        Issue.record("nothing stopped at \(step): \(outcome)")
                        return
                    }
                    try running.signal(number)
                    // In place it is the stopped process itself that must end.
                    if ProcessTable.entry(running.pid)?.state == "T" { try running.signal(SIGCONT) }
                    let outcome = try running.wait(seconds: 10)
                    #expect(outcome.end == .signaled(number), "\(step) \(flags) \(kind): \(outcome)")
                    let excess = Leftovers.settled(from: before, sessions: [running.pid])
                    #expect(excess.isEmpty, "\(number) at \(step) left \(excess)")
                }
            }
        }

        /// Ignored by the caller, the signal ends nothing, not even early.
        @Test(arguments: Profile.allCases) func ignoredSignalEndsNoSetUp(profile: Profile) throws {
            try need(profile)
            let words = ["exec", "--pid", try Images.shared.get().directory, "sh", "-c", "exit 4"]
            let command = try command(["--ignore-signal=TERM"], words, as: profile) {
                $0.environment["SKIFF_STOP_AT"] = "environment"
            }
            let running = try command.start()
            #expect(waitForStop(running))
            try running.signal(SIGTERM)
            usleep(100_000)
            for entry in ProcessTable.current() where entry.session == running.pid && entry.state == "T" {
                kill(entry.pid, SIGCONT)
            }
            #expect(try running.wait(seconds: 10).end == .exited(4))
        }

        /// A signal to skiff alone, as a scheduler sends it, also ends the helper that unpacks.
        @Test(arguments: Profile.allCases, [SIGTERM, SIGINT])
        func signalEndsTheUnpacking(profile: Profile, number: CInt) throws {
            try need(profile)
            let image = try LargeImage.shared.get()
            let before = Leftovers.now()
            let running = try skiffCommand(["exec", "--unsquash", image, "sleep", "60"], as: profile).start()
            var helper: ProcessEntry?
            for _ in 0..<5000 where helper == nil {
                helper = ProcessTable.current().first { $0.parent == running.pid && $0.arguments.contains("__extract") }
                usleep(1000)
            }
            try #require(helper != nil, "no helper unpacks")
            try running.signal(number)
            let outcome = try running.wait(seconds: 10)
            #expect(outcome.end == .signaled(number), "\(outcome)")
            let excess = Leftovers.settled(from: before, sessions: [running.pid])
            #expect(excess.isEmpty, "it left \(excess)")
        }

        /// `nohup skiff build`: the terminal goes, the build does not.
        @Test(arguments: Profile.allCases) func nohupBuildSurvives(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let base = try Images.shared.get().directory
            let script = "echo reached; sleep 1; echo through"
            try writeFile(
                folder + "/a.def", Array("Bootstrap: localimage\nFrom: \(base)\n%post\n\(script)\n".utf8), mode: 0o644)
            let running = try command(
                ["--ignore-signal=HUP"], ["build", folder + "/a.sif", folder + "/a.def"], as: profile
            ).start()
            #expect(running.waitForOutput("reached"))
            // As the kernel does when a terminal goes: the whole process group.
            kill(-running.pid, SIGHUP)
            let outcome = try running.wait(seconds: 30)
            #expect(outcome.isSuccess && outcome.standardOutput.contains("through"), "\(outcome)")
        }

        /// Without nohup the same ends it.
        @Test(arguments: Profile.allCases) func hangUpEndsABuild(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let base = try Images.shared.get().directory
            try writeFile(
                folder + "/a.def", Array("Bootstrap: localimage\nFrom: \(base)\n%post\necho reached; sleep 60\n".utf8),
                mode: 0o644)
            let running = try skiffCommand(["build", folder + "/a.sif", folder + "/a.def"], as: profile).start()
            #expect(running.waitForOutput("reached"))
            kill(-running.pid, SIGHUP)
            let outcome = try running.wait(seconds: 20)
            #expect(outcome.end == .exited(1) && !isAccessible(folder + "/a.sif", F_OK), "\(outcome)")
        }

        /// A pull waits for its server; hang-ups that are ignored do not end it, others do.
        @Test(.needs(.python), arguments: Profile.allCases, [true, false]) func nohupPull(
            profile: Profile, isIgnored: Bool
        ) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let server = try SlowServer(try ImageKind.sif.path(for: profile))
            let running = try command(
                isIgnored ? ["--ignore-signal=HUP"] : [], ["pull", folder + "/a.sif", server.address + "/a.sif"],
                as: profile
            ).start()
            #expect(server.waitForRequest())
            kill(-running.pid, SIGHUP)
            let outcome = try running.wait(seconds: 20)
            try server.stop()
            #expect(outcome.end == (isIgnored ? .exited(0) : .signaled(SIGHUP)), "\(outcome)")
        }

        /// A limit that was raised inside is set back to the caller's.
        @Test(arguments: Profile.allCases, Launch.allCases)
        func limitsAreGivenBack(profile: Profile, launch: Launch) throws {
            try need(profile)
            let kind: ImageKind = launch == .unpacked ? .sif : .directory
            let words = ["exec"] + launch.flags + [try kind.path(for: profile), "/inside", "limits"]
            let program = try Stage.shared.get().program
            for limit in ["-S 20", "-S 100"] {
                let script = "ulimit \(limit.replacing(" ", with: "n ")); exec \"$@\""
                let outcome = try Command(["/bin/bash", "-c", script, "bash", program] + words, as: profile).run()
                let outside = try Command(
                    ["/bin/bash", "-c", script, "bash", Images.shared.get().bare + "/inside", "limits"], as: profile
                ).run()
                #expect(
                    outcome.values["limit.nofile"] != nil
                        && outcome.values["limit.nofile"] == outside.values["limit.nofile"], "\(launch): \(outcome)")
            }
        }

        private func run(_ settings: [String], _ words: [String], as profile: Profile) throws -> Outcome {
            try command(settings, words, as: profile).run()
        }

        /// Signal settings of env(1) before the staged skiff.
        private func command(
            _ settings: [String], _ words: [String], as profile: Profile, change: (inout Command) -> Void = { _ in }
        ) throws -> Command {
            try skiffCommand(words, as: profile) {
                $0.words = ["/usr/bin/env"] + settings + $0.words
                change(&$0)
            }
        }

        private func waitForStop(_ running: RunningCommand) -> Bool {
            for _ in 0..<400 {
                if ProcessTable.current().contains(where: { $0.session == running.pid && $0.state == "T" }) {
                    return true
                }
                usleep(5_000)
            }
            return false
        }
    }
}

/// An image that takes a while to unpack.
enum LargeImage {
    static let shared = Result { try make() }

    private static func make() throws -> String {
        let images = try Images.shared.get()
        let copy = try images.changed("large") { copy in
            let script = "for n in 1 2 3 4 5 6; do head -c 20000000 /dev/urandom >\(copy)/tmp/$n; done"
            let outcome = try Command(["/bin/sh", "-c", script], as: .current).run()
            guard outcome.isSuccess else { throw HarnessError("cannot fill the image: \(outcome)") }
        }
        let image = images.folder + "/large.sif"
        let built = try skiffCommand(["build", image, copy], as: .current) { $0.seconds = 120 }.run()
        guard built.isSuccess else { throw HarnessError("cannot build \(image): \(built)") }
        return image
    }
}

/// A web server that waits two seconds in the middle of a file.
private final class SlowServer {
    private let running: RunningCommand
    let address: String

    init(_ file: String) throws {
        let program = """
            import http.server, sys, time
            data = open(sys.argv[1], 'rb').read()
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_HEAD(self): self.head()
                def head(self):
                    self.send_response(200); self.send_header('Content-Length', str(len(data))); self.end_headers()
                def do_GET(self):
                    self.head(); self.wfile.write(data[:1000]); self.wfile.flush()
                    print('requested', flush=True); time.sleep(2); self.wfile.write(data[1000:])
            s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
            print('port=%d' % s.server_address[1], flush=True)
            s.serve_forever()
            """
        running = try Command(["/usr/bin/python3", "-c", program, file], as: .current).start()
        guard running.waitForOutput("\n"), let line = running.text("stdout").split(separator: "\n").first,
            let port = line.split(separator: "=").last
        else { throw HarnessError("the web server does not start") }
        address = "http://127.0.0.1:\(port)"
    }

    func waitForRequest() -> Bool { running.waitForOutput("requested") }

    func stop() throws {
        try running.signal(SIGKILL)
        _ = try running.wait(seconds: 5)
    }
}
