import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Everything that writes to an overlay is killed at random moments, `SKIFF_TEST_KILLS` times each (3): the image opens again
    /// without help, is sound, and has every record that was synchronized.
    @Suite struct OverlayKills {
        enum Victim: String, CaseIterable { case server, command, container }

        /// Writes numbered records, each with fsync(2), says so, and makes, renames and removes files beside.
        private static let writer = """
            import os, sys
            out = os.open('/out/log', os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            log = os.open('/records', os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            start = os.fstat(log).st_size // 8
            os.makedirs('/churn', exist_ok=True)
            print('ready', flush=True)
            for number in range(start, 1 << 30):
                os.write(log, b'%07d\\n' % number)
                os.fsync(log)
                os.write(out, b'%07d\\n' % number)
                name = '/churn/%d' % (number % 50)
                with open(name + '.new', 'wb') as file: file.write(b'x' * (number * 37 % 9000))
                os.rename(name + '.new', name)
                if number % 3 == 0: os.unlink(name)
                if number % 7 == 0:
                    os.makedirs('/churn/d/%d' % number, exist_ok=True)
                    os.symlink('x', '/churn/d/%d/link' % number)
            """

        @Test(.cleanHost, .needs(.python), arguments: Profile.allCases, Victim.allCases)
        func losesNothingThatWasSynchronized(profile: Profile, victim: Victim) throws {
            // Root's server is the kernel.
            if profile == .root && victim == .server { return }
            let place = try ImageOverlay(profile)
            let out = place.folder + "/out"
            try place.run("mkdir \(out)")
            let words =
                ["exec", "--no-home", "--overlay", place.image, "-B", out + ":/out"]
                + ["/bin", "/lib", "/lib64", "/usr"].filter { isAccessible($0, F_OK) }.flatMap {
                    ["-B", "\($0):\($0):ro"]
                }
            let image = try Images.shared.get().directory
            let rounds = environmentValue("SKIFF_TEST_KILLS").flatMap { Int($0) } ?? 3
            for round in 1...rounds {
                let running = try skiffCommand(
                    words + [image, "python3", "-c", Self.writer], as: profile
                ).start()
                #expect(running.waitForOutput("ready"), "\(running.text("stderr"))")
                usleep(useconds_t.random(in: 0..<400_000))
                try kill(victim, of: running, place)
                let outcome = try running.wait(seconds: 20)
                #expect(outcome.end != nil && outcome.end != .exited(0), "\(outcome)")
                waitForEnd(of: place)
                let told = last(try readFile(out + "/log"))
                let found = try place.sh("tail -n 1 /records; ls -R /churn >/dev/null && echo sound")
                let lines = found.standardOutput.split(separator: "\n")
                #expect(lines.last == "sound", "round \(round): \(found)")
                #expect(lines.first.flatMap { Int($0) } ?? -1 >= told, "round \(round): \(told) was told, \(found)")
                try place.expectSound("round \(round)")
            }
        }

        private func last(_ log: [UInt8]) -> Int {
            log.split(separator: 0x0A).last.flatMap { $0.count == 7 ? Int(String(bytes: $0)) : nil } ?? 0
        }

        private func kill(_ victim: Victim, of running: RunningCommand, _ place: ImageOverlay) throws {
            let family = ProcessTable.current()
            switch victim {
            case .command:
                family.filter { $0.session == running.pid && $0.command == "skiff" }.forEach {
                    Glibc.kill($0.pid, SIGKILL)
                }
            case .container:
                family.filter { $0.session == running.pid && $0.command == "python3" }.forEach {
                    Glibc.kill($0.pid, SIGKILL)
                }
            case .server: servers(of: place).forEach { Glibc.kill($0, SIGKILL) }
            }
        }

        /// Without skiff nobody has waited for the server, or for the kernel's unmount.
        private func waitForEnd(of place: ImageOverlay) {
            for _ in 0..<500 {
                if servers(of: place).isEmpty, (try? place.sh("true"))?.isSuccess == true { return }
                usleep(10_000)
            }
        }

        /// Those that serve the image.
        private func servers(of place: ImageOverlay) -> [pid_t] {
            ProcessTable.current().filter {
                $0.command == "skiff-extfs" && (try? readLink("/proc/\($0.pid)/fd/3")) == place.image
            }.map(\.pid)
        }
    }
}
