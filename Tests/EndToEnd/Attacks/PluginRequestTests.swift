import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What plugins ask of the host, what they say, and what the checker finds.
    @Suite(.cleanHost) struct PluginRequests {
        @Test(arguments: Profile.allCases) func wrongRequestsAreNamedAsWhatTheyAre(profile: Profile) throws {
            try need(profile)
            try need(.userNamespaces)
            let plugin = try MisdeedPlugin.shared.get()
            for (deed, text) in [
                ("ask-null", "cannot take a mount: the request is NULL"),
                ("ask-size-0", "cannot take a mount: its struct_size is 0, not "),
                ("ask-size-huge", "cannot take a mount: its struct_size is 65536, not "),
                ("ask-newer", "it is made for a newer skiff, or was not zeroed"),
                ("ask-missing", "cannot mount at /x: there is no value of missing 9"),
                ("ask-kind", "cannot mount at /x: there is no kind 77"),
                ("ask-flags", "cannot mount at /x: there is no flag 32768"),
                ("ask-group", "cannot mount at /x: there is no group 7"),
                ("ask-no-destination", "cannot mount at NULL: the destination must be an absolute path"),
            ] {
                let outcome = try plugin.exec(["true"], "\(deed)@mounts", place: "/x", as: profile)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(
                    outcome.standardError.hasPrefix("FATAL:   plugin org.test.misdeed: mounts: ")
                        && outcome.standardError.contains(text), "\(outcome)")
            }
            let source = try plugin.exec(["true"], "ask-source@mounts", place: "/x", as: profile)
            #expect(source.end == .exited(255), "\(source)")
            #expect(
                source.standardError
                    == "FATAL:   plugin org.test.misdeed: mount source /no/such/file doesn't exist\n", "\(source)")
        }

        /// Also by links of the image.
        @Test(arguments: Profile.allCases) func nothingCoversWhatSkiffAndTheKernelShow(profile: Profile) throws {
            try need(profile)
            try need(.userNamespaces)
            let plugin = try MisdeedPlugin.shared.get()
            let image = try Images.shared.get().changed("places-\(profile)") { copy in
                try makeDirectories(copy + "/.singularity.d/env")
                try makeDirectory(copy + "/.singularity.d/libs")
                for (name, target) in [
                    ("to-proc", "/proc"), ("to-sys", "sys"), ("to-root", "/"), ("to-up", ".."),
                    ("to-env", ".singularity.d/env"), ("to-link", "to-proc"),
                ] { try makeSymlink(target, at: copy + "/" + name) }
            }
            defer { try? removeTree(image) }
            for place in [
                "/", "//", "/.", "/..", "", "proc", "/proc", "/proc/", "//proc", "/./proc", "/proc/../proc",
                "/proc/sys/kernel",
                "/sys", "/sys/", "/sys/kernel", "/.singularity.d", "/.singularity.d/env/00-evil.sh",
                "/.singularity.d/libs/../env", "/.singularity.d/libs", "/to-proc", "/to-proc/sys", "/to-sys",
                "/to-root",
                "/to-up", "/to-env", "/to-link",
            ] {
                let outcome = try plugin.exec(
                    ["true"], image: image, "mount-directory@mounts", place: place, as: profile)
                #expect(outcome.end == .exited(255), "\(place): \(outcome)")
                #expect(outcome.standardError.contains("FATAL:   plugin org.test.misdeed: "), "\(place): \(outcome)")
            }
            let good = try plugin.exec(
                ["cat", "/.singularity.d/libs/x"], image: image, "mount@mounts", place: "/.singularity.d/libs/x",
                as: profile)
            #expect(good.isSuccess && !good.standardOutput.isEmpty, "\(good)")
        }

        /// A line feed forges no line, and no control character reaches a terminal.
        @Test(arguments: Profile.allCases) func textIsOneLine(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            func check(_ text: String, _ outcome: Outcome) {
                #expect(!text.split(separator: "\n").contains { $0.hasPrefix("FATAL:   forged") }, "\(outcome)")
                #expect(!text.split(separator: "\n").contains { $0 == "mounts:" && $0 == "  forged" }, "\(outcome)")
                let controls = text.unicodeScalars.filter {
                    ($0.value < 0x20 && $0 != "\n") || (0x7F..<0xA0).contains($0.value) || $0 == "\u{202E}"
                }
                #expect(controls.isEmpty, "\(outcome)")
            }
            let failed = try plugin.exec(["true"], "lines@mounts", as: profile)
            #expect(failed.end == .exited(255), "\(failed)")
            check(failed.standardError, failed)
            for explain in ["--explain", "--explain=json"] {
                let plan = try plugin.exec(["true"], flags: ["--misdeed", explain], "note@mounts", as: profile)
                #expect(plan.isSuccess && plan.standardOutput.contains("a note"), "\(plan)")
                check(plan.standardOutput + plan.standardError, plan)
            }
        }

        @Test func namesThatTwoHaveAreTold() throws {
            let plugins = try MisdeedPlugin.shared.get().copy(for: .current)
            let twin = """
                format = 1
                id = org.test.twin
                version = 1.0
                abi = 0.2
                library = misdeed.so
                [flag]
                name = misdeed
                help = the same
                [flag]
                name = bind
                help = one of skiff

                """
            try writeFile(plugins + "/org.test.twin.plugin", Array(twin.utf8), mode: 0o644)
            func run(_ words: String...) throws -> Outcome {
                try Command([plugins + "/../../../bin/skiff"] + words, as: .current).run()
            }
            let both =
                "plugin org.test.misdeed: the flag --misdeed, or its letter, is also one of the plugin org.test.twin"
            let own =
                "plugin org.test.twin: the flag --bind, or its letter, is skiff's own, and the plugin does not get it"
            let list = try run("plugin", "list")
            #expect(list.isSuccess && list.standardError.contains("WARNING: \(both)\n"), "\(list)")
            #expect(list.standardError.contains("WARNING: \(own)\n"), "\(list)")
            let check = try run("plugin", "check", "--only", "flags", "org.test.twin")
            #expect(
                check.end == .exited(1) && check.standardOutput.contains("failed   flags-are-its-own: "), "\(check)")
            let used = try run("exec", "--misdeed", try Images.shared.get().directory, "true")
            #expect(used.standardError.contains("WARNING: \(both)\n"), "\(used)")
        }

        /// Root obeys no plugin that others could have written, and says so.
        @Test(.needs(.root)) func rootTellsWhatItRefuses() throws {
            let plugins = try MisdeedPlugin.shared.get().copy(for: .root)
            let image = try Images.shared.get().directory
            func run(_ words: String...) throws -> Outcome {
                try Command([plugins + "/../../../bin/skiff"] + words, as: .root).run()
            }
            try Linux.chmod(plugins + "/org.test.misdeed.plugin", 0o666)
            let reason = "org.test.misdeed.plugin: group or others may write it"
            let used = try run("exec", "--misdeed", image, "true")
            #expect(used.end == .exited(1) && used.standardError.contains(reason), "\(used)")
            let list = try run("plugin", "list")
            #expect(list.isSuccess && list.standardError.contains(reason), "\(list)")
            try Linux.chmod(plugins, 0o777)
            for words in [["exec", "--misdeed", image, "true"], ["exec", "--nv", image, "true"], ["plugin", "list"]] {
                let outcome = try Command([plugins + "/../../../bin/skiff"] + words, as: .root).run()
                #expect(outcome.standardError.contains("plugins: group or others may write it"), "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func theCheckerNamesDeedsAndEnds(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            func check(_ misdeed: String?) throws -> Outcome {
                var command = try plugin.command(
                    ["plugin", "check", "--skip", "load-under-5ms", "--json", "org.test.misdeed"], misdeed, as: profile)
                command.seconds = 150
                return try command.run()
            }
            let good = try check(nil)
            #expect(good.isSuccess && good.standardError.isEmpty, "\(good)")
            for (misdeed, text) in [
                ("umask@mounts", "\"mounts: it changed the umask\""),
                ("setenv@configure", "\"configure: it changed the environment\""),
                ("thread@init", "init: it left a thread running"),
                ("no-new-privs@entry", "entry: it set no_new_privs"),
                ("ignore@load", "load: it changed the action of a signal"),
                ("directory@entered", "\"entered: it changed the working directory\""),
                ("mask@started", "started: it changed the signal mask"),
                ("session@stopped", "stopped: it entered another session"),
                ("_exit@prepare", "\"prepare: it ended the process with status 0\""),
                ("exit@get_extension", "\"get_extension: it ended the process with status 0\""),
                ("overflow@pre_exec", "\"pre_exec: it crashed (signal 11)\""),
                ("status-7@environment", "environment: it answered 7, which is no status"),
            ] {
                let outcome = try check(misdeed)
                #expect(outcome.end == .exited(1), "\(misdeed): \(outcome)")
                #expect(outcome.standardOutput.contains(text), "\(misdeed): \(outcome)")
                let json = try? JSONSerialization.jsonObject(with: Data(outcome.standardOutput.utf8))
                #expect(json is [String: Any], "\(misdeed): \(outcome)")
            }
        }

        /// A test that does not come back is ended after ten seconds.
        @Test func theCheckerDoesNotWaitForEver() throws {
            let plugin = try MisdeedPlugin.shared.get()
            var command = try plugin.command(
                ["plugin", "check", "--only", "parent-phases", "org.test.misdeed"], "blocked-loop@mounts", as: .current)
            command.seconds = 60
            let outcome = try command.run()
            #expect(outcome.end == .exited(1), "\(outcome)")
            #expect(
                outcome.standardOutput.contains("failed   parent-phases: mounts: it does not come back"), "\(outcome)")
        }
    }
}
