import CLinux
import Linux
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
