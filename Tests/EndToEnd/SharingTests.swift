import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `--sharens`: processes started by one parent, here the test, in one container (Docs/decisions/018).
    @Suite(.cleanHost) struct SharedContainers {
        /// Flags with which containers are shared on request.
        private static let kinds: [[String]] = [
            [], ["--userns"], ["--contain"], ["--pid"], ["--containall"], ["--fakeroot"],
            ["--fakeroot", "--ignore-subuid"], ["--fakeroot", "--containall"], ["--writable-tmpfs"],
        ]

        private func start(_ flags: [String], _ script: String, as profile: Profile, job: [String: String] = [:]) throws
            -> RunningCommand
        {
            let words = ["-q", "exec"] + flags + [try AttackRoot.image.get(), "sh", "-c", script]
            var command = try skiffCommand(words, as: profile)
            command.environment.merge(job) { $1 }
            return try command.start()
        }

        private static let tell =
            "echo $(ls -di /proc/self/root/) $(readlink /proc/self/ns/user) master=$APPTAINER_SHARENS_MASTER"

        @Test(arguments: Profile.allCases, kinds) func siblingsCopyEachOthersMemory(profile: Profile, flags: [String])
            throws
        {
            try need(profile)
            if flags.contains("--fakeroot") || flags.contains("--userns") { try need(.userNamespaces) }
            let owner = try start(["--sharens"] + flags, "exec /attack hold $APPTAINER_SHARENS_MASTER", as: profile)
            #expect(owner.waitForOutput("\n"))
            let place = owner.text("stdout").trimmingCharacters(in: .whitespacesAndNewlines)
            let reader = try start(["--sharens"] + flags, "/attack copy \(place)", as: profile).wait(seconds: 20)
            #expect(reader.standardOutput == "copied 1\n", "\(reader)")
            try owner.signal(SIGTERM)
            _ = try owner.wait(seconds: 10)
        }

        /// The first process may end before the others, and a later one finds the container of those that are left.
        @Test(arguments: Profile.allCases) func theContainerStaysUntilTheLastEnds(profile: Profile) throws {
            try need(profile)
            let flags = ["--sharens", "--contain"]
            let first = try start(flags, "echo 1 > /tmp/mark; echo ready; exec sleep 2", as: profile)
            #expect(first.waitForOutput("ready"))
            let second = try start(flags, "echo ready; exec sleep 4", as: profile)
            #expect(second.waitForOutput("ready"))
            _ = try first.wait(seconds: 10)
            let late = try start(
                flags, "cat /tmp/mark; cat /etc/passwd | head -n 1; echo master=$APPTAINER_SHARENS_MASTER", as: profile
            )
            .wait(seconds: 10)
            #expect(late.standardOutput == "1\nroot:x:0:0:root:/root:/bin/sh\nmaster=\n", "\(late)")
            _ = try second.wait(seconds: 10)
            let fresh = try start(flags, "cat /tmp/mark; echo master=$APPTAINER_SHARENS_MASTER", as: profile).wait(
                seconds: 10)
            #expect(fresh.standardOutput == "master=1\n", "\(fresh)")
        }

        @Test(arguments: Profile.allCases) func anotherContainerIsItsOwn(profile: Profile) throws {
            try need(profile)
            let one = try start(["--sharens", "--contain"], "echo ready; exec sleep 2", as: profile)
            #expect(one.waitForOutput("ready"))
            for flags in [
                ["--contain"], ["--sharens"], ["--sharens", "--contain", "--bind", "/usr/share"],
                ["--sharens", "--contain", "--ipc"],
            ] {
                let other = try start(
                    flags, "echo master=$APPTAINER_SHARENS_MASTER; touch /tmp/other 2>/dev/null", as: profile
                )
                .wait(seconds: 10)
                #expect(
                    other.standardOutput == (flags.contains("--sharens") ? "master=1\n" : "master=\n"),
                    "\(flags) \(other)")
            }
            _ = try one.wait(seconds: 10)
        }

        /// The variables that job launchers set, and that one step is not another.
        @Test(
            arguments: [
                ["PMIX_NAMESPACE": "prterun-1@1", "PMIX_RANK": "0"],
                ["SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1"], ["PMI_RANK": "1"],
                ["OMPI_COMM_WORLD_RANK": "2"], ["FLUX_TASK_RANK": "0"],
            ])
        func stepsOfJobsShareByThemselves(job: [String: String]) throws {
            try need(.user)
            try need(.userNamespaces)
            let owner = try start([], "exec /attack hold text", as: .user, job: job)
            #expect(owner.waitForOutput("\n"))
            let place = owner.text("stdout").trimmingCharacters(in: .whitespacesAndNewlines)
            let reader = try start([], "/attack copy \(place)", as: .user, job: job).wait(seconds: 10)
            #expect(reader.standardOutput == "copied text\n", "\(reader)")
            // A launch that could tell a shared container from its own does not share one unasked.
            let apart = try start(["--contain"], "/attack copy \(place)", as: .user, job: job).wait(seconds: 10)
            #expect(apart.standardOutput == "refused: Operation not permitted\n", "\(apart)")
            let stranger = try start([], "/attack copy \(place)", as: .user).wait(seconds: 10)
            #expect(stranger.standardOutput == "refused: Operation not permitted\n", "\(stranger)")
            if let name = job.keys.first(where: { $0.hasSuffix("NAMESPACE") || $0.hasSuffix("STEP_ID") }) {
                let other = try start([], "/attack copy \(place)", as: .user, job: job.merging([name: "9"]) { $1 })
                    .wait(seconds: 10)
                #expect(other.standardOutput == "refused: Operation not permitted\n", "\(other)")
            }
            try owner.signal(SIGTERM)
            _ = try owner.wait(seconds: 10)
        }

        @Test(arguments: Profile.allCases) func manyAtOnceFindOneContainer(profile: Profile) throws {
            try need(profile)
            let all = try (0..<24).map { _ in
                try start(["--sharens"], "stat -c %d /; echo master=$APPTAINER_SHARENS_MASTER; sleep 1", as: profile)
            }
            let texts = try all.map { try $0.wait(seconds: 60) }
            #expect(texts.allSatisfy { $0.isSuccess }, "\(texts)")
            #expect(texts.filter { $0.standardOutput.contains("master=1") }.count == 1)
            #expect(Set(texts.map { $0.standardOutput.split(separator: "\n").first ?? "" }).count == 1)
        }

        /// A keeper that was killed leaves a socket on which nobody listens.
        @Test(arguments: Profile.allCases) func aKilledKeeperIsReplaced(profile: Profile) throws {
            try need(profile)
            let one = try start(["--sharens"], "echo ready; exec sleep 2", as: profile)
            #expect(one.waitForOutput("ready"))
            let keepers = ProcessTable.current().filter { $0.command == "skiff-keeper" && $0.state != "Z" }
            #expect(keepers.count == 1, "\(keepers)")
            for keeper in keepers { try sendSignal(SIGKILL, to: keeper.pid) }
            let next = try start(
                ["--sharens"], "cat /etc/passwd >/dev/null && echo master=$APPTAINER_SHARENS_MASTER", as: profile
            )
            .wait(seconds: 10)
            #expect(next.standardOutput == "master=1\n", "\(next)")
            _ = try one.wait(seconds: 10)
        }

        /// The place where containers are found belongs to somebody else.
        /// Contained programs without a PID namespace of their own may signal the keeper.
        @Test(arguments: Profile.allCases) func aStoppedKeeperGoesOn(profile: Profile) throws {
            try need(profile)
            let one = try start(["--sharens"], "echo ready; exec sleep 2", as: profile)
            #expect(one.waitForOutput("ready"))
            let keepers = ProcessTable.current().filter { $0.command == "skiff-keeper" && $0.state != "Z" }
            #expect(keepers.count == 1, "\(keepers)")
            for keeper in keepers { try sendSignal(SIGSTOP, to: keeper.pid) }
            let next = try start(["--sharens"], "echo master=$APPTAINER_SHARENS_MASTER", as: profile).wait(seconds: 10)
            #expect(next.standardOutput == "master=\n", "\(next)")
            _ = try one.wait(seconds: 10)
        }

        @Test func aForeignPlaceIsRefused() throws {
            try need(.root)
            try need(.user)
            let user = try #require(Profile.user.record)
            let path = "/dev/shm/skiff-\(user.uid)"
            let makers: [() throws -> Void] = [
                {
                    try makeDirectory(path, mode: 0o700)
                    try chown(path, 65534, 65534, follow: false)
                },
                {
                    try makeSymlink("/tmp", at: path)
                    try chown(path, 65534, 65534, follow: false)
                },
                {
                    try makeDirectory(path, mode: 0o777)
                    try Linux.chmod(path, 0o777)
                },
            ]
            for make in makers {
                try make()
                defer { try? FileManager.default.removeItem(atPath: path) }
                let asked = try start(["--sharens"], "true", as: .user).wait(seconds: 10)
                #expect(asked.end == .exited(255) && asked.standardError.contains(path), "\(asked)")
                let unasked = try start([], "echo runs", as: .user, job: ["PMI_RANK": "0"]).wait(seconds: 10)
                #expect(unasked.standardOutput == "runs\n" && unasked.standardError.isEmpty, "\(unasked)")
            }
        }

        /// An error of the process that makes the container is reported once, and nothing is left for the next one to
        /// find.
        @Test(arguments: Profile.allCases) func aContainerThatCannotBeMadeIsToldOnce(profile: Profile) throws {
            try need(profile)
            let words = ["--sharens", "--bind", "/nowhere-at-all"]
            let failed = try start(words, "true", as: profile).wait(seconds: 10)
            #expect(failed.end == .exited(255), "\(failed)")
            #expect(failed.standardError.components(separatedBy: "FATAL").count == 2, "\(failed)")
            let next = try start(["--sharens"], "true", as: profile).wait(seconds: 10)
            #expect(next.isSuccess, "\(next)")
        }

        @Test(arguments: Profile.allCases) func statusesAndSignalsAreThoseOfTheProgram(profile: Profile) throws {
            try need(profile)
            for flags in [["--sharens"], ["--sharens", "--pid"]] {
                #expect(try start(flags, "exit 7", as: profile).wait(seconds: 10).end == .exited(7))
                let killed = try start(flags, "kill -TERM $$", as: profile).wait(seconds: 10)
                #expect(killed.end == .signaled(SIGTERM), "\(killed)")
            }
        }
    }
}
