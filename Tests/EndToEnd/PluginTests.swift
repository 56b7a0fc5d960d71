import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The plugin seam from the user's side: a root file system of busybox, the stock plugins, the C example.
    @Suite struct Plugins {
        /// A sandbox with the host's static busybox, and a directory to work in.
        private struct Place {
            let work: String
            var image: String { work + "/root" }

            init(_ profile: Profile) throws {
                work = try WorkDirectory.make(for: profile)
                let script = """
                    set -e; cd \(work)
                    mkdir -p root/bin root/usr/bin root/etc root/proc root/sys root/dev root/tmp root/var/tmp root/home
                    cp \(try Stage.shared.get().prefix)/libexec/skiff/sh root/bin/busybox
                    for name in sh cat env ls mkdir readlink rm stat test touch true; do ln -s busybox root/bin/$name; done
                    echo root:x:0:0::/root:/bin/sh >root/etc/passwd; echo root:x:0: >root/etc/group; echo keep >root/etc/keep
                    """
                let outcome = try Command(["/bin/sh", "-c", script], as: profile).run()
                guard outcome.isSuccess else { throw HarnessError("cannot make a root file system: \(outcome)") }
            }

            func exec(_ flags: [String], _ script: String, as profile: Profile) throws -> Outcome {
                var command = try skiffCommand(["exec"] + flags + [image, "/bin/sh", "-c", script], as: profile)
                command.directory = work
                return try command.run()
            }
        }

        @Test(.needs(.overlay), arguments: Profile.allCases) func writableTmpfsIsGoneAfterwards(profile: Profile) throws
        {
            try need(profile)
            let place = try Place(profile)
            let first = try place.exec(["--writable-tmpfs"], "touch /new && ls /new", as: profile)
            #expect(first.isSuccess && first.line == "/new", "\(first)")
            #expect(!isAccessible(place.image + "/new", F_OK))
            #expect(try !place.exec([], "touch /new", as: profile).isSuccess)
            // A user who is root there installs software.
            let large = "dd if=/dev/zero of=/new bs=1048576 count=72 2>/dev/null && stat -c %s /new"
            let rooted = try place.exec(["--fakeroot", "--writable-tmpfs"], large, as: profile)
            #expect(rooted.isSuccess && rooted.line == "75497472", "\(rooted)")
            #expect(try place.exec(["--writable-tmpfs"], large, as: profile).isSuccess == (profile == .root))
        }

        @Test(.needs(.overlay), arguments: Profile.allCases) func overlaysAreStacked(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let make = "mkdir -p \(place.work)/a \(place.work)/b && echo b >\(place.work)/b/file"
            #expect(try Command(["/bin/sh", "-c", make], as: profile).run().isSuccess)
            let write = try place.exec(["--overlay", "a"], "echo a >/file && rm /etc/keep && cat /file", as: profile)
            #expect(write.isSuccess && write.line == "a", "\(write)")
            let again = try place.exec(["--overlay", "a:ro"], "cat /file; test -e /etc/keep", as: profile)
            #expect(again.end == .exited(1) && again.line == "a", "\(again)")
            let refused = try place.exec(["--overlay", "a:ro"], "touch /file", as: profile)
            #expect(refused.end == .exited(1) && refused.standardError.contains("Read-only file system"), "\(refused)")
            // The later one lies above; a writable one lies above all others.
            #expect(try place.exec(["-o", "a:ro", "-o", "b:ro"], "cat /file", as: profile).line == "b")
            #expect(try place.exec(["-o", "b:ro,a:ro"], "cat /file", as: profile).line == "a")
            let both = try place.exec(["-o", "a", "-o", "b:ro"], "cat /file; echo new >/file; cat /file", as: profile)
            #expect(both.isSuccess && both.standardOutput.hasSuffix("new\n"), "\(both)")
            #expect(try readFile(place.work + "/b/file") == Array("b\n".utf8))
        }

        @Test(arguments: [
            (["--overlay", "a", "--overlay", "b"], "you can't specify more than one writable overlay"),
            (
                ["--overlay", "a", "--writable-tmpfs"],
                "you can't specify --writable-tmpfs with another writable overlay"
            ),
            (["--overlay", "a", "--writable"], "cannot use --overlay in conjunction with --writable"),
            (["--overlay", "nosuch"], "cannot open overlay nosuch: no such file or directory"),
            (
                ["--overlay", "root/bin/busybox"],
                "it is neither an ext3, squashfs or erofs image, nor a SIF with an overlay"
            ),
        ])
        func overlayConflicts(flags: [String], message: String) throws {
            let place = try Place(.current)
            for name in ["a", "b"] { try makeDirectory(place.work + "/" + name) }
            let outcome = try place.exec(flags, "true", as: .current)
            #expect(
                outcome.end == .exited(255) && outcome.standardError.hasPrefix("FATAL:   plugin org.skiff.overlay: "))
            #expect(outcome.standardError.contains(message), "\(outcome)")
            // Refused before anything was made.
            #expect(!isAccessible(place.work + "/a/upper", F_OK))
        }

        /// Runs `skiff exec` on a host whose linker knows only these libraries and whose PATH has only these programs,
        /// in a mount namespace of the test's own, so that it does not matter whether the machine has a driver.
        private func execWithDriver(_ place: Place, _ libraries: [String], _ words: [String], as profile: Profile)
            throws
            -> Outcome
        {
            let script = """
                set -e; cd \(place.work); mkdir driver
                for name in \(libraries.joined(separator: " ")); do
                    echo 'int nothing;' | cc -shared -nostdlib -x c - -Wl,-soname,$name -o driver/$name; done
                echo \(place.work)/driver >conf; /sbin/ldconfig -X -f conf -C cache
                mount --bind cache /etc/ld.so.cache
                exec "$@"
                """
            var command = Command(
                ["/usr/bin/unshare", "--mount"] + (profile == .root ? [] : ["--user", "--map-root-user"])
                    + ["/bin/sh", "-c", script, "test", try Stage.shared.get().program] + words, as: profile)
            command.directory = place.work
            return try command.run()
        }

        @Test(.needs(.userNamespaces), arguments: Profile.allCases) func nvBringsTheDriver(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            let look = """
                ls /.singularity.d/libs; echo $LD_LIBRARY_PATH
                touch /.singularity.d/libs/libcuda.so.1 2>/dev/null || echo read-only
                """
            let outcome = try execWithDriver(
                place, ["libcuda.so.1", "libnvidia-ml.so.535.1", "libunrelated.so.1"],
                ["exec", "--nv", "root", "/bin/sh", "-c", look], as: profile)
            #expect(outcome.isSuccess && outcome.standardError.isEmpty, "\(outcome)")
            let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
            #expect(lines.contains("libcuda.so.1") && lines.contains("libnvidia-ml.so.535.1"), "\(outcome)")
            #expect(!lines.contains("libunrelated.so.1"))
            #expect(lines.suffix(2) == ["/.singularity.d/libs", "read-only"], "\(outcome)")
        }

        /// Nodes appear in a minimal /dev with `--nv`, and only then.
        @Test(.needs(.root)) func nvBringsDeviceNodes() throws {
            let place = try Place(.root)
            let script = """
                set -e; cd \(place.work); mkdir dev; mount -t tmpfs dev dev
                cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/tty dev/; mkdir dev/pts dev/shm
                mknod dev/nvidia0 c 1 3; mknod dev/nvidiactl c 1 3; mount --bind dev /dev
                for flags in '-c --nv' -c; do "$0" exec $flags root /bin/sh -c 'echo /dev/nvidia*'; done
                """
            let program = try Stage.shared.get().program
            let outcome = try Command(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, program], as: .root)
                .run()
            #expect(outcome.standardOutput == "/dev/nvidia0 /dev/nvidiactl\n/dev/nvidia*\n", "\(outcome)")
        }

        @Test func removedPluginTakesItsFlagsAlong() throws {
            let place = try Place(.current)
            let folder = place.work + "/copy"
            #expect(
                try Command(["/bin/cp", "-a", try Stage.shared.get().prefix, folder], as: .current).run().isSuccess)
            func run(_ words: String...) throws -> Outcome {
                try Command([folder + "/bin/skiff"] + words, as: .current).run()
            }
            #expect(try run("exec", "--help").standardOutput.contains("--overlay strings"))
            try unlink(folder + "/lib/skiff/plugins/org.skiff.overlay.plugin")
            let help = try run("exec", "--help").standardOutput
            #expect(!help.contains("--overlay") && help.contains("--nv "))
            let used = try run("exec", "--overlay", "a", place.image, "true")
            #expect(
                used.end == .exited(1) && used.standardError.contains("needs the plugin org.skiff.overlay"), "\(used)")
            // The library is gone: its flags are known, and using one reports what is wrong.
            try unlink(folder + "/lib/skiff/plugins/NvidiaGPU.so")
            let gone = try run("exec", "--nv", place.image, "/bin/true")
            #expect(gone.end == .exited(255), "\(gone)")
            #expect(gone.standardError.hasPrefix("FATAL:   plugin org.skiff.nvidia-gpu: load: cannot open "), "\(gone)")
            #expect(try run("exec", place.image, "/bin/true").isSuccess)
            // A broken manifest disables only itself.
            let bad = "nonsense\n[flag]\nname = bad\nenv = BAD\n[command]\nname = worse\n"
            try writeFile(folder + "/lib/skiff/plugins/org.bad.plugin", Array(bad.utf8), mode: 0o644)
            let reason = "needs the plugin org.bad, which cannot be used: cannot use plugin manifest"
            let broken = try run("exec", "--bad", place.image, "true")
            #expect(broken.end == .exited(1) && broken.standardError.contains("flag --bad \(reason)"), "\(broken)")
            #expect(
                broken.standardOutput.isEmpty && broken.standardError.split(separator: "\n").count == 1, "\(broken)")
            #expect(try run("worse").standardError.hasPrefix("Error: command \"worse\" \(reason)"))
            #expect(try run("exec", "--help").standardOutput.contains("--nv "))
            #expect(try run("plugin", "list", "--all").standardOutput.contains(" broken  org.bad\n"))
        }

        @Test func exampleInCIsBuiltFromTheInstalledHeadersAlone() throws {
            let place = try Place(.current)
            let folder = place.work + "/copy"
            let build = """
                set -e; cp -a \(try Stage.shared.get().prefix) \(folder); cp -r \(Stage.repository)/Examples/plugin-c \(place.work)/c
                cd \(place.work)/c; rm -f hello.so; make PREFIX=\(folder) CC=cc; make PREFIX=\(folder) install
                """
            #expect(try Command(["/bin/sh", "-c", build], as: .current).run().isSuccess)
            func run(_ words: String...) throws -> Outcome {
                try Command([folder + "/bin/skiff"] + words, as: .current).run()
            }
            #expect(try run("exec", "--help").standardOutput.contains("--hello string"))
            let hello = try run(
                "exec", "--hello", "world", place.image, "/bin/sh", "-c", "echo $HELLO; cat /run/host/os-release")
            let release = String(decoding: try readFile("/etc/os-release"), as: UTF8.self)
            #expect(hello.isSuccess && hello.standardOutput == "world\n" + release, "\(hello)")
            #expect(try run("plugin", "list").standardOutput == "ENABLED  NAME\n    yes  org.skiff.hello\n")
            // On a machine busy with tests, opening a library may take any time.
            let check = try run("plugin", "check", "--skip", "load-under-5ms", "org.skiff.hello")
            #expect(check.isSuccess && !check.standardOutput.contains("failed"), "\(check)")
            #expect(try run("plugin", "disable", "hello").isSuccess)
            #expect(try run("plugin", "list").standardOutput == "ENABLED  NAME\n     no  org.skiff.hello\n")
            let disabled = try run("exec", "--hello", "world", place.image, "/bin/true")
            #expect(
                disabled.end == .exited(1) && disabled.standardOutput.isEmpty
                    && disabled.standardError
                        == "Error for command \"exec\": flag --hello needs the plugin org.skiff.hello, which is disabled. "
                        + "Run: skiff plugin enable org.skiff.hello\n",
                "\(disabled)")
            #expect(try run("plugin", "enable", "hello").isSuccess)
            #expect(try run("exec", "--hello", "again", place.image, "/bin/sh", "-c", "echo $HELLO").line == "again")
        }

        @Test func explainShowsWhoAddedWhat() throws {
            let place = try Place(.current)
            var command = try skiffCommand(
                ["exec", "--explain", "--writable-tmpfs", place.image, "/bin/true"], as: .current)
            command.directory = place.work
            let outcome = try command.run()
            #expect(outcome.isSuccess && outcome.standardOutput.contains("org.skiff.overlay"), "\(outcome)")
            #expect(outcome.standardOutput.contains("--writable-tmpfs"), "\(outcome)")
        }

        @Test func checkerAcceptsTheStockPlugins() throws {
            for name in ["org.skiff.overlay", "org.skiff.nvidia-gpu"] {
                // A debug build finds the Swift runtime through a path of the toolchain; release builds carry it.
                let outcome = try skiff("plugin", "check", "--skip", "no-rpath,load-under-5ms", name, as: .current)
                #expect(outcome.isSuccess && !outcome.standardOutput.contains("crashed"), "\(outcome)")
            }
            let unknown = try skiff("plugin", "check", "nosuch", as: .current)
            #expect(unknown.end == .exited(255))
            #expect(
                unknown.standardError == "FATAL:   Failed to check plugin \"nosuch\": plugin not found.\n", "\(unknown)"
            )
        }
    }
}
