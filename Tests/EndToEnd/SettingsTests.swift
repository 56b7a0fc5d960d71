import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The effect of the administrator's configuration on containers (Docs/spec/runtime.md §14).
    @Suite struct Directives {
        /// Returns the staged skiff with a configuration of these lines, which belongs to root, so that root obeys it.
        private func command(_ lines: String, _ words: [String], as profile: Profile, in folder: String = "/") throws
            -> Command
        {
            let file = try WorkDirectory.make(for: .current) + "/skiff.conf"
            try writeFile(file, Array((lines + "\n").utf8), mode: 0o644)
            return try skiffCommand(["--config", file] + words, as: profile) { $0.directory = folder }
        }

        private func run(_ lines: String, _ words: String..., as profile: Profile) throws -> Outcome {
            try command(lines, words, as: profile).run()
        }

        private func expectRefusal(_ outcome: Outcome, _ text: String) {
            #expect(outcome.end == .exited(255) && outcome.standardError.hasPrefix("FATAL:   " + text), "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func userNamespacesCanBeForbidden(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let text = "cannot make a user namespace: the configuration does not allow it (allow user ns = no)"
            let plain = try run("allow user ns = no", "exec", image, "true", as: profile)
            if profile == .root {
                #expect(plain.isSuccess && plain.standardError.isEmpty, "\(plain)")
            } else {
                expectRefusal(plain, text)
                expectRefusal(try run("allow user ns = no", "exec", "--fakeroot", image, "true", as: profile), text)
            }
            expectRefusal(try run("allow user ns = no", "exec", "--userns", image, "true", as: profile), text)
        }

        @Test(.needs(.user)) func unprivilegedBuildsNeedAUserNamespace() throws {
            let folder = try WorkDirectory.make(for: .user)
            let base = try Corpus.directory(for: .user) + "/base"
            let build = try command("allow user ns = no", ["build", "--sandbox", "box", base], as: .user, in: folder)
                .run()
            expectRefusal(build, "cannot make the user namespace of an unprivileged build")
        }

        /// The mounts of the host are shared here, so that a namespace that receives them shows "master:".
        @Test(.needs(.root), arguments: Profile.allCases) func mountsOfTheHostNeedNotAppear(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            for (lines, receives) in [("mount slave = no", false), ("mount slave = yes", true)] {
                var command = try command(lines, ["exec", image, "cat", "/proc/self/mountinfo"], as: .root)
                // The shell stays in the namespace whose mounts are the masters.
                command.words =
                    [
                        "/usr/bin/unshare", "--mount", "--propagation", "shared", "/bin/sh", "-c", #""$@"; exit $?"#,
                        "sh",
                    ]
                    + profile.switching + command.words
                let outcome = try command.run()
                #expect(outcome.isSuccess && outcome.standardOutput.contains(" master:") == receives, "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func theSessionCanBeARamfs(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            for type in ["ramfs", "tmpfs"] {
                let script = "stat -f -c %T /tmp /dev/shm; echo x >/tmp/x && cat /tmp/x"
                let outcome = try run(
                    "memory fs type = \(type)", "exec", "--contain", image, "sh", "-c", script, as: profile)
                #expect(outcome.isSuccess && outcome.standardError.isEmpty, "\(outcome)")
                let types = outcome.standardOutput.split(separator: "\n").map(String.init)
                #expect(types.last == "x" && Set(types.dropLast()).count == 1, "\(outcome)")
                let mounts = try run(
                    "memory fs type = \(type)", "exec", "--contain", image, "cat", "/proc/self/mountinfo", as: profile)
                let shared = mounts.standardOutput.split(separator: "\n").filter { $0.contains(" /dev/shm ") }
                #expect(shared.count == 1 && shared[0].contains(" - \(type) "), "\(mounts)")
            }
        }

        @Test(arguments: Profile.allCases) func kindsOfImagesCanBeForbidden(profile: Profile) throws {
            try need(profile)
            let images = try Images.shared.get()
            for (kind, image) in [("dir", images.directory), ("sif", images.sif)] {
                let outcome = try run("allow container \(kind) = no", "exec", image, "true", as: profile)
                expectRefusal(outcome, "configuration disallows users from running \(kind) containers")
            }
        }

        /// The limits do not apply to root, as in Apptainer.
        @Test(arguments: Profile.allCases) func placesAndOwnersOfImagesCanBeLimited(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let parent = try #require(parentPath(image))
            let owner = try #require(userRecord(uid: try status(image).uid)).name
            let other = owner == "nobody" ? "daemon" : "nobody"
            for (lines, isAllowed) in [
                ("limit container paths = \(parent)", true), ("limit container paths = /usr, \(parent)", true),
                ("limit container paths = /usr", false), ("limit container paths = \(image.dropLast())", false),
                ("limit container owners = \(owner)", true), ("limit container owners = \(other)", false),
                ("limit container groups = nogroup", false),
                ("limit container owners = \(owner)\nlimit container paths = /usr", false),
            ] {
                let outcome = try run(lines, "exec", image, "true", as: profile)
                if isAllowed || profile == .root {
                    #expect(outcome.isSuccess, "\(lines): \(outcome)")
                } else {
                    expectRefusal(outcome, "cannot run \(image): it does not ")
                }
            }
        }

        @Test(.needs(.root, .loop)) func loopDevicesCanBeLimited() throws {
            let image = try Images.shared.get().sif
            let outcome = try run("max loop devices = 0", "exec", image, "true", as: .root)
            expectRefusal(
                outcome, "cannot mount image \(image): no space left on device. The configuration allows loop")
            #expect(
                try run("shared loop devices = yes", "exec", image, "true", as: .root).standardError.hasPrefix(
                    "WARNING: shared loop devices"))
        }

        @Test(.needs(.root, .loop)) func writableExt3FilesCanBeSynchronous() throws {
            let file = try WorkDirectory.make(for: .root) + "/image.ext3"
            let source = try Images.shared.get().directory
            let make = "truncate -s 32M \(file) && /sbin/mke2fs -q -t ext3 -d \(source) \(file)"
            #expect(try Command(["/bin/sh", "-c", make], as: .root).run().isSuccess)
            for (value, isSynchronous) in [("yes", true), ("no", false)] {
                let outcome = try run(
                    "sync writable extfs = \(value)", "exec", "--no-home", "--writable", file, "cat",
                    "/proc/self/mountinfo", as: .root)
                let root = outcome.standardOutput.split(separator: "\n").first { $0.split(separator: " ")[4] == "/" }
                let options = (root ?? "").split(separator: " ").flatMap { $0.split(separator: ",") }
                #expect(options.contains("sync") == isSynchronous, "\(outcome)")
            }
        }

        @Test(.needs(.root)) func rootCanStartWithoutCapabilities() throws {
            for value in ["no", "file"] {
                var command = try command(
                    "root default capabilities = \(value)",
                    ["exec", Images.shared.get().directory, "/inside", "ids"], as: .root)
                let outcome = try command.run()
                #expect(outcome.values["status.CapEff"] == "0000000000000000", "\(outcome)")
                command.words.insert("--keep-privs", at: 4)
                #expect(try command.run().values["status.CapEff"] != "0000000000000000")
            }
        }

        @Test(arguments: Profile.allCases) func overlaysCanBeForbidden(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            let outcome = try run("enable overlay = no", "exec", "--writable-tmpfs", image, "true", as: profile)
            expectRefusal(outcome, "cannot use an overlay (--writable-tmpfs")
            #expect(try run("enable overlay = no", "exec", image, "true", as: profile).isSuccess)
        }

        @Test(arguments: Profile.allCases) func usersCanBeKeptFromBinds(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            expectRefusal(
                try run("user bind control = no", "exec", "--home", "/usr:/mnt", image, "true", as: profile),
                "container creation failed: not mounting user requested home")
            let bound = try run(
                "user bind control = no", "exec", "-B", "/usr:/mnt", "--no-mount", "cwd", image, "ls", "/mnt",
                as: profile)
            #expect(bound.standardOutput.isEmpty, "\(bound)")
            #expect(bound.standardError.hasPrefix("WARNING: Ignoring user bind request"), "\(bound)")
        }

        @Test(arguments: Profile.allCases) func whatCannotBeDoneIsSaid(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            expectRefusal(
                try run("image driver = other", "exec", image, "true", as: profile), "cannot use the image driver other"
            )
            for (line, text) in [
                ("always use rocm = yes", "always use rocm = yes is not carried out: no plugin here provides it"),
                ("allow monitoring = yes", "allow monitoring = yes is not carried out"),
                ("enable overlay = driver", "enable overlay = driver is not carried out"),
            ] {
                let outcome = try run(line, "exec", image, "true", as: profile)
                #expect(outcome.isSuccess && outcome.standardError.hasPrefix("WARNING: " + text), "\(outcome)")
                let explained = try run(line, "exec", "--explain", image, "true", as: profile)
                #expect(explained.standardError.isEmpty && explained.standardOutput.contains(text), "\(explained)")
            }
        }

        /// Neither the shipped file nor one with the same values causes any message.
        @Test(arguments: Profile.allCases) func defaultsAreSilent(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: .current)
            #expect(try skiff("confgen", folder + "/c", as: .current).isSuccess)
            for image in [try Images.shared.get().directory, try ImageKind.sif.path(for: profile)] {
                let outcome = try skiff("--config", folder + "/c", "exec", image, "true", as: profile)
                #expect(outcome.isSuccess && outcome.standardError.isEmpty, "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func buildsPackAsConfigured(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let base = try Corpus.directory(for: profile) + "/base"
            let wrong = try command("mksquashfs mem = much", ["build", "a.sif", base], as: profile, in: folder).run()
            expectRefusal(wrong, "cannot use mksquashfs mem = much of the configuration")
            var command = try command(
                "mksquashfs procs = 1\nmksquashfs mem = 1M", ["build", "a.sif", base], as: profile, in: folder)
            command.seconds = 60
            let built = try command.run()
            #expect(built.isSuccess, "\(built)")
            #expect(try skiff("exec", folder + "/a.sif", "true", as: profile).isSuccess)
        }

        @Test(arguments: Profile.allCases) func helpersAreFoundWhereConfigured(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let definition = "Bootstrap: debootstrap\nOSVersion: stable\nMirrorURL: http://127.0.0.1:9/\n"
            try writeFile(folder + "/a.def", Array(definition.utf8), mode: 0o644)
            let words = ["build", "a.sif", "a.def"]
            let absent = try command("binary path = \(folder)/tools", words, as: profile, in: folder).run()
            #expect(absent.standardError.contains("debootstrap is not in PATH"), "\(absent)")
            try makeDirectory(folder + "/tools")
            try writeFile(
                folder + "/tools/debootstrap", Array("#!/bin/sh\necho ours $PATH >&2; exit 3\n".utf8), mode: 0o755)
            let found = try command("binary path = \(folder)/tools", words, as: profile, in: folder).run()
            #expect(found.standardError.contains("ours \(folder)/tools:"), "\(found)")
        }

        // MARK: whose configuration root obeys

        @Test(.needs(.root, .user)) func rootObeysNobodyElsesFile() throws {
            let image = try Images.shared.get().directory
            let folder = try WorkDirectory.make(for: .user)
            let owner = try #require(Profile.user.record)
            let file = folder + "/skiff.conf"
            try writeFile(file, Array("allow container dir = no\n".utf8), mode: 0o644)
            try chown(file, owner.uid, owner.gid)
            let refused = try skiff("--config", file, "exec", image, "true", as: .root)
            expectRefusal(refused, "cannot trust \(file): it belongs to uid \(owner.uid)")
            let obeyed = try skiff("--config", file, "exec", image, "true", as: .user)
            expectRefusal(obeyed, "configuration disallows users from running dir containers")
            // Root's own file in a directory that somebody else can change.
            try chown(file, 0, 0)
            expectRefusal(
                try skiff("--config", file, "exec", image, "true", as: .root),
                "cannot trust \(folder): it belongs to uid")
        }

        /// HOME may be that of the user who called sudo.
        @Test(.needs(.root, .user)) func rootObeysNobodyElsesHome() throws {
            let home = try WorkDirectory.make(for: .user)
            try makeDirectories(home + "/.apptainer")
            let owner = try #require(Profile.user.record)
            try writeFile(home + "/.apptainer/remote.yaml", Array("Active: x\n".utf8), mode: 0o644)
            for path in [home + "/.apptainer", home + "/.apptainer/remote.yaml"] {
                try chown(path, owner.uid, owner.gid)
            }
            let refused = try skiff("remote", "list", as: .root) { $0.environment["HOME"] = home }
            expectRefusal(refused, "cannot trust \(home)/.apptainer/remote.yaml: it belongs to uid \(owner.uid)")
            let own = try skiff("remote", "list", as: .user) { $0.environment["HOME"] = home }
            #expect(own.isSuccess, "\(own)")
        }
    }
}
