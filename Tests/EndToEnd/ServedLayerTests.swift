import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Layers that plugins serve, by the tables that any plugin has: one plugin adds the layer, another serves it.
    @Suite struct ServedLayers {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("layers")
            try installation.add(
                "org.test.layer", from: "filesystem.c",
                manifest: """
                    phases = mounts
                    [flag]
                    name = image
                    type = path
                    help = a writable image
                    handler = image
                    signature = i:cp
                    [flag]
                    name = image-ro
                    type = path
                    help = a read-only image
                    handler = image-ro
                    signature = i:cp
                    [flag]
                    name = image-type
                    type = string
                    help = what is in it
                    handler = image-type
                    signature = i:cs
                    """, ["-DLAYER"])
            try installation.add(
                "org.test.server", from: "filesystem.c",
                manifest: "extensions = skiff.filesystem/2\ndraft-ok = yes",
                ["-DLIBEXEC=\"\(installation.folder)/libexec/skiff\""])
            return installation
        }

        private let place: (Profile) throws -> ImageOverlay = { try ImageOverlay($0) }

        private func run(_ place: ImageOverlay, _ flags: [String], _ script: String) throws -> Outcome {
            let program = try Self.installation.get().program
            let image = try ImageOverlay.sif()
            return try skiffCommand(
                ["exec", "--no-home"] + flags + [image, "sh", "-c", script], as: place.profile
            ) { $0.words[0] = program }.run()
        }

        private func log(_ place: ImageOverlay) -> [String] {
            let bytes = (try? readFile(place.image + ".log")) ?? []
            return String(bytes: bytes).split(separator: "\n").map(String.init)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func servesALayerOfAnotherPlugin(profile: Profile) throws {
            let place = try place(profile)
            let wrote = try run(place, ["--image", place.image], "echo kept >/etc/new && cat /etc/new")
            #expect(wrote.isSuccess && wrote.line == "kept", "\(wrote)")
            #expect(log(place) == ["plan rw server 0 0", "recover rw server 0 0", "serve rw server 1 1"])
            try place.expectSound()
            let read = try run(place, ["--image-ro", place.image], "cat /etc/new; echo no >/etc/new")
            #expect(read.line == "kept" && read.end == .exited(1), "\(read)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func explainOnlyAsks(profile: Profile) throws {
            let place = try place(profile)
            let shown = try run(place, ["--image", place.image, "--explain"], "true")
            let line =
                "store in \(place.image) at byte 0, 67108864 bytes, writable, by the store server of org.test.server"
            #expect(shown.isSuccess && shown.standardOutput.contains(line), "\(shown)")
            #expect(shown.standardOutput.contains("org.test.server 1.0: because of a layer with store"), "\(shown)")
            #expect(log(place) == ["plan rw server 0 0"])
        }

        @Test(.cleanHost, arguments: Profile.allCases) func failuresHaveReasons(profile: Profile) throws {
            let place = try place(profile)
            for (how, reason) in [
                ("plan", "plugin org.test.server: filesystem plan: cannot read the store: "),
                ("option", "filesystem plan: cannot mount with suid: not an option of its own"),
                ("lower", "overlayfs cannot write to what the store server serves"),
                ("recover", "filesystem recover: cannot repair the store"),
                ("serve", "filesystem serve: cannot serve the store"),
                ("nothing", "filesystem serve: it has started no server for \(place.image)"),
                ("dies", "cannot start /bin/sh: it ended at once"),
                ("two", "cannot start /bin/sh: one process serves a layer"),
                (
                    "status",
                    "cannot be sure that everything was written to \(place.image): its server ended with status 3"
                ),
            ] {
                try writeFile(place.image + ".fail", Array(how.utf8), mode: 0o644)
                let outcome = try run(place, ["--image", place.image], "true")
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(how): \(outcome)")
            }
            try place.expectSound()
        }

        @Test(.cleanHost, arguments: Profile.allCases) func nobodyServes(profile: Profile) throws {
            let place = try place(profile)
            let outcome = try run(place, ["--image-ro", place.image, "--image-type", "zfs"], "true")
            let reason = "cannot use \(place.image) as a layer: nobody here serves the file system zfs"
            #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
        }
    }
}
