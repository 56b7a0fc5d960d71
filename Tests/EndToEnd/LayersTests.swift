import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Images of layers that are on this host: Docs/spec/sif-use.md §1 and §6, Docs/spec/deffile.md §9.
    @Suite struct Layers {
        /// The corpus image in all forms, below a directory that everybody may read.
        static let image = Result { () throws -> String in
            let target = try Images.shared.get().folder + "/layers"
            let config =
                #"{"Env":["PATH=/bin","WORD=from $image"],"Entrypoint":["/bin/echo","e"],"Cmd":["c d","$HOME"],"Labels":{"who":"me"}}"#
            let script = Stage.repository + "/Tests/Corpus/Layers/make-image"
            let made = try Command([script, Images.shared.get().directory, target, config], as: .current).run()
            guard made.isSuccess else { throw HarnessError("cannot make an image: \(made)") }
            return target
        }

        /// Only root sees the real owners in an image; to a user, all its files belong to the caller.
        private static func reader(_ profile: Profile) -> Profile { effectiveUID() == 0 ? .root : profile }
        private static func owner(_ profile: Profile) -> String {
            effectiveUID() == 0 ? "1234 5678" : "\(effectiveUID()) \(effectiveGID())"
        }

        private func build(_ spec: String, _ profile: Profile, _ flags: String...) throws -> (String, Outcome) {
            let target = try WorkDirectory.make(for: profile) + "/out"
            return (target, try skiffCommand(["build"] + flags + [target, spec], as: profile).run())
        }

        private static let forms = [
            "oci:@", "oci:@:tag", "oci-archive:@.oci.tar", "oci-archive:@.oci.tar.gz:tag",
            "docker-archive:@.docker.tar",
            "docker-archive:@.docker.tar:example:1.0",
        ]

        @Test(.needs(.python), arguments: forms, Profile.allCases) func everyFormBecomesTheSameImage(
            form: String, profile: Profile
        )
            throws
        {
            try need(profile)
            let (target, outcome) = try build(form.replacingOccurrences(of: "@", with: Self.image.get()), profile)
            #expect(outcome.isSuccess, "\(outcome)")
            let look =
                "cat /etc/replaced; stat -c '%u %g %a %h' /etc/owned; ls /etc/hidden 2>/dev/null || echo gone; echo $WORD"
            let inside = try skiff("exec", target, "/bin/sh", "-c", look, as: Self.reader(profile))
            #expect(inside.line == "new\n\(Self.owner(profile)) 640 2\ngone\nfrom $image", "\(inside)")
            let labels = try skiff("inspect", target, as: profile)
            #expect(labels.standardOutput.contains("who: me"), "\(labels)")
        }

        @Test(.needs(.python), arguments: Profile.allCases) func runFollowsEntrypointAndCommand(profile: Profile) throws
        {
            try need(profile)
            let (target, outcome) = try build("oci:" + Self.image.get(), profile)
            #expect(outcome.isSuccess, "\(outcome)")
            func run(_ words: String...) throws -> String {
                try skiffCommand(["run"] + words, as: profile) { $0.environment["HOME"] = "/tmp" }.run().line
            }
            #expect(try run(target) == "e c d $HOME")
            #expect(try run(target, "x  y", "$WORD") == "e x  y from $image")
            #expect(try run("--no-eval", target) == "e c d $HOME")
            #expect(try run("--no-eval", target, "x  y", "$WORD") == "e x  y $WORD")
        }

        @Test(.needs(.python), arguments: Profile.allCases) func aDefinitionGoesOnFromLayers(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let text = """
                Bootstrap: docker-archive
                From: \(try Self.image.get()).docker.tar
                %post
                    cat /etc/replaced >/etc/copied
                %labels
                    more yes
                """
            try writeFile(folder + "/x.def", Array(text.utf8), mode: 0o644)
            let (target, outcome) = try build(folder + "/x.def", profile)
            #expect(outcome.isSuccess, "\(outcome)")
            let inside = try skiff(
                "exec", target, "/bin/sh", "-c", "cat /etc/copied; stat -c '%u %g' /etc/owned", as: Self.reader(profile)
            )
            #expect(inside.line == "new\n\(Self.owner(profile))", "\(inside)")
            let labels = try skiff("inspect", target, as: profile)
            #expect(
                labels.standardOutput.contains("who: me") && labels.standardOutput.contains("more: yes"), "\(labels)")
        }

        @Test(.needs(.python), arguments: Profile.allCases) func aSandboxIsUnpacked(profile: Profile) throws {
            try need(profile)
            let (target, outcome) = try build("oci:" + Self.image.get(), profile, "--sandbox")
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try readFile(target + "/etc/replaced") == Array("new\n".utf8))
            #expect((try? status(target + "/etc/hidden")) == nil)
            let owned = try status(target + "/etc/owned")
            #expect(owned.links == 2 && owned.permissions == 0o640)
            if profile == .root { #expect(owned.uid == 1234 && owned.gid == 5678) }
        }

        @Test(.needs(.python), arguments: Profile.allCases) func badImagesLeaveNothing(profile: Profile) throws {
            try need(profile)
            let image = try Self.image.get()
            let cases = [
                ("oci:\(image).bad", "layer 1 of oci:"),
                ("oci:\(image):other", "it has no image named other. It has tag"),
                ("oci:/nowhere", "cannot read /nowhere: no such file"),
                ("docker-archive:\(image).docker.tar:other:2", "It has example:1.0"),
                ("oci-archive:/etc/passwd", "cannot read /etc/passwd"),
            ]
            for (spec, text) in cases {
                let (target, outcome) = try build(spec, profile)
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(text), "\(outcome)")
                let folder = (target as NSString).deletingLastPathComponent
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            }
        }

        @Test(.needs(.python), arguments: Profile.allCases) func equalLayersGiveEqualBytes(profile: Profile) throws {
            try need(profile)
            let (one, first) = try build("oci:" + Self.image.get(), profile, "--reproducible")
            let (other, second) = try build("oci:" + Self.image.get(), profile, "--reproducible")
            #expect(first.isSuccess && second.isSuccess, "\(first) \(second)")
            #expect(try readFile(one) == readFile(other))
        }

        @Test(.needs(.python), arguments: Profile.allCases) func dockersDaemonIsAskedOverItsSocket(profile: Profile)
            throws
        {
            try need(profile)
            let socket = try WorkDirectory.make(for: profile) + "/s"
            let script = Stage.repository + "/Tests/Corpus/Layers/fake-daemon"
            let daemon = try Command([script, socket, Self.image.get() + ".docker.tar"], as: .current).start()
            defer {
                try? daemon.signal(SIGKILL)
                _ = try? daemon.wait(seconds: 5)
            }
            #expect(daemon.waitForOutput("ready"))
            func build(_ name: String) throws -> (String, Outcome) {
                let target = try WorkDirectory.make(for: profile) + "/out"
                let command = try skiffCommand(["build", target, "docker-daemon:" + name], as: profile) {
                    $0.environment["DOCKER_HOST"] = "unix://" + socket
                }
                return (target, try command.run())
            }
            let (target, outcome) = try build("example:1.0")
            #expect(outcome.isSuccess, "\(outcome)")
            let inside = try skiff("exec", target, "cat", "/etc/replaced", as: profile)
            #expect(inside.line == "new", "\(inside)")
            let flagged = try WorkDirectory.make(for: profile) + "/out"
            let named = try skiffCommand(
                ["build", "--docker-host", "unix://" + socket, flagged, "docker-daemon:example:1.0"], as: profile
            ) { $0.environment["DOCKER_HOST"] = "unix:///nowhere" }.run()
            #expect(named.isSuccess, "\(named)")
            let pulled = try skiff(
                "pull", "--docker-host", "unix://" + socket, flagged + ".sif", "docker-daemon:example:1.0",
                as: profile)
            #expect(pulled.isSuccess, "\(pulled)")
            let (_, missing) = try build("other:1")
            #expect(missing.standardError.contains("Docker has no such image"), "\(missing)")
            let (_, wrong) = try build("../../v1/x")
            #expect(wrong.standardError.contains("it names no image"), "\(wrong)")
        }

        /// Makes of the image one for each of two processors: TARGET with an index that names an index, TARGET.flat
        /// with both in its index.json, TARGET.tar.
        private static let indexMaker = """
            import hashlib, json, os, shutil, sys, tarfile
            source, target = sys.argv[1:3]
            shutil.copytree(source, target)
            def path(digest): return os.path.join(target, "blobs/sha256", digest[7:])
            def add(value, kind):
                data = json.dumps(value).encode()
                digest = "sha256:" + hashlib.sha256(data).hexdigest()
                open(path(digest), "wb").write(data)
                return {"mediaType": "application/vnd.oci.image." + kind, "digest": digest, "size": len(data)}
            def write(folder, entries):
                text = json.dumps({"schemaVersion": 2, "manifests": entries})
                open(os.path.join(folder, "index.json"), "w").write(text)
            first = json.load(open(os.path.join(target, "index.json")))["manifests"][0]
            manifest = json.load(open(path(first["digest"])))
            config = json.load(open(path(manifest["config"]["digest"])))
            entries = []
            for name in "amd64", "arm64":
                config["architecture"], config["config"]["Env"] = name, ["PATH=/bin", "FOR=" + name]
                manifest["config"] = add(config, "config.v1+json")
                platform = {"os": "linux", "architecture": name}
                entries.append(dict(add(manifest, "manifest.v1+json"), platform=platform))
            write(target, [add({"schemaVersion": 2, "manifests": entries}, "index.v1+json")])
            shutil.copytree(target, target + ".flat")
            write(target + ".flat", entries)
            with tarfile.open(target + ".tar", "w") as tar: tar.add(target, ".")
            """

        /// One after the other: what was kept of the first must not be taken for the second.
        @Test(.needs(.python), arguments: ["oci:@", "oci:@.flat", "oci-archive:@.tar"], Profile.allCases)
        func processorsOfAnIndexStayApart(form: String, profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let folder = try WorkDirectory.make(for: profile)
            let made = try Command(
                ["/usr/bin/python3", "-c", Self.indexMaker, Self.image.get(), folder + "/image"], as: profile
            ).run()
            #expect(made.isSuccess, "\(made)")
            let address = form.replacingOccurrences(of: "@", with: folder + "/image")
            func run(_ words: String...) throws -> Outcome {
                try skiffCommand(words, as: profile) {
                    $0.environment["HOME"] = folder
                    $0.environment["APPTAINER_CACHEDIR"] = folder
                    $0.directory = folder
                }.run()
            }
            let own = try Command(["/bin/uname", "-m"], as: profile).run().line == "x86_64" ? "amd64" : "arm64"
            for line in ["Converting OCI blobs to SIF format", "Using cached SIF image"] {
                for name in ["amd64", "arm64"] {
                    let pulled = try run("pull", "--force", "--arch", name, "\(name).sif", address)
                    #expect(pulled.isSuccess && pulled.standardError.contains(line), "\(pulled)")
                    // The programs are this machine's in both.
                    #expect(try run("exec", "\(name).sif", "/bin/sh", "-c", "echo $FOR").line == name)
                }
                let executed = try run("exec", address, "/bin/sh", "-c", "echo $FOR")
                #expect(executed.isSuccess && executed.line == own, "\(executed)")
                #expect(executed.standardError.contains("Using cached SIF image"), "\(executed)")
            }
            let entries = try FileManager.default.contentsOfDirectory(atPath: folder + "/cache/oci-tmp")
            #expect(entries.count == 2, "\(entries)")
        }
    }
}
