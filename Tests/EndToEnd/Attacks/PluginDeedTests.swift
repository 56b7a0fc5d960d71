import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What a plugin changes in the process that calls it never reaches the program: it is undone and told, or the command
    /// ends and says why.
    @Suite(.cleanHost) struct PluginDeeds {
        /// What comes of a deed.
        enum Fate { case undone, refused, undoneOrRefused, impossible, harmless }

        private static let deeds: [(name: String, text: String, root: Fate, user: Fate)] = [
            ("umask", "it changed the umask", .undone, .undone),
            ("directory", "it changed the working directory", .undone, .undone),
            ("root", "it changed the root directory", .undone, .impossible),
            ("ignore", "it changed the action of a signal", .undone, .undone),
            ("handler", "it changed the action of a signal", .undone, .undone),
            ("limit", "it changed a limit of resources", .undone, .undone),
            ("setenv", "it changed the environment", .undone, .undone),
            ("putenv", "it changed the environment", .undone, .undone),
            ("clearenv", "it changed the environment", .undone, .undone),
            ("environment-bytes", "it changed the environment", .undone, .undone),
            ("securebits", "it changed the securebits", .undone, .impossible),
            ("dumpable", "it changed whether the process can be dumped", .undone, .undone),
            ("subreaper", "it became a subreaper", .undone, .undone),
            ("death-signal", "it changed the parent death signal", .undone, .undone),
            ("keepcaps", "it changed whether capabilities are kept", .undone, .undone),
            ("personality", "it changed the personality", .undone, .undone),
            ("nice", "it changed the scheduling or the nice value", .undone, .refused),
            ("batch", "it changed the scheduling or the nice value", .undone, .undone),
            ("capabilities", "it changed the capabilities", .refused, .harmless),
            ("bounding", "it changed the bounding set of capabilities", .refused, .impossible),
            ("no-new-privs", "it set no_new_privs", .refused, .refused),
            ("seccomp", "it set no_new_privs", .refused, .refused),
            ("keyring", "it entered another session keyring", .refused, .refused),
            ("alarm", "it left a timer running", .undone, .undone),
            ("timer", "it left a timer running", .undone, .undone),
            ("stack", "it changed the alternate signal stack", .undone, .undone),
            ("unshare", "it entered another mount namespace", .refused, .refused),
            ("unshare-uts", "it ", .refused, .refused),
            ("thread", "it left a thread running", .refused, .refused),
            ("child", "it left a child process", .refused, .refused),
            ("zombie", "it left a child process", .undone, .undone),
            ("fork", "it left a child process", .refused, .refused),
            ("session", "it entered another session", .refused, .refused),
            ("group", "it entered another process group", .undone, .undone),
            ("stdout", "it changed a standard descriptor", .undone, .undone),
            ("close", "it changed a standard descriptor", .undone, .undone),
            ("cloexec", "it changed a standard descriptor", .undone, .undone),
            ("nonblock", "it changed a standard descriptor", .undone, .undone),
            ("locale", "it changed the locale", .undone, .undone),
            ("io-priority", "it changed the I/O priority", .undone, .undone),
            ("name", "it changed the process name", .undone, .undone),
            ("slack", "it changed the timer slack", .undone, .undone),
            ("huge-pages", "it changed the use of huge pages", .undone, .undone),
            ("killing", "it changed the score for the out-of-memory killer", .undone, .undone),
            ("user", "it changed the user", .refused, .impossible),
            ("groups", "it changed the supplementary groups", .refused, .impossible),
            ("hard-limit", "it changed a limit of resources", .undoneOrRefused, .refused),
            ("pending", "it left a signal pending", .undone, .undone),
            ("close-all", "it closed a descriptor of skiff", .refused, .refused),
            ("no-write-execute", "it forbade memory that is written and executed", .refused, .refused),
            ("file-user", "it changed the user", .refused, .harmless),
            ("print", "", .harmless, .harmless),
            ("open", "", .harmless, .harmless),
        ]

        /// Everything that a program can see of what it got, but for numbers that differ from run to run.
        private static let report = """
            cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj; umask; pwd; env; ls -l /proc/self/fd
            """

        private func facts(_ outcome: Outcome) -> [String] {
            let wanted = [
                "Sig", "Shd", "Cap", "NoNew", "Secc", "Cpus", "Uid", "Gid", "Groups", "Umask", "Max", "THP",
            ]
            return outcome.standardOutput.split(separator: "\n").map(String.init).compactMap { line in
                if line.hasPrefix("SigQ") || line.hasPrefix("MISDEED=") { return nil }
                if wanted.contains(where: line.hasPrefix) || line.contains("=") || !line.contains(":") { return line }
                // The name, not the target, of a descriptor.
                guard let arrow = line.range(of: " -> "),
                    let before = line[..<arrow.lowerBound].split(separator: " ").last
                else { return nil }
                return "fd \(before)"
            }
        }

        private func differences(_ outcome: Outcome, _ clean: [String]) -> [String] {
            facts(outcome).difference(from: clean).map { "\($0)" }
        }

        private func expect(
            _ deed: (name: String, text: String, root: Fate, user: Fate), at station: String, flag: String,
            clean: [String],
            as profile: Profile
        ) throws {
            let plugin = try MisdeedPlugin.shared.get()
            let outcome = try plugin.exec(
                ["sh", "-c", Self.report], flags: [flag], "\(deed.name)@\(station)", as: profile)
            let what = "\(deed.name)@\(station) of \(flag): \(outcome)"
            var fate = profile == .root ? deed.root : deed.user
            if fate == .undoneOrRefused { fate = outcome.isSuccess ? .undone : .refused }
            switch fate {
            case .undone, .undoneOrRefused, .harmless:
                #expect(outcome.isSuccess && differences(outcome, clean) == [], "\(what)")
                if deed.text.isEmpty || profile == .user && deed.user == .harmless { return }
                #expect(outcome.standardError.contains("WARNING: plugin org.test."), "\(what)")
                #expect(outcome.standardError.contains(deed.text), "\(what)")
            case .refused:
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(what)")
                #expect(outcome.standardError.contains("FATAL:   plugin org.test."), "\(what)")
                #expect(outcome.standardError.contains(deed.text), "\(what)")
            case .impossible:
                #expect(outcome.end == .exited(255), "\(what)")
                #expect(outcome.standardError.contains("it failed without a reason"), "\(what)")
            }
        }

        @Test(
            arguments: Profile.allCases,
            [("mounts", "--misdeed"), ("environment", "--in-place"), ("init", "--in-place")])
        func deedsOfTheParent(profile: Profile, place: (station: String, flag: String)) throws {
            try need(profile)
            try need(.userNamespaces)
            let clean = facts(
                try MisdeedPlugin.shared.get().exec(["sh", "-c", Self.report], flags: [place.flag], as: profile))
            #expect(clean.count > 40)
            for deed in Self.deeds where place.station != "init" || !["impossible"].contains("\(deed.user)") {
                try expect(deed, at: place.station, flag: place.flag, clean: clean, as: profile)
            }
        }

        /// In the child an ordinary user has all capabilities of its namespace, until they are taken away.
        @Test(arguments: Profile.allCases, ["entered", "pre_exec"])
        func deedsOfTheChild(profile: Profile, station: String) throws {
            try need(profile)
            try need(.userNamespaces)
            let plugin = try MisdeedPlugin.shared.get()
            for flag in ["--misdeed", "--in-place"] {
                let clean = facts(try plugin.exec(["sh", "-c", Self.report], flags: [flag], as: profile))
                for deed in Self.deeds {
                    let outcome = try plugin.exec(
                        ["sh", "-c", Self.report], flags: [flag], "\(deed.name)@\(station)", as: profile)
                    let what = "\(deed.name)@\(station) of \(flag): \(outcome)"
                    if outcome.isSuccess {
                        #expect(differences(outcome, clean) == [], "\(what)")
                        let isTold = outcome.standardError.contains("WARNING: plugin org.test.")
                        #expect(isTold || deed.text.isEmpty || deed.name == "file-user", "\(what)")
                    } else {
                        #expect(outcome.end == .exited(255), "\(what)")
                        #expect(outcome.standardError.contains("FATAL:   plugin org.test."), "\(what)")
                        #expect(outcome.standardOutput.isEmpty, "\(what)")
                    }
                    if deed.root == .refused && deed.name != "file-user" { #expect(!outcome.isSuccess, "\(what)") }
                }
            }
        }

        /// When the program runs, a plugin can change nothing but its own process.
        @Test(arguments: Profile.allCases, ["started", "stopped"])
        func laterDeedsChangeNothing(profile: Profile, station: String) throws {
            try need(profile)
            for deed in ["umask", "unshare", "session", "close", "child", "status-7"] {
                let outcome = try MisdeedPlugin.shared.get().exec(
                    ["sh", "-c", "sleep 0.1; exit 7"], "\(deed)@\(station)", as: profile)
                #expect(outcome.end == .exited(7), "\(deed)@\(station): \(outcome)")
                if deed == "child" || deed == "close" { continue }
                #expect(
                    outcome.standardError.hasPrefix("WARNING: plugin org.test.misdeed: \(station): it "),
                    "\(deed)@\(station): \(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func aStatusIsOneOfTheInterface(profile: Profile) throws {
            try need(profile)
            let plugin = try MisdeedPlugin.shared.get()
            for station in MisdeedPlugin.stations
            where !["load", "get_extension", "started", "stopped"].contains(station) {
                let outcome = try plugin.exec(["true"], "status-7@\(station)", as: profile)
                #expect(outcome.end == .exited(255), "\(station): \(outcome)")
                let name = station == "entry" ? "load" : station
                #expect(
                    outcome.standardError.contains("FATAL:   plugin org.test.misdeed: \(name): it"),
                    "\(station): \(outcome)")
                let lowest = try plugin.exec(["true"], "status-lowest@\(station)", as: profile)
                #expect(lowest.end == .exited(255), "\(station): \(lowest)")
            }
        }
    }
}
