import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Kept results of build steps: what runs again, and that reusing them gives the same image.
    @Suite struct BuildCache {
        /// A definition in a directory of its own, built with a cache of its own.
        private struct Recipe {
            let folder: String
            let profile: Profile
            var image: String { folder + "/image.sif" }

            init(_ profile: Profile) throws {
                try need(profile)
                try need(.overlay)
                if profile == .user { try need(.userNamespaces) }
                folder = try WorkDirectory.make(for: profile)
                self.profile = profile
            }

            var base: String {
                get throws { "Bootstrap: localimage\nFrom: \(try Images.shared.get().directory)\n" }
            }

            func command(_ text: String, _ flags: [String] = [], to target: String = "image.sif") throws -> Command {
                try writeFile(folder + "/\(target).def", Array((try base + text).utf8), mode: 0o644)
                return try skiffCommand(
                    ["build", "-F", "--explain-cache", "--ignore-subuid"] + flags + [
                        folder + "/" + target, folder + "/\(target).def",
                    ],
                    as: profile
                ) {
                    $0.environment["APPTAINER_CACHEDIR"] = folder + "/cache"
                    $0.directory = folder
                }
            }

            func build(_ text: String, _ flags: String..., to target: String = "image.sif") throws -> Outcome {
                let outcome = try command(text, flags, to: target).run()
                #expect(outcome.isSuccess, "\(outcome)")
                return outcome
            }

            /// Returns what is reported of each step after the base.
            func steps(_ outcome: Outcome) -> [String] {
                outcome.standardError.split(separator: "\n").compactMap { line in
                    guard let start = line.range(of: "Cache: ") else { return nil }
                    let text = String(line[start.upperBound...]).replacing(#/ \([^)]*\)/#, with: "")
                    return text.hasPrefix("Bootstrap") ? nil : text.replacing(#/result of .* is/#, with: "result is")
                }
            }

            var names: [String] {
                get throws {
                    try FileManager.default.contentsOfDirectory(atPath: folder + "/cache/cache/build").sorted()
                }
            }
        }

        private static let used = "its result is used"

        @Test(arguments: Profile.allCases) func keptStepsMakeTheSameImage(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text =
                "%post\nmkdir -p /a/b; echo 1 > /a/b/c; ln /a/b/c /link; chmod 751 /\n#@ step\n"
                + "rm -r /a; mkdir /a; echo 2 > /a/d; rm /bin/wc\n%labels\nA b\n%test\ntest ! -e /a/b\n"
            _ = try recipe.build(text)
            let first = try readFile(recipe.image)
            // The time of a build is in labels, files and the SIF's own header.
            sleep(1)
            let second = try recipe.build(text)
            #expect(recipe.steps(second) == ["%post step 1: \(Self.used)", "%post step 2: \(Self.used)"])
            #expect(try readFile(recipe.image) == first)
            let seen = try skiff(
                "exec", recipe.image, "sh", "-c", "stat -c %a /; cat /link /a/d; ls /bin/wc /a", as: profile)
            #expect(seen.standardOutput == "751\n1\n2\n/a:\nd\n", "\(seen)")
            _ = try recipe.build(text, "--sandbox", to: "sandbox")
            #expect(try FileManager.default.contentsOfDirectory(atPath: recipe.folder + "/sandbox/a") == ["d"])
            #expect(!isAccessible(recipe.folder + "/sandbox/bin/wc", F_OK))
        }

        @Test(arguments: Profile.allCases) func changeRunsOnlyWhatFollows(profile: Profile) throws {
            let recipe = try Recipe(profile)
            try writeFile(recipe.folder + "/file", [1], mode: 0o644)
            func text(_ last: String, _ first: String = "true") -> String {
                "%files\n\(recipe.folder)/file /file\n%post\n\(first)\n#@ step\necho \(last) > /last\n"
            }
            let first = try recipe.build(text("one"))
            #expect(recipe.steps(first).allSatisfy { $0.contains("runs: a step before it ran") }, "\(first)")
            let last = try recipe.build(text("two"))
            #expect(
                recipe.steps(last) == [
                    "%files: \(Self.used)", "%post step 1: \(Self.used)", "%post step 2: runs: its text changed",
                ])
            #expect(try skiff("exec", recipe.image, "cat", "/last", as: profile).line == "two")
            try writeFile(recipe.folder + "/file", [2], mode: 0o644)
            let copied = try recipe.build(text("two"))
            #expect(
                recipe.steps(copied) == [
                    "%files: runs: the copied files changed", "%post step 1: runs: a step before it ran",
                    "%post step 2: runs: a step before it ran",
                ])
            // Both are kept.
            try writeFile(recipe.folder + "/file", [1], mode: 0o644)
            #expect(recipe.steps(try recipe.build(text("one"))).allSatisfy { $0.hasSuffix(Self.used) })
        }

        /// Any variable of the caller's environment that reaches `%post` is part of what its result depends on.
        @Test(arguments: Profile.allCases) func variablesOfTheCallerCount(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text = "%post\nenv | grep -ci -e MODE -e proxy > /count || true\n"
            func build(_ variables: [String: String]) throws -> [String] {
                var command = try recipe.command(text)
                command.environment.merge(variables) { $1 }
                let outcome = try command.run()
                #expect(outcome.isSuccess, "\(outcome)")
                return recipe.steps(outcome)
            }
            _ = try build([:])
            #expect(try build([:]) == ["%post: \(Self.used)"])
            for name in [
                "APPTAINERENV_MODE", "SINGULARITYENV_MODE", "http_proxy", "HTTPS_PROXY", "https_proxy", "no_proxy",
                "NO_PROXY",
                "ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY",
            ] {
                #expect(try build([name: "http://one.example"]) == ["%post: runs: its variables changed"], "\(name)")
                #expect(try skiff("exec", recipe.image, "cat", "/count", as: profile).line == "1", "\(name)")
                #expect(try build([name: "http://two.example"]) == ["%post: runs: its variables changed"], "\(name)")
                #expect(try build([name: "http://two.example"]) == ["%post: \(Self.used)"], "\(name)")
            }
            // Neither the name of the terminal nor variables that do not reach the step.
            #expect(try build(["TERM": "other", "MODE": "x", "APPTAINER_DEBUG": "0"]) == ["%post: \(Self.used)"])
        }

        /// Three thousand nested directories, with 64 descriptors.
        @Test(arguments: Profile.allCases) func deepTreesTakeNoDescriptorALevel(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let box = recipe.folder + "/box"
            try shell(
                """
                cp -a "$0" "$1"; cd "$1"; i=0; while [ $i -lt 3000 ]; do mkdir d; cd -P d; i=$((i + 1)); done; echo end >file
                chmod -R a+rX "$1"
                """, [try Images.shared.get().directory, box])
            defer { _ = try? shell("rm -rf \"$0\"", [box]) }
            var command = try skiffCommand(["build", "-F", recipe.folder + "/deep.sif", box], as: profile) {
                $0.seconds = 120
            }
            command.words = ["/bin/sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"] + command.words
            let built = try command.run()
            #expect(built.isSuccess, "\(built)")
        }

        /// What a step leaves running ends with it, and the next one finds nothing of it.
        @Test(arguments: Profile.allCases) func backgroundProcessesEndWithTheirStep(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text =
                "%post\n(sleep 4; echo late > /late) & setsid sleep 77 &\n#@ step\n"
                + "ps | grep -c '[s]leep 77' > /left || true\n"
            let began = Date()
            _ = try recipe.build(text)
            #expect(Date().timeIntervalSince(began) < 60)
            let seen = try skiff("exec", recipe.image, "sh", "-c", "cat /left; ls /late", as: profile)
            #expect(seen.standardOutput == "0\n", "\(seen)")
        }

        @Test(arguments: Profile.allCases) func stepsPassVariablesAndDirectory(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text = """
                %post
                export A="it's \\$1"
                B=no
                f() { true; }
                mkdir /d; cd /d
                #@ step
                cat <<EOF > /told
                #@ step
                $A [$B] $(pwd)
                EOF
                #@ step
                f && exit 1 || true
                echo "$A" >> /told
                false_line() { echo $LINENO; }

                """
            _ = try recipe.build(text)
            let told = try skiff("exec", recipe.image, "cat", "/told", as: profile)
            #expect(told.standardOutput == "#@ step\nit's $1 [] /d\nit's $1\n", "\(told)")
        }

        @Test(arguments: Profile.allCases) func setupRunsAlwaysAndCountsByItsOutcome(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text = "%setup\ncat \(recipe.folder)/input > $APPTAINER_ROOTFS/made\n%post\ncat /made > /copy\n"
            let setup = "%setup: runs: a script on the host may do anything"
            for (content, post) in [
                ("one", "runs: a step before it ran"), ("one", Self.used), ("two", "runs: a step before it ran"),
            ] {
                try writeFile(recipe.folder + "/input", Array(content.utf8), mode: 0o644)
                #expect(recipe.steps(try recipe.build(text)) == [setup, "%post: \(post)"])
                #expect(try skiff("exec", recipe.image, "cat", "/copy", as: profile).standardOutput == content)
            }
        }

        @Test(arguments: Profile.allCases) func noCacheReplacesWhatIsKept(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text = "%post\ncat /proc/sys/kernel/random/uuid > /random\n"
            _ = try recipe.build(text)
            let first = try skiff("exec", recipe.image, "cat", "/random", as: profile).line
            let anew = try recipe.build(text, "--no-cache")
            #expect(recipe.steps(anew) == ["%post: runs: --no-cache"])
            let second = try skiff("exec", recipe.image, "cat", "/random", as: profile).line
            #expect(first != second)
            #expect(recipe.steps(try recipe.build(text)) == ["%post: \(Self.used)"])
            #expect(try skiff("exec", recipe.image, "cat", "/random", as: profile).line == second)
            #expect(try recipe.names.count == 2)
        }

        @Test(arguments: Profile.allCases) func buildsAtOnceShareOneResult(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let text =
                "%post\ncat /proc/sys/kernel/random/uuid > /random; sleep 0.2\n#@ step\n"
                + "cat /random > /again\n"
            let running = try (0..<4).map { try recipe.command(text, to: "image\($0).sif").start() }
            for build in running {
                let outcome = try build.wait(seconds: 60)
                #expect(outcome.isSuccess, "\(outcome)")
            }
            #expect(try recipe.names.filter { $0.contains(".") } == [])
            #expect(recipe.steps(try recipe.build(text)).allSatisfy { $0.hasSuffix(Self.used) })
            let seen = try skiff("exec", recipe.image, "sh", "-c", "cat /random /again", as: profile)
            let lines = Set(seen.standardOutput.split(separator: "\n"))
            #expect(lines.count == 1, "a step was put upon another result than its own: \(seen)")
        }

        @Test(arguments: Profile.allCases) func failedAndKilledBuildsKeepWholeSteps(profile: Profile) throws {
            let recipe = try Recipe(profile)
            let failed = try recipe.command("%post\necho 1 > /one\n#@ step\nexit 3\n").run()
            #expect(failed.end == .exited(255), "\(failed)")
            #expect(try recipe.names.count == 2 && recipe.names.allSatisfy { !$0.contains(".") })
            let stays = "%post\necho 1 > /one\n#@ step\necho reached; sleep 60\n"
            let running = try recipe.command(stays).start()
            #expect(running.waitForOutput("reached"))
            try running.signal(SIGKILL)
            _ = try running.wait(seconds: 10)
            for _ in 0..<200 where try recipe.names.contains(where: { $0.contains(".") }) { usleep(20_000) }
            #expect(try recipe.names.count == 2 && recipe.names.allSatisfy { !$0.contains(".") })
            let next = try recipe.build("%post\necho 1 > /one\n#@ step\ncat /one\n")
            #expect(recipe.steps(next).first == "%post step 1: \(Self.used)")
        }

        @Test(arguments: Profile.allCases) func cacheCommandsCountSteps(profile: Profile) throws {
            let recipe = try Recipe(profile)
            _ = try recipe.build("%post\necho 1 > /one\n")
            func cache(_ words: String...) throws -> String {
                try skiffCommand(["cache"] + words, as: profile) {
                    $0.environment["APPTAINER_CACHEDIR"] = recipe.folder + "/cache"
                }.run().standardOutput
            }
            #expect(try cache("list").contains("There are 2 build step(s) using "))
            #expect(try !cache("list", "--type", "oci-tmp").contains("build step"))
            _ = try cache("clean", "--force", "--type", "net")
            #expect(try recipe.names.count == 2)
            _ = try cache("clean", "--force")
            #expect(try recipe.names == [] && !cache("list").contains("build step"))
        }

        @Test(arguments: Profile.allCases) func damagedAndTooManyResultsGo(profile: Profile) throws {
            let recipe = try Recipe(profile)
            _ = try recipe.build("%post\necho 1 > /one\n")
            for name in try recipe.names {
                try writeFile(recipe.folder + "/cache/cache/build/\(name)/record", [0x78], mode: 0o600)
            }
            let again = try recipe.build("%post\necho 1 > /one\n")
            #expect(recipe.steps(again) == ["%post: runs: a step before it ran"])
            #expect(try recipe.names.count == 2)
            var small = try recipe.command("%post\necho 2 > /one\n")
            small.environment["APPTAINER_BUILD_CACHE_QUOTA"] = "1"
            #expect(try small.run().isSuccess)
            #expect(try recipe.names == [])
        }

        /// Files of a range belong to ids that only the namespace of a build knows.
        @Test(.needs(.ranges)) func stepsOfARangeAreKeptAndRemoved() throws {
            let recipe = try Recipe(.user)
            func command(_ to: String, _ flags: [String] = []) throws -> Command {
                let text =
                    "%post\nmkdir -p /nine/in; echo x > /nine/in/file; chown -R 9:10 /nine; chmod 700 /nine/in\n"
                var command = try recipe.command(text, flags, to: to)
                if let index = command.words.firstIndex(of: "--ignore-subuid") { command.words.remove(at: index) }
                return command
            }
            let first = try command("image.sif").run()
            #expect(first.isSuccess, "\(first)")
            let bytes = try readFile(recipe.image)
            let second = try command("image.sif").run()
            #expect(recipe.steps(second) == ["%post: \(Self.used)"])
            #expect(try readFile(recipe.image) == bytes)
            // Recorded owners are different.
            let recorded = try command("image.sif", ["--ignore-subuid"]).run()
            #expect(recipe.steps(recorded) == ["%post: runs: a step before it ran"])
            func cache(_ words: String...) throws -> Outcome {
                try skiffCommand(["cache"] + words, as: .user) {
                    $0.environment["APPTAINER_CACHEDIR"] = recipe.folder + "/cache"
                }.run()
            }
            #expect(try cache("list").standardOutput.contains("There are 4 build step(s)"))
            // A sandbox belongs to the user, so that its owners are recorded.
            let unpacked = try command("sandbox", ["--sandbox"]).run()
            #expect(unpacked.isSuccess, "\(unpacked)")
            #expect(recipe.steps(unpacked) == ["%post: \(Self.used)"])
            #expect(try status(recipe.folder + "/sandbox/nine").uid == Profile.user.record?.uid)
            let cleaned = try cache("clean", "--force")
            #expect(cleaned.isSuccess && !cleaned.standardError.contains("WARNING"), "\(cleaned)")
            #expect(try recipe.names == [])
            var small = try command("image.sif")
            small.environment["APPTAINER_BUILD_CACHE_QUOTA"] = "1"
            let limited = try small.run()
            #expect(limited.isSuccess, "\(limited)")
            #expect(try recipe.names == [])
        }
    }
}
