import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Every process of a launch against the table in Docs/security-model.md: what it holds, who may look into it,
    /// where it lives and what it may do.
    @Suite(.cleanHost) struct ProcessTables {
        enum Launch: String, CaseIterable, Sendable {
            case userExec = "user: exec"
            case userPID = "user: exec --pid"
            case ranges = "user: exec --fakeroot"
            case supervised = "user: exec --fakeroot --ignore-subuid"
            case contained = "user: exec --fakeroot --containall"
            case shared = "user: exec --sharens"
            case sharedPID = "user: exec --sharens --pid"
            case instance = "user: instance start"
            case rangesInstance = "user: instance start --fakeroot"
            case supervisedInstance = "user: instance start --fakeroot --ignore-subuid"
            case userStep = "user: build"
            case supervisedStep = "user: build --ignore-subuid"
            case rootExec = "root: exec"
            case rootPID = "root: exec --pid"
            case rootShared = "root: exec --sharens"
            case rootInstance = "root: instance start"
            case rootStep = "root: build"

            var profile: Profile { rawValue.hasPrefix("user") ? .user : .root }
            var flags: [String] { rawValue.split(separator: " ").dropFirst(isInstance ? 3 : 2).map(String.init) }
            var isInstance: Bool { rawValue.contains("instance") }
            var isStep: Bool { rawValue.contains("build") }
        }

        @Test(arguments: Launch.allCases) func theTableIsTrue(launch: Launch) throws {
            try need(launch.profile)
            if launch.profile == .user { try need(.userNamespaces, .fuse) }
            if [.ranges, .contained, .userStep, .rangesInstance].contains(launch) { try need(.ranges) }
            let place = launch.isInstance ? try InstancePlace(launch.profile) : nil
            let running = try start(launch, place)
            #expect(place?.wait(for: "ready", in: "a.out") ?? running.waitForOutput("ready"))
            let processes = LaunchProcesses(running: running, program: ["sleep", "exe"])
            processes.waitForProgram()
            // The starter of an instance ends, and leaves the keeper.
            for _ in 0..<500 where launch.isInstance && ProcessTable.entry(running.pid)?.state != "Z" { usleep(10_000) }
            let found = try processes.all()
            for process in found where process.role == "program" || process.role == "init" {
                // The rule of the whole document, whatever the table says.
                #expect(
                    process.holds.map {
                        (process.role == "init" ? ["channels", "nothing"] : [launch.isInstance ? "logs" : "0-2"])
                            .contains($0)
                    }
                        ?? true,
                    "\(process)"
                )
            }
            var expected = try Self.rows(launch.rawValue)
            for process in found {
                guard let row = expected.firstIndex(where: { Self.matches($0, process) }) else {
                    Issue.record("not in the table under \(launch.rawValue): \(process)")
                    continue
                }
                // There may be several that answer calls.
                if process.role != "skiff-root, answering" { expected.remove(at: row) }
            }
            expected.removeAll { $0[0] == "skiff-root, answering" }
            #expect(expected.isEmpty, "not found: \(expected) in \(found)")
            _ = try running.wait(seconds: 20)
            try place?.stop("a")
        }

        /// Keeps descriptors that were left open for us out of the launch, which would pass them on, as it should.
        private static func keepToOurselves() throws {
            let folder = try open("/proc/self/fd", O_RDONLY | O_DIRECTORY)
            for number in try entries(of: folder.raw).compactMap({ CInt($0.text) }) where number > 2 {
                try? setInherited(number, false)
            }
        }

        /// A row that the kernel does not show to the user who runs the suite proves nothing about it.
        private static func matches(_ row: [String], _ process: LaunchProcess) -> Bool {
            // A cgroup of the container's own is there where the host has cgroups that this user may make.
            let holds = process.holds.map { text in
                process.role == "keeper" ? text.replacing(LaunchProcesses.cgroups + ", ", with: "") : text
            }
            return row[0] == process.role && (holds ?? row[1]) == row[1] && row[2] == process.owner
                && (process.namespaces ?? row[3]) == row[3] && row[4] == process.capabilities
                && row[5] == process.seccomp
        }

        /// `| launch | role | holds | owner | namespaces | capabilities | seccomp |`
        private static func rows(_ launch: String) throws -> [[String]] {
            let path = Stage.repository + "/Docs/security-model.md"
            let text = String(decoding: try readFile(path), as: UTF8.self)
            let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { line in
                line.dropFirst().dropLast().split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            }
            return rows.filter { $0.count == 7 && $0[0] == "`\(launch)`" }.map { Array($0.dropFirst()) }
        }

        private func start(_ launch: Launch, _ place: InstancePlace?) throws -> RunningCommand {
            try Self.keepToOurselves()
            // A call that skiff-root answers, so that a process answering it exists.
            let script = "mknod /tmp/node c 1 3 2>/dev/null; echo ready; exec sleep 2"
            if let place {
                let image = try InstancePlace.file("calls", "#!/bin/sh\n\(script)\n")
                let words = ["-q", "instance", "start"] + launch.flags + [image, "a"]
                return try place.command(words).start()
            }
            guard launch.isStep else {
                let words = ["-q", "exec"] + launch.flags + [try AttackRoot.image.get(), "sh", "-c", script]
                return try skiffCommand(words, as: launch.profile).start()
            }
            let folder = try WorkDirectory.make(for: launch.profile)
            let definition =
                "Bootstrap: localimage\nFrom: \(try AttackRoot.directory.get())\n%post -c /bin/sh\n    \(script)\n"
            try writeFile(folder + "/image.def", Array(definition.utf8), mode: 0o644)
            let words = ["-q", "build", "--no-cache"] + launch.flags + [folder + "/image.sif", folder + "/image.def"]
            return try skiffCommand(words, as: launch.profile).start()
        }
    }
}
