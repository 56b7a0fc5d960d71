import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Hosts as users meet them: full disks, file systems whose server is gone, directories with far too many files.
    @Suite struct OddHosts {
        private func launch(_ profile: Profile, _ flags: [String] = [], in directory: String) throws -> Outcome {
            let image = try Images.shared.get().directory
            var command = try skiffCommand(["exec"] + flags + [image, "/bin/sh", "-c", "pwd; ls | wc -l"], as: profile)
            command.directory = directory
            return try command.run()
        }

        @Test(arguments: Profile.allCases) func directoriesMayHaveManyFiles(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            for number in 0..<10_000 { try writeFile("\(folder)/file \(number)", [], mode: 0o644) }
            let outcome = try launch(profile, in: folder)
            #expect(outcome.isSuccess && outcome.standardOutput == "\(folder)\n10000\n", "\(outcome)")
            let contained = try launch(profile, ["--contain", "--bind", folder + ":/mnt", "--pwd", "/mnt"], in: folder)
            #expect(contained.isSuccess && contained.standardOutput == "/mnt\n10000\n", "\(contained)")
        }

        /// A file system whose server never answers, as an automount of a machine that is gone.
        private final class HungMount {
            let path: String
            private var server: CInt

            init(at path: String) throws {
                self.path = path
                try makeDirectory(path, mode: 0o755)
                server = open("/dev/fuse", O_RDWR | O_CLOEXEC)
                let data = "fd=\(server),rootmode=40000,user_id=0,group_id=0"
                try mountFilesystem("fuse", source: "hung", at: path, data: data)
            }

            /// The server goes first: then nobody waits for it any more.
            func end() {
                close(server)
                try? unmount(path, detach: true)
            }
        }

        @Test(.needs(.fuse)) func nobodyWaitsForAHungMountThatIsNotAskedFor() throws {
            try need(.root)
            let folder = try WorkDirectory.make(for: .root)
            let hung = try HungMount(at: folder + "/hung")
            let outcome = try skiff("exec", Images.shared.get().directory, "/bin/true", as: .root) {
                $0.directory = folder
            }
            // Who asks for it waits for it, and can be ended.
            var asking = try skiffCommand(
                ["exec", "--bind", hung.path + "/x:/mnt", Images.shared.get().directory, "/bin/true"], as: .root)
            asking.seconds = 10
            let running = try asking.start()
            usleep(300_000)
            try running.signal(SIGTERM)
            let ended = try running.wait(seconds: 10)
            hung.end()
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(ended.end == .signaled(SIGTERM) || ended.end == .exited(143), "\(ended)")
        }

        @Test func fullDisksAreNamed() throws {
            try need(.root)
            let folder = try WorkDirectory.make(for: .root)
            let images = try Images.shared.get()
            let program = try Stage.shared.get().program
            func run(_ words: String) throws -> Outcome {
                let script =
                    "mount -t tmpfs -o size=64k none \(folder) && cd \(folder) && { dd if=/dev/zero of=full 2>/dev/null; "
                    + "export HOME=$PWD APPTAINER_TMPDIR=$PWD TMPDIR=$PWD; exec \(program) \(words); }"
                return try Command(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script], as: .root).run()
            }
            // A launch needs no room on the host.
            for image in [images.directory, images.sif] {
                let outcome = try run("exec \(image) /bin/true")
                #expect(outcome.isSuccess, "\(outcome)")
            }
            let unpacked = try run("exec --unsquash \(images.sif) /bin/true")
            #expect(unpacked.end == .exited(255), "\(unpacked)")
            #expect(unpacked.standardError.lowercased().contains("no space left on device"), "\(unpacked)")
            let instance = try run("instance start \(images.directory) full-disk")
            #expect(instance.end == .exited(255), "\(instance)")
            #expect(instance.standardError.lowercased().contains("no space left on device"), "\(instance)")
        }
    }
}
