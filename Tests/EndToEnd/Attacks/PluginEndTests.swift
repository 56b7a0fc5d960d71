import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// A plugin that ends or holds up the process it runs in, in every call: the command says whose fault it is, and never
    /// ends with success.
    @Suite(.cleanHost) struct PluginEnds {
        private static let ends = ["exit", "_exit", "exit_group", "thread-end", "quick_exit", "pthread_exit"]
        private static let crashes = ["abort", "kill", "segv", "trap", "divide", "bus", "overflow", "ignored-segv"]

        private func expectBlamed(
            _ outcome: Outcome, _ station: String, _ deed: String, id: String = "org.test.misdeed"
        ) {
            #expect(outcome.end == .exited(255), "\(deed)@\(station): \(outcome)")
            let reason = Self.ends.contains(deed) ? "it ended the process with status 0" : "it crashed (signal "
            #expect(
                outcome.standardError.contains("FATAL:   plugin \(id): \(station): \(reason)"),
                "\(deed)@\(station): \(outcome)")
        }

        @Test(arguments: Profile.allCases, MisdeedPlugin.stations) func endsAreNoSuccess(
            profile: Profile, station: String
        )
            throws
        {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            for deed in Self.ends + Self.crashes {
                expectBlamed(try plugin.exec(["true"], "\(deed)@\(station)", as: profile), station, deed)
            }
        }

        /// Other kinds of launches: with a shim, an image server, skiff-root, a shared container, and none of them.
        @Test(
            arguments: Profile.allCases,
            [["--pid"], ["--fakeroot"], ["--unsquash"], ["--sharens"], ["--userns"], []])
        func everyKindOfLaunch(profile: Profile, flags: [String]) throws {
            try need(profile)
            try need(.userNamespaces)
            let plugin = try MisdeedPlugin.shared.get()
            let image = flags == ["--sharens"] ? nil : try Images.shared.get().sif
            let good = try plugin.exec(["sh", "-c", "exit 7"], flags: ["--misdeed"] + flags, image: image, as: profile)
            #expect(good.end == .exited(7), "\(good)")
            for station in ["mounts", "entered", "pre_exec", "started", "stopped"] {
                for deed in ["_exit", "segv"] {
                    let outcome = try plugin.exec(
                        ["true"], flags: ["--misdeed"] + flags, image: image, "\(deed)@\(station)", as: profile)
                    expectBlamed(outcome, station, deed)
                }
            }
        }

        /// Where the process that runs the plugin becomes the program.
        @Test(arguments: Profile.allCases) func inPlace(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            let good = try plugin.exec(["sh", "-c", "kill -9 $$"], flags: ["--in-place"], as: profile)
            #expect(good.end == .signaled(SIGKILL), "\(good)")
            for station in ["configure", "environment", "entered", "pre_exec"] {
                for deed in Self.ends + Self.crashes {
                    let outcome = try plugin.exec(["true"], flags: ["--in-place"], "\(deed)@\(station)", as: profile)
                    expectBlamed(outcome, station, deed, id: "org.test.in-place")
                }
            }
        }

        /// What the program ended with stays, if it is a failure.
        @Test(arguments: Profile.allCases) func laterEndsHideNothing(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            for station in ["started", "stopped"] {
                let outcome = try plugin.exec(["sh", "-c", "sleep 0.2; exit 3"], "exit@\(station)", as: profile)
                #expect(outcome.end == .exited(3), "\(outcome)")
                #expect(outcome.standardError.contains("plugin org.test.misdeed: \(station): it ended"), "\(outcome)")
            }
            let killed = try plugin.exec(["sh", "-c", "kill -9 $$"], as: profile)
            #expect(killed.end == .signaled(SIGKILL), "\(killed)")
        }

        /// The dynamic linker maps a library, and the end of the file is missing.
        @Test(arguments: Profile.allCases) func aTruncatedLibraryIsNamed(profile: Profile) throws {
            try need(profile)
            let plugins = try MisdeedPlugin.shared.get().copy(for: .current)
            let library = plugins + "/misdeed.so"
            let whole = try readFile(library)
            for count in [0, 63, 512, 4096, 8192, whole.count / 2] {
                try writeFile(library, Array(whole[..<count]), mode: 0o644)
                let words = ["exec", "--misdeed", try Images.shared.get().directory, "true"]
                let outcome = try Command([plugins + "/../../../bin/skiff"] + words, as: profile).run()
                #expect(outcome.end == .exited(255), "\(count): \(outcome)")
                #expect(
                    outcome.standardError.contains("FATAL:   plugin org.test.misdeed: load: "), "\(count): \(outcome)")
            }
        }

        /// The process that makes a shared container goes with the one that asked for it.
        @Test(arguments: Profile.allCases) func loopsInASharedContainerAreEnded(profile: Profile) throws {
            try need(profile)
            try need(.userNamespaces)
            let words = ["exec", "--misdeed", "--sharens", try Images.shared.get().directory, "true"]
            let running = try MisdeedPlugin.shared.get().command(words, "loop@entered", as: profile).start()
            usleep(500_000)
            try running.signal(SIGINT)
            let outcome = try running.wait(seconds: 5)
            #expect(outcome.end == .signaled(SIGINT), "\(outcome)")
        }

        /// A signal that a plugin sends to its own process is no wish of the user.
        @Test(arguments: Profile.allCases) func raisedSignalsAreBlamed(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            for station in ["load", "--misdeed", "mounts"] {
                expectBlamed(try plugin.exec(["true"], "raise@\(station)", as: profile), station, "raise")
            }
        }

        /// What a plugin leaves to be done at the end, by a timer or in a thread.
        @Test(arguments: Profile.allCases, ["atexit", "exit-later", "thread-exit"])
        func delayedEnds(profile: Profile, deed: String) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            for station in MisdeedPlugin.stations {
                let outcome = try plugin.exec(["sh", "-c", "exit 3"], "\(deed)@\(station)", as: profile)
                #expect(outcome.end != .exited(0) && outcome.end != nil, "\(deed)@\(station): \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases, ["--misdeed", "mounts", "entered", "pre_exec", "started", "stopped"])
        func loopsAreEnded(profile: Profile, station: String) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            let image = try Images.shared.get().directory
            for (deed, signal) in [("loop", SIGINT), ("blocked-loop", SIGTERM)] {
                let words = ["exec", "--misdeed", image, "sh", "-c", "echo running; sleep 1.2"]
                let running = try plugin.command(words, "\(deed)@\(station)", as: profile).start()
                if ["started", "stopped"].contains(station) { #expect(running.waitForOutput("running")) }
                usleep(station == "stopped" ? 1_500_000 : 300_000)
                try running.signal(signal)
                let outcome = try running.wait(seconds: 5)
                #expect(outcome.end != nil && outcome.end != .exited(0), "\(deed)@\(station): \(outcome)")
                if !["started", "stopped"].contains(station) {
                    #expect(outcome.end == .signaled(signal), "\(deed)@\(station): \(outcome)")
                }
            }
        }

        /// `started` has a second; after that it holds up nobody, and is named.
        @Test(arguments: Profile.allCases) func startedHasASecond(profile: Profile) throws {
            try need(profile)
            let outcome = try MisdeedPlugin.shared.get().exec(
                ["sh", "-c", "sleep 1.5; echo done"], "loop@started", as: profile)
            #expect(outcome.standardOutput == "done\n" && outcome.end == .exited(255), "\(outcome)")
            #expect(
                outcome.standardError.hasPrefix(
                    "WARNING: plugin org.test.misdeed: started: it has not come back after a second\n"), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func commandsOfPlugins(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            let good = try plugin.command(["misdeed"], as: profile).run()
            #expect(good.isSuccess && good.standardOutput == "printed by the command\n", "\(good)")
            for deed in Self.ends + Self.crashes {
                expectBlamed(try plugin.command(["misdeed"], "\(deed)@misdeed", as: profile).run(), "misdeed", deed)
            }
        }
    }
}
