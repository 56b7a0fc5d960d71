import Base
import CLinux
import Foundation
import Linux
import Systemd
import TestSupport
import Testing

/// Requests to managers of systemd that are none, or are not willing.
@Suite struct TransientScopeTests {
    /// By the socket that is the manager itself: XDG_RUNTIME_DIR/systemd/private.
    private func ask(_ path: String, isBus: Bool = false, patience: Int64 = 30_000) -> String {
        let all = ManagerAddress.all(ofHost: false, uid: 1, bus: "unix:path=" + path, runtime: "/nowhere")
        let address =
            isBus
            ? all[0]
            : ManagerAddress.all(
                ofHost: false, uid: 1, bus: nil, runtime: (path as NSString).deletingLastPathComponent)[1]
        do throws(SkiffError) {
            try TransientScope(unit: "a.scope", processes: [getpid()]).make(at: [address], patience: patience)
            return "made"
        } catch {
            return "\(error)"
        }
    }

    private func ask(_ behavior: FakeManager.Behavior, patience: Int64 = 30_000) throws -> String {
        let manager = try FakeManager(behavior)
        let directory = (manager.path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: directory + "/systemd", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: directory + "/systemd/private", withDestinationPath: "../bus")
        return ask(manager.path, patience: patience)
    }

    @Test func aManagerThatDoesIt() throws {
        #expect(try ask(.ends("done", early: false)) == "made")
        #expect(try ask(.ends("done", early: true)) == "made")
    }

    @Test(arguments: ["failed", "timeout", "canceled", ""]) func aJobThatFails(result: String) throws {
        for isEarly in [false, true] {
            #expect(
                try ask(.ends(result, early: isEarly))
                    == "cannot have systemd make a.scope: its job ends as '\(result)'")
        }
    }

    @Test func aManagerThatRefuses() throws {
        #expect(
            try ask(.refuses("org.freedesktop.DBus.Error.AccessDenied", "not\nyou"))
                == "cannot have systemd make a.scope: not\\nyou")
        #expect(
            try ask(.refuses("org.freedesktop.DBus.Error.ServiceUnknown", "nobody there")).hasSuffix(
                "loginctl enable-linger"))
        #expect(try ask(.answersWithoutJob).contains("it answers without a job"))
    }

    /// Never a wait without an end, whatever the other end does.
    @Test func aManagerThatDoesNotAnswer() throws {
        for behavior in [FakeManager.Behavior.silent, .silentAfterGreeting, .garbage] {
            let answer = try ask(behavior, patience: 200)
            #expect(answer.hasPrefix("cannot ask systemd at unix:path=/"), "\(answer)")
            #expect(answer.hasSuffix(": it does not answer"), "\(answer)")
        }
    }

    @Test func aManagerThatIsNone() throws {
        for behavior in [FakeManager.Behavior.closes, .rejects, .garbageAfterGreeting] {
            let answer = try ask(behavior)
            #expect(answer.hasPrefix("cannot ask systemd at unix:path=/"), "\(behavior): \(answer)")
            #expect(!answer.contains("does not answer"), "\(behavior): \(answer)")
        }
        #expect(
            ask("/nowhere/bus", isBus: true)
                == "cannot ask systemd at unix:path=/nowhere/bus: no such file or directory")
        // Nobody listens any more.
        let path = try temporaryPath()
        defer { try? unlink(path) }
        try listen(at: path, seqpacket: false).close()
        #expect(ask(path, isBus: true) == "cannot ask systemd at unix:path=\(path): connection refused")
        // A bus greets before anything else.
        let silent = try FakeManager(.silentAfterGreeting)
        #expect(ask(silent.path, isBus: true, patience: 200).hasSuffix("it does not answer"))
    }

    private func temporaryPath() throws -> String { NSTemporaryDirectory() + "/bus-\(UUID().uuidString.prefix(8))" }

    @Test(.needs(.root)) func aManagerOfAnotherUser() throws {
        let directory = NSTemporaryDirectory() + "/other-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try chmod(directory, 0o777)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [
            "-c",
            """
            import os, socket, sys
            os.setgroups([]); os.setgid(65533); os.setuid(65533)
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + "/bus"); os.chmod(sys.argv[1] + "/bus", 0o777); s.listen()
            print("up", flush=True)
            sys.stdin.read()
            """, directory,
        ]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        defer {
            input.fileHandleForWriting.closeFile()
            process.waitUntilExit()
        }
        #expect(output.fileHandleForReading.readData(ofLength: 3) == Data("up\n".utf8))
        #expect(
            ask(directory + "/bus", isBus: true)
                == "cannot ask systemd at unix:path=\(directory)/bus: it is uid 65533 who listens there")
    }

    // MARK: - addresses

    @Test func whereManagersAre() {
        func all(_ bus: String?, _ runtime: String?) -> [String] {
            ManagerAddress.all(ofHost: false, uid: 7, bus: bus, runtime: runtime).map {
                ($0.isBus ? "bus " : "") + $0.text
            }
        }
        let own = ["bus unix:path=/run/user/7/bus", "unix:path=/run/user/7/systemd/private"]
        #expect(all(nil, nil) == own)
        #expect(all("", "relative") == own)
        #expect(all("unix:path=/run/user/7/bus", "/run/user/7") == own)
        // No programs, no networks.
        #expect(all("unixexec:path=/bin/sh;tcp:host=x,port=1;unix:abstract=a", nil) == ["bus unix:abstract=a"] + own)
        #expect(all(nil, "/a;b c")[0] == "bus unix:path=/a%3bb%20c/bus")
        // What a user's variables say is nothing to root.
        let host = ManagerAddress.all(ofHost: true, uid: 0, bus: "unix:path=/evil", runtime: "/evil")
        #expect(host.map(\.text) == ["unix:path=/run/systemd/private", "unix:path=/run/dbus/system_bus_socket"])
    }
}
