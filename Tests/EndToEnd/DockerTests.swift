import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Images of layers in a real registry, made and checked by other programs.
    @Suite struct DockerImages {
        typealias Desk = EndToEnd.Registries.Desk

        /// Makes an OCI layout of the small Linux with umoci: three layers, the second with a whiteout, and a config.
        static func layout(in desk: Desk) throws -> String {
            let path = desk.folder + "/layout"
            let (image, name) = (try Images.shared.get().directory, path + ":one")
            try makeDirectory(desk.folder + "/more", mode: 0o755)
            try writeFile(desk.folder + "/more/later", Array("later\n".utf8), mode: 0o644)
            for words in [
                ["init", "--layout", path], ["new", "--image", name],
                ["insert", "--rootless", "--image", name, image, "/"],
                ["insert", "--rootless", "--image", name, desk.folder + "/more", "/etc/more"],
                ["insert", "--rootless", "--image", name, "--whiteout", "/bin/wc"],
                [
                    "config", "--image", name, "--config.env", "WORD=of the image", "--config.entrypoint", "/bin/echo",
                    "--config.cmd", "as asked", "--config.label", "maker=tests",
                ],
            ] {
                let outcome = try Command(["/usr/bin/umoci"] + words, as: .current).run()
                guard outcome.isSuccess else { throw HarnessError("umoci: \(outcome)") }
            }
            try Linux.chmod(desk.folder, 0o755)
            return name
        }

        static func upload(_ layout: String, _ registry: LocalRegistry, _ name: String, _ flags: [String] = []) throws {
            let outcome = try Command(
                ["/usr/bin/skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false"] + flags
                    + ["oci:" + layout, "docker://\(registry.host)/\(name)"], as: .current
            ).run()
            guard outcome.isSuccess else { throw HarnessError("skopeo: \(outcome)") }
        }

        @Test(.needs(.registry, .umoci, .skopeo), arguments: Profile.allCases) func pullsRunsAndBuilds(profile: Profile)
            throws
        {
            try need(profile)
            try need(profile.mounting)
            let (registry, maker, desk) = (try LocalRegistry(), try Desk(.current), try Desk(profile))
            defer { maker.remove() }
            defer { desk.remove() }
            try Self.upload(Self.layout(in: maker), registry, "team/one:1")
            let address = "docker://\(registry.host)/team/one:1"
            let pulled = try desk.run("pull", address)
            #expect(
                pulled.isSuccess && pulled.standardError.contains("Converting OCI blobs to SIF format"), "\(pulled)")
            #expect(desk.files == ["one_1.sif"])
            let run = try desk.run("run", "one_1.sif")
            #expect(run.isSuccess && run.line == "as asked", "\(run)")
            let environment = try desk.run(
                "exec", "one_1.sif", "/bin/sh", "-c", "echo $WORD; cat /etc/more/later; ls /bin/wc 2>/dev/null")
            #expect(environment.standardOutput == "of the image\nlater\n", "\(environment)")
            let labels = try desk.run("inspect", "one_1.sif")
            #expect(labels.standardOutput.contains("maker: tests\n"), "\(labels)")
            let before = registry.log.count
            let again = try desk.run("exec", address, "/inside", "exit", "6")
            #expect(again.end == .exited(6) && again.standardError.contains("Using cached SIF image"), "\(again)")
            let asked = String(registry.log.dropFirst(before))
            #expect(
                asked.contains("\"HEAD /v2/team/one/manifests/1 ") && !asked.contains("\"GET /v2/team/one/"), "\(asked)"
            )
            let definition =
                "Bootstrap: docker\nFrom: team/one:1\nRegistry: \(registry.host)\n%post\n    echo made >/made\n"
            try writeFile(desk.folder + "/one.def", Array(definition.utf8), mode: 0o644)
            let built = try desk.run("build", "built.sif", "one.def") { $0.seconds = 60 }
            #expect(built.isSuccess, "\(built)")
            let made = try desk.run("exec", "built.sif", "/bin/cat", "/made", "/etc/more/later")
            #expect(made.standardOutput == "made\nlater\n", "\(made)")
            let sandbox = try desk.run("pull", "--sandbox", "box", address)
            #expect(sandbox.isSuccess && desk.exists("box/etc/more/later"), "\(sandbox)")
        }

        @Test(.needs(.registry, .umoci, .skopeo)) func damagedBlobOfTheCacheIsReplaced() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            try Self.upload(Self.layout(in: desk), registry, "one")
            let address = "docker://\(registry.host)/one"
            #expect(try desk.run("pull", "a.sif", address).isSuccess)
            let blobs = desk.folder + "/.apptainer/cache/blob/blobs/sha256"
            for name in try FileManager.default.contentsOfDirectory(atPath: blobs) {
                var bytes = try readFile(blobs + "/" + name)
                bytes[bytes.count / 2] ^= 1
                try writeFile(blobs + "/" + name, bytes, mode: 0o600)
            }
            #expect(try desk.run("cache", "clean", "--force", "--type", "oci-tmp").isSuccess)
            let repaired = try desk.run("pull", "b.sif", address)
            #expect(repaired.isSuccess, "\(repaired)")
            #expect(try desk.run("exec", "b.sif", "/bin/cat", "/etc/more/later").line == "later")
        }

        @Test(.needs(.registry, .umoci, .skopeo)) func choosesThePlatform() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            let name = try Self.layout(in: desk)
            try Self.upload(name, registry, "one:amd64")
            let outcome = try desk.run(
                "pull", "--disable-cache", "--arch", "s390x", "docker://\(registry.host)/one:amd64")
            #expect(outcome.end == .exited(255) && outcome.standardError.contains("s390x"), "\(outcome)")
            let sif = try desk.run("pull", "--disable-cache", "c.sif", "docker://\(registry.host)/one:amd64")
            #expect(sif.isSuccess && !desk.exists(".apptainer/cache"), "\(sif)")
            let local = try desk.run("pull", "--disable-cache", "d.sif", "oci:" + name)
            #expect(local.isSuccess, "\(local)")
            let wrong = try desk.run("pull", "oras://\(registry.host)/one:amd64")
            #expect(wrong.end == .exited(255) && wrong.standardError.contains("docker://"), "\(wrong)")
        }

        @Test(.needs(.registry, .umoci, .skopeo)) func pushedLayersAreAnImageForOthers() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            try Self.upload(Self.layout(in: desk), registry, "one:1")
            #expect(try desk.run("pull", "one.sif", "docker://\(registry.host)/one:1").isSuccess)
            let pushed = try desk.run("push", "one.sif", "docker://\(registry.host)/two:1")
            #expect(pushed.isSuccess && pushed.standardError.contains("Upload complete"), "\(pushed)")
            let copied = try Command(
                [
                    "/usr/bin/skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
                    "docker://\(registry.host)/two:1", "oci:\(desk.folder)/back:two",
                ], as: .current
            ).run()
            #expect(copied.isSuccess, "\(copied)")
            let unpacked = try Command(
                [
                    "/usr/bin/umoci", "unpack", "--rootless", "--image", desk.folder + "/back:two",
                    desk.folder + "/bundle",
                ],
                as: .current
            ).run()
            #expect(unpacked.isSuccess, "\(unpacked)")
            let root = desk.folder + "/bundle/rootfs"
            #expect(try readFile(root + "/etc/more/later") == Array("later\n".utf8))
            #expect(throws: Errno.self) { try status(root + "/bin/wc", follow: false) }
            #expect(try readLink(root + "/bin/sh") == "busybox")
            #expect(try readFile(root + "/inside") == readFile(Images.shared.get().directory + "/inside"))
            let config = String(decoding: try readFile(desk.folder + "/bundle/config.json"), as: UTF8.self)
            #expect(config.contains("WORD=of the image") && config.contains("/bin/echo"), "\(config.prefix(600))")
            // And back to us, as a user would.
            let back = try desk.run("pull", "two.sif", "docker://\(registry.host)/two:1")
            #expect(back.isSuccess, "\(back)")
            #expect(try desk.run("run", "two.sif", "x").line == "x")
            // An image of a definition file has no config; its scripts become the entry point.
            let own = try desk.run("push", try Images.shared.get().sif, "docker://\(registry.host)/own")
            #expect(own.isSuccess, "\(own)")
            let inspected = try Command(
                ["/usr/bin/skopeo", "inspect", "--config", "--tls-verify=false", "docker://\(registry.host)/own"],
                as: .current
            ).run()
            #expect(inspected.standardOutput.contains("/.singularity.d/runscript"), "\(inspected)")
        }

        /// An image of a definition file that went through a registry of layers has its own scripts, labels included, and so
        /// has what is built on it; a runscript that was made of the entrypoint would start itself for ever.
        @Test(.needs(.registry), arguments: Profile.allCases) func ownScriptsComeBack(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let (registry, desk) = (try LocalRegistry(), try Desk(profile))
            defer { desk.remove() }
            let definition =
                "Bootstrap: localimage\nFrom: \(try Images.shared.get().directory)\n%environment\n    export WORD=definition\n"
                + "%runscript\n    echo \"$# $1: $WORD $MORE\"\n%labels\n    maker definition\n"
            try writeFile(desk.folder + "/own.def", Array(definition.utf8), mode: 0o644)
            let address = "docker://\(registry.host)/own"
            let derived = "FROM \(registry.host)/own\nENV MORE=derived\n"
            try writeFile(desk.folder + "/Dockerfile", Array(derived.utf8), mode: 0o644)
            for words in [
                ["build", "own.sif", "own.def"], ["push", "own.sif", address], ["pull", "back.sif", address],
                ["push", "back.sif", address + ":2"], ["pull", "twice.sif", address + ":2"],
                ["build", "derived.sif", "Dockerfile"],
            ] {
                let outcome = try desk.run(words)
                #expect(outcome.isSuccess, "\(words) \(outcome)")
            }
            for (name, more) in [("own", ""), ("back", ""), ("twice", ""), ("derived", "derived")] {
                let outcome = try desk.run("run", name + ".sif", "a b")
                #expect(outcome.line == "1 a b: definition \(more)", "\(name) \(outcome)")
                let labels = try desk.run("inspect", "--labels", name + ".sif")
                #expect(labels.standardOutput.contains("maker: definition"), "\(name) \(labels)")
            }
        }

        /// Unfinished files stay where the message says, and only when asked for (Docs/spec/cli.md §5).
        @Test(.needs(.registry, .umoci, .skopeo), arguments: Profile.allCases) func keepsWhatAFailedPullHasMade(
            profile: Profile
        ) throws {
            try need(profile)
            let (registry, maker, desk) = (try LocalRegistry(), try Desk(.current), try Desk(profile))
            defer { maker.remove() }
            defer { desk.remove() }
            try Self.upload(Self.layout(in: maker), registry, "one")
            let address = "docker://\(registry.host)/one"
            #expect(try desk.run("pull", "a.sif", address).isSuccess)
            #expect(try desk.run("cache", "clean", "--force", "--type", "oci-tmp").isSuccess)
            for isKept in [false, true] {
                let words = ["pull"] + (isKept ? ["--no-cleanup"] : []) + ["b.sif", address]
                let outcome = try skiffCommand(words, as: profile) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.environment["APPTAINER_TMPDIR"] = desk.folder
                    $0.directory = desk.folder
                    // No file may become larger than 64 KiB, which the image would have to.
                    $0.words = ["/bin/bash", "-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash"] + $0.words
                }.run()
                #expect(outcome.end == .exited(255) && outcome.standardError.contains("FATAL:"), "\(outcome)")
                let kept = outcome.standardError.components(separatedBy: "Temporary files of the pull are kept in ")
                let images = try FileManager.default.contentsOfDirectory(
                    atPath: desk.folder + "/.apptainer/cache/oci-tmp")
                #expect(images == [])
                if isKept {
                    let folder = try #require(kept.last?.split(separator: "\n").first.map(String.init), "\(outcome)")
                    #expect(folder.hasPrefix(desk.folder + "/.skiff-pull-"), "\(outcome)")
                    #expect(try status(folder + "/image").size > 0)
                    try FileManager.default.removeItem(atPath: folder)
                } else {
                    #expect(kept.count == 1, "\(outcome)")
                }
                #expect(desk.files == ["a.sif"])
            }
            let whole = try desk.run("pull", "--no-cleanup", "b.sif", address)
            #expect(whole.isSuccess && !whole.standardError.contains("are kept"), "\(whole)")
            #expect(desk.files == ["a.sif", "b.sif"])
        }

        /// Images of skiff under podman: one made from layers, and one from a definition file.
        @Test(.needs(.root, .podman, .registry, .umoci, .skopeo)) func podmanRunsWhatWasPushed() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.root))
            defer { desk.remove() }
            try Self.upload(Self.layout(in: desk), registry, "one")
            #expect(try desk.run("pull", "one.sif", "docker://\(registry.host)/one").isSuccess)
            let root = try Images.shared.get().directory
            let definition =
                "Bootstrap: localimage\nFrom: \(root)\n%environment\n    export WORD='of the definition'\n"
                + "%runscript\n    echo \"$# $1: $WORD\"\n    exit 5\n%labels\n    maker definition\n"
            try writeFile(desk.folder + "/own.def", Array(definition.utf8), mode: 0o644)
            #expect(try desk.run("build", "own.sif", "own.def").isSuccess)
            for name in ["one", "own"] {
                let pushed = try desk.run("push", name + ".sif", "docker://\(registry.host)/team/\(name):2")
                #expect(pushed.isSuccess, "\(pushed)")
            }

            func podman(_ words: [String]) throws -> Outcome {
                // Its locks stay out of the host's /dev/shm; crun knows only one hierarchy of control groups.
                let script =
                    "mount -t tmpfs none /run && mount -t tmpfs none /dev/shm || exit 1; "
                    + "umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --root \(desk.folder)/podman "
                    + "--runroot /run/p --storage-driver vfs --cgroup-manager cgroupfs --events-backend none \"$@\""
                var command = Command(
                    ["/usr/bin/unshare", "--mount", "--propagation=private", "/bin/sh", "-c", script, "sh"] + words,
                    as: .root)
                command.environment["HOME"] = desk.folder
                command.seconds = 60
                return try command.run()
            }
            func run(_ flags: [String], _ name: String, _ words: String...) throws -> Outcome {
                // Limits that root may set without any capability.
                let usual = [
                    "--rm", "--quiet", "--tls-verify=false", "--runtime=crun", "--cgroups=disabled", "--network=none",
                    "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024",
                ]
                var all = ["run"]
                all += usual + flags + ["\(registry.host)/team/\(name):2"] + words
                return try podman(all)
            }

            let one = try run([], "one")
            #expect(one.isSuccess && one.line == "as asked", "\(one)")
            #expect(try run([], "one", "other words").line == "other words")
            let look = try run(["--entrypoint=/bin/sh"], "one", "-c", "echo $WORD; cat /etc/more/later; ls /bin/wc")
            #expect(look.standardOutput == "of the image\nlater\n", "\(look)")
            let own = try run([], "own", "a b", "c")
            #expect(own.end == .exited(5) && own.line == "2 a b: of the definition", "\(own)")
            for (name, maker) in [("one", "tests"), ("own", "definition")] {
                let format = "{{ index .Config.Labels \"maker\" }} {{ len .RootFS.Layers }}"
                let told = try podman(
                    ["image", "inspect", "--format", format, "\(registry.host)/team/\(name):2"])
                #expect(told.line == "\(maker) 1", "\(told)")
            }
        }
    }
}
