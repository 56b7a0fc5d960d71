import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The environment of the contained program: Docs/spec/runtime.md §5.
    @Suite struct Environment {
        @Test(arguments: Profile.allCases) func passesTheCallersVariables(profile: Profile) throws {
            try need(profile)
            let outcome = try inside(tell: "environment", as: profile) {
                $0.environment["PLAIN"] = "value with spaces"
                $0.environment["APPTAINERENV_SET"] = "by prefix"
                $0.environment["SINGULARITYENV_OLD"] = "legacy"
                $0.environment["LD_LIBRARY_PATH"] = "/host"
            }
            #expect(outcome.values["env.PLAIN"] == "value with spaces", "\(outcome)")
            #expect(outcome.values["env.SET"] == "by prefix", "\(outcome)")
            #expect(outcome.values["env.OLD"] == "legacy", "\(outcome)")
            #expect(outcome.values["env.APPTAINERENV_SET"] == nil, "\(outcome)")
            #expect(outcome.values["env.LD_LIBRARY_PATH"] == nil, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func cleanenvPassesNothing(profile: Profile) throws {
            try need(profile)
            let outcome = try inside("--cleanenv", tell: "environment", as: profile) {
                $0.environment["PLAIN"] = "value"
                $0.environment["http_proxy"] = "http://proxy"
                $0.environment["APPTAINERENV_SET"] = "yes"
            }
            #expect(outcome.values["env.PLAIN"] == nil && outcome.values["env.LANG"] == "C", "\(outcome)")
            #expect(
                outcome.values["env.http_proxy"] == "http://proxy" && outcome.values["env.SET"] == "yes", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func envFlagWins(profile: Profile) throws {
            try need(profile)
            let outcome = try inside("--env", "A=flag,B=two", "--env", "C=", tell: "environment", as: profile) {
                $0.environment["A"] = "host"
                $0.environment["APPTAINERENV_A"] = "prefix"
            }
            #expect(outcome.values["env.A"] == "flag" && outcome.values["env.B"] == "two", "\(outcome)")
            #expect(outcome.values["env.C"]?.isEmpty == true, "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func tellsAboutTheContainer(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let outcome = try inside(tell: "environment", as: profile)
            for prefix in ["APPTAINER", "SINGULARITY"] {
                #expect(outcome.values["env.\(prefix)_CONTAINER"] == image, "\(outcome)")
                #expect(outcome.values["env.\(prefix)_NAME"] == lastComponent(image), "\(outcome)")
            }
            #expect(outcome.values["env.APPTAINER_COMMAND"] == "exec", "\(outcome)")
        }

        /// The caller's file runs nothing on the host, and anything that cannot be taken from it is reported.
        @Test(arguments: Profile.allCases) func environmentFileRunsNothing(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            defer { try? removeTree(folder) }
            func run(_ text: String) throws -> Outcome {
                try writeFile(folder + "/env", Array(text.utf8), mode: 0o644)
                return try inside("--env-file", folder + "/env", tell: "environment", as: profile) {
                    $0.environment["PATH"] = folder + ":/usr/bin:/bin"
                }
            }
            let canary = folder + "/canary"
            try writeFile(folder + "/id", Array("#!/bin/sh\necho x > \(canary)\n".utf8), mode: 0o755)
            let taken = try run(
                "A='x(y)'\r\nB=$(id -un)\nC=\"multi\nline\"\nexport D=\"${A}er\"\nE=$UID\nF='$HOME `id` \"\\'\n")
            #expect(taken.isSuccess && taken.values["env.A"] == "x(y)", "\(taken)")
            #expect(taken.values["env.B"] == nil && taken.values["env.D"] == "x(y)er", "\(taken)")
            #expect(taken.values["env.F"] == "$HOME `id` \"\\", "\(taken)")
            #expect(taken.values["env.E"] == String(profile.record?.uid ?? 0), "\(taken)")
            #expect(
                taken.standardError.contains("WARNING: Ignored B in line 2 of environment file \(folder)/env"),
                "\(taken)")
            for line in ["id", "A=1 id", ". \(folder)/id", "A=x(y)", "f() { id; }; f", "A=1; id > /dev/null"] {
                let refused = try run("Z=1\n\(line)\n")
                #expect(refused.end == .exited(255), "\(refused)")
                #expect(refused.standardError.contains("environment file \(folder)/env, line 2: "), "\(refused)")
            }
            #expect(!isAccessible(canary, F_OK))
        }

        /// The ids of the caller, and those of the container where it is root.
        @Test(arguments: Profile.allCases) func identityVariablesHaveValues(profile: Profile) throws {
            try need(profile)
            for (flags, uid) in [([], profile.record?.uid ?? 0), (["--fakeroot"], 0)] {
                let outcome = try inside(
                    flags + ["--env", "A=$UID.$EUID"], tell: ["environment"], as: profile
                ) { $0.environment["APPTAINERENV_B"] = "${UID}x" }
                #expect(
                    outcome.values["env.A"] == "\(uid).\(uid)" && outcome.values["env.B"] == "\(uid)x", "\(outcome)")
                #expect(outcome.values["env.UID"] == nil, "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func imageScriptsBeatTheHost(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().changed("environment-\(profile)") { folder in
                try makeDirectories(folder + "/.singularity.d/env")
                try writeFile(
                    folder + "/.singularity.d/env/90-environment.sh",
                    Array("export OF_IMAGE=image\nexport LIST=\"a:$PATH\"\n".utf8), mode: 0o755)
            }
            let outcome = try skiff("exec", image, "/inside", "environment", as: profile) {
                $0.environment["OF_IMAGE"] = "host"
            }
            #expect(outcome.values["env.OF_IMAGE"] == "image", "\(outcome)")
            #expect(outcome.values["env.LIST"]?.hasPrefix("a:/usr/local/sbin:") == true, "\(outcome)")
            let overridden = try skiff("exec", "--env", "OF_IMAGE=flag", image, "/inside", "environment", as: profile)
            #expect(overridden.values["env.OF_IMAGE"] == "flag", "\(overridden)")
        }

        @Test(arguments: Profile.allCases) func scriptThatNeedsAShellGetsOne(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().changed("loop-\(profile)") { folder in
                try makeDirectories(folder + "/.singularity.d/env")
                let script = "for i in 1 2 3; do SUM=\"$SUM$i\"; done; export SUM\n"
                try writeFile(folder + "/.singularity.d/env/90-environment.sh", Array(script.utf8), mode: 0o755)
            }
            let outcome = try skiff("exec", image, "/inside", "environment", as: profile)
            #expect(outcome.values["env.SUM"] == "123", "\(outcome)")
        }
    }
}
