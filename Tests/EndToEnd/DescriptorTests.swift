import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Docs/security-model.md, "Descriptors": the program has 0 to 2 and what its caller passed, by the same numbers; nothing of
    /// skiff, a helper or a plugin. Missing standard descriptors are /dev/null.
    @Suite struct Descriptors {
        /// The ways in which processes and images combine: in place, with a server, a shim, a supervisor, unpacked.
        enum Launch: String, CaseIterable, Sendable {
            case plain, pid, pidWithoutInit, userNamespace, fakeroot, emulated, pretended, contained, writableTemporary,
                underlay, unpacked

            var flags: [String] {
                switch self {
                case .plain: []
                case .pid: ["--pid"]
                case .pidWithoutInit: ["--pid", "--no-init"]
                case .userNamespace: ["--userns"]
                case .fakeroot: ["--fakeroot"]
                case .emulated: ["--fakeroot", "--ignore-subuid"]
                case .pretended: ["--fakeroot", "--ignore-subuid", "--ignore-fakeroot-command"]
                case .contained: ["--containall"]
                case .writableTemporary: ["--writable-tmpfs"]
                case .underlay: ["--underlay", "--bind", "/etc:/nowhere/at/all"]
                case .unpacked: ["--unsquash"]
                }
            }
        }

        /// What the caller passes, by numbers that leave gaps; the last one goes beyond a page of getdents64(2).
        private static let passed: [CInt] = [5, 9, 10, 63, 200]

        @Test(arguments: Profile.allCases, Launch.allCases)
        func programHasTheCallersOnly(profile: Profile, launch: Launch) throws {
            try need(profile)
            for kind in ImageKind.allCases where launch != .unpacked || kind != .directory {
                let words = ["exec"] + launch.flags + [try kind.path(for: profile), "/inside", "descriptors"]
                try expectPassed(try run(words, as: profile), "\(launch) of \(kind)")
            }
        }

        /// Linux before 5.9, and filters that do not know the call.
        @Test(arguments: Profile.allCases, [Launch.plain, .pid, .emulated])
        func programHasTheCallersOnlyWithoutCloseRange(profile: Profile, launch: Launch) throws {
            try need(profile)
            let words = ["exec"] + launch.flags + [try ImageKind.sif.path(for: profile), "/inside", "descriptors"]
            let images = try Images.shared.get()
            let outcome = try run(words, as: profile, through: [images.bare + "/inside", "without", "436"])
            try expectPassed(outcome, "\(launch) without close_range")
        }

        @Test(arguments: Profile.allCases) func runAndShellPassThem(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().changed("descriptors-\(profile)") { copy in
                try makeDirectory(copy + "/.singularity.d")
                let script = "#!/bin/sh\nexec /inside descriptors\n"
                try writeFile(copy + "/.singularity.d/runscript", Array(script.utf8), mode: 0o755)
                try Linux.chmod(copy + "/.singularity.d/runscript", 0o755)
            }
            try expectPassed(try run(["run", image], as: profile), "run")
            let words = ["shell", "--shell", "/inside", image]
            let outcome = try run(words, as: profile)
            try expectPassed(outcome, "shell")
        }

        /// Process substitution is a pipe with a high number.
        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func processSubstitutionWorks(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let script = "\(try Stage.shared.get().program) exec \(try kind.path(for: profile)) cat <(echo through)"
            let outcome = try Command(["/bin/bash", "-c", script], as: profile).run()
            #expect(outcome.line == "through", "\(outcome)")
        }

        /// A plugin that opens directories of the host without close-on-exec, in the parent and in the child.
        @Test(arguments: Profile.allCases) func leaksOfAPluginAreClosed(profile: Profile) throws {
            try need(profile)
            let folder = try installLeakingPlugin()
            for (flags, kind) in [([], ImageKind.directory), (["--pid"], .sif), (["--userns"], .sif)] {
                let words =
                    ["exec", "--hello", "x"] + flags + [try kind.path(for: profile), "/inside", "descriptors"]
                let outcome = try run(words, as: profile, program: folder + "/bin/skiff")
                #expect(outcome.standardError.contains("leaked in entered and pre_exec"), "\(outcome)")
                try expectPassed(outcome, "\(flags) with a plugin that leaks")
            }
        }

        /// The steps of a build have only the standard descriptors, and so do the scripts that run on the host.
        @Test(arguments: Profile.allCases) func buildStepsHaveTheStandardOnes(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let reporter = try Images.shared.get().bare + "/inside"
            let text = """
                Bootstrap: localimage
                From: \(try Images.shared.get().directory)
                %setup
                \(reporter) descriptors | sed s/^/setup./
                %post
                /inside descriptors > /fds; while read line; do echo post.$line; done < /fds
                %test
                /inside descriptors
                """
            let definition = folder + "/a.def"
            try writeFile(definition, Array(text.utf8), mode: 0o644)
            let outcome = try run(["build", folder + "/a.sif", definition], as: profile) { $0.seconds = 60 }
            #expect(outcome.isSuccess, "\(outcome)")
            let numbers = ["fd.0", "fd.1", "fd.2"]
            for prefix in ["setup.", "post.", ""] {
                #expect(
                    outcome.values.keys.filter { $0.hasPrefix(prefix + "fd.") }.sorted() == numbers.map { prefix + $0 },
                    "\(prefix): \(outcome)")
            }
        }

        /// The monitor and PID 1 keep no pipe open that the program has closed.
        @Test(arguments: Profile.allCases, [[], ["--pid"]])
        func closedPipeEnds(profile: Profile, flags: [String]) throws {
            try need(profile)
            for kind in [ImageKind.directory, .sif] {
                let words = [try Stage.shared.get().program, "exec"] + flags + [try kind.path(for: profile)]
                let script = """
                    { exec \(words.joined(separator: " ")) sh -c 'exec 9>&-; sleep 4' 9>&1 >/dev/null 2>&1; } |
                        { timeout 3 cat; echo status=$?; }
                    """
                let outcome = try Command(["/bin/bash", "-c", script], as: profile).run()
                #expect(outcome.line == "status=0", "\(outcome)")
            }
        }

        /// A file opened later is never taken for an output: messages do not go into an image.
        @Test(arguments: Profile.allCases, ["0", "1", "2", "12", "012"])
        func missingStandardDescriptorsAreNull(profile: Profile, missing: String) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let image = folder + "/copy.sif"
            try writeFile(image, try readFile(try ImageKind.sif.path(for: profile)), mode: 0o644)
            if effectiveUID() == 0, let record = profile.record { try chown(image, record.uid, record.gid) }
            let before = try readFile(image)
            let closing = missing.map { "\($0)>&-" }.joined(separator: " ")
            let script = """
                exec 7>\(folder)/report \(closing)
                \(try Stage.shared.get().program) -d exec \(image) sh -c '/inside descriptors >&7'
                \(try Stage.shared.get().program) -d exec \(image) no-such-program
                \(try Stage.shared.get().program) -d inspect \(image); true
                """
            let outcome = try Command(["/bin/bash", "-c", script], as: profile).run()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try readFile(image) == before, "a message went into the image")
            let report = String(decoding: try readFile(folder + "/report"), as: UTF8.self)
            for number in missing where number != "1" {
                #expect(report.contains("fd.\(number)=/dev/null\n"), "\(report)")
            }
        }

        /// Mounts do not take a descriptor each: many binds would exceed the soft limit, which the program gets back.
        @Test(arguments: Profile.allCases, ImageKind.allCases)
        func manyBindsAndTheLimitStays(profile: Profile, kind: ImageKind) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            try writeFile(folder + "/file", Array("content\n".utf8), mode: 0o644)
            let binds = (1...1200).map { "\(folder)/file:/binds/\($0)" }.joined(separator: ",")
            let script = "ulimit -Sn 256; exec \"$@\""
            let look = "ls /binds | wc -l; cat /binds/1200; ulimit -Sn"
            let words = [try Stage.shared.get().program, "exec", try kind.path(for: profile), "sh", "-c", look]
            var command = Command(["/bin/bash", "-c", script, "bash"] + words, as: profile)
            command.environment["APPTAINER_BIND"] = binds
            command.seconds = 60
            let outcome = try command.run()
            let lines = outcome.standardOutput.split(whereSeparator: \.isWhitespace)
            #expect(lines == ["1200", "content", "256"], "\(outcome)")
        }

        /// A low hard limit is enough for usual launches, and is named when it is not.
        @Test(arguments: Profile.allCases, Launch.allCases)
        func lowHardLimit(profile: Profile, launch: Launch) throws {
            try need(profile)
            let kind: ImageKind = launch == .unpacked ? .sif : .directory
            for kind in launch == .plain ? ImageKind.allCases : [kind] {
                let words = ["exec"] + launch.flags + [try kind.path(for: profile), "sh", "-c", "ulimit -n"]
                let script = "ulimit -n 64; exec \"$@\""
                let outcome = try Command(
                    ["/bin/bash", "-c", script, "bash", try Stage.shared.get().program] + words, as: profile
                ).run()
                #expect(outcome.isSuccess && outcome.line == "64", "\(outcome)")
            }
        }

        /// One tree at a time: a root directory with more entries than there may be descriptors.
        @Test(arguments: Profile.allCases) func underlayHoldsOneEntry(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().changed("entries-\(profile)") { copy in
                for number in 1...150 { try writeFile(copy + "/file-\(number)", Array("x".utf8), mode: 0o644) }
            }
            let words = [
                "exec", "--underlay", "--bind", "/etc:/new", image, "sh", "-c",
                "ls -d /file-* /new | wc -l; cat /file-150",
            ]
            let script = "ulimit -n 64; exec \"$@\""
            let outcome = try Command(
                ["/bin/bash", "-c", script, "bash", try Stage.shared.get().program] + words, as: profile
            ).run()
            #expect(outcome.line == "151\nx", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func tooLowLimitIsNamed(profile: Profile) throws {
            try need(profile)
            let binds = (1...100).map { "/etc/passwd:/binds/\($0)" }.joined(separator: ",")
            let script = "ulimit -n 64; exec \"$@\""
            let words = [
                try Stage.shared.get().program, "exec", "--bind", binds, try Images.shared.get().directory, "true",
            ]
            let outcome = try Command(["/bin/bash", "-c", script, "bash"] + words, as: profile).run()
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("ulimit -n"), "\(outcome)")
        }

        private func run(
            _ words: [String], as profile: Profile, through: [String] = [], program: String? = nil,
            change: (inout Command) -> Void = { _ in }
        ) throws -> Outcome {
            let open = Self.passed.map { "exec \($0)</etc/hostname" }.joined(separator: "; ")
            let program = try program ?? Stage.shared.get().program
            var command = Command(
                ["/bin/bash", "-c", open + "; exec \"$@\"", "bash"] + through + [program] + words, as: profile)
            command.environment["APPTAINER_TMPDIR"] = Stage.temporary
            command.environment["APPTAINER_CACHEDIR"] = try Stage.shared.get().cache(for: profile)
            change(&command)
            return try command.run()
        }

        private func expectPassed(_ outcome: Outcome, _ what: String) throws {
            #expect(outcome.isSuccess, "\(what): \(outcome)")
            let found = outcome.values.keys.filter { $0.hasPrefix("fd.") }.sorted()
            #expect(found == ([0, 1, 2] + Self.passed).map { "fd.\($0)" }.sorted(), "\(what): \(outcome)")
            for number in Self.passed {
                #expect(outcome.values["fd.\(number)"]?.hasSuffix("hostname") == true, "\(what): \(outcome)")
            }
        }

        /// Makes an installation of its own, with the example in C changed so that it leaks.
        private func installLeakingPlugin() throws -> String {
            let work = try WorkDirectory.make(for: .current)
            let folder = work + "/copy"
            let script = """
                set -e; cp -a \(try Stage.shared.get().prefix) \(folder)
                cp -r \(Stage.repository)/Examples/plugin-c \(work)/c; cd \(work)/c; rm -f hello.so
                cat >leak.h <<'END'
                #include <fcntl.h>
                #include <stdio.h>
                #include <sys/socket.h>
                static int32_t leak(const skiff_plugin *self, skiff_session *session) {
                    int pair[2];
                    (void)self, (void)session;
                    if (open("/", O_RDONLY) < 0 || fcntl(open("/", O_PATH), F_DUPFD, 40) < 0) return SKIFF_E_SYSTEM;
                    if (fcntl(open("/proc", O_RDONLY), F_DUPFD, 300) < 0) return SKIFF_E_SYSTEM;
                    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ? SKIFF_E_SYSTEM : SKIFF_OK;
                }
                static int32_t leak_and_tell(const skiff_plugin *self, skiff_session *session) {
                    fputs("leaked in entered and pre_exec\\n", stderr);
                    return leak(self, session);
                }
                END
                sed -i -e '1i #define _GNU_SOURCE 1' -e '/skiff\\/plan.h/a #include "leak.h"' \\
                    -e 's/NULL, NULL, mounts, environment, NULL, NULL, NULL, NULL/leak, leak, mounts, environment, leak, leak_and_tell, NULL, NULL/' hello.c
                sed -i 's/^phases.*/phases = configure, prepare, mounts, environment, entered, pre_exec/' org.skiff.hello.plugin
                make PREFIX=\(folder) CC=cc; make PREFIX=\(folder) install
                """
            let outcome = try Command(["/bin/sh", "-c", script], as: .current).run()
            guard outcome.isSuccess else { throw HarnessError("cannot make the plugin that leaks: \(outcome)") }
            return folder
        }
    }
}
