import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff overlay seal`: squashfs in the place of what was written to ext3.
    @Suite(.needs(.mke2fs, .fuse, .overlay)) struct OverlaySeals {
        /// Removes, replaces and makes files in the overlay of an image.
        private static let changes = """
            rm /etc/hosts; echo new >/etc/new; ln /etc/new /etc/hard; ln -s new /etc/soft; rm -r /var/tmp; mkdir -p /var/tmp/own
            seq 20000 >/etc/long; touch -d @5 /etc/localtime; chmod 4711 /etc/localtime
            """
        private static let look =
            "ls /etc/hosts 2>&1; cat /etc/soft; ls -A /var/tmp; stat -c '%h %a' /etc/hard /etc/localtime; stat -c %Y /etc/localtime; "
            + "wc -c </etc/long"
        private static let seen =
            "ls: /etc/hosts: No such file or directory\nnew\nown\n2 644\n1 4711\n5\n108894\n"

        private func run(_ place: OverlayPlace, _ flags: [String], _ script: String, as profile: Profile? = nil) throws
            -> Outcome
        {
            try skiffCommand(
                ["exec", "--no-home", "--no-mount", "bind-paths,tmp"] + flags + [
                    "sh", "-c", ImageOverlay.commands + script,
                ],
                as: profile ?? place.profile
            ).run()
        }

        @Test(.cleanHost, arguments: Profile.allCases) func sealsTheOverlayOfAnImage(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            #expect(try place.overlay("create", "--sparse", "x.sif").isSuccess)
            let old = try #require(try place.partition())
            #expect(try run(place, ["--writable", place.sif], Self.changes).isSuccess)
            let sealed = try place.overlay("seal", "x.sif")
            #expect(sealed.isSuccess && sealed.standardError.contains("The overlay of x.sif is sealed: 64 MiB of ext3"))
            #expect(try place.overlay("list", "x.sif").standardOutput.contains("squashfs"))
            let new = try #require(try place.partition())
            #expect(new.id == old.id && new.size < 1 << 20)
            for user in Profile.allCases where (try? need(user)) != nil {
                try chmod(place.folder, 0o755)
                let read = try run(place, [place.sif], Self.look, as: user)
                #expect(read.standardOutput == Self.seen, "\(user): \(read)")
            }
            let again = try place.overlay("seal", "x.sif")
            #expect(again.standardError.contains("cannot seal the overlay of x.sif: it has no writable overlay"))
            let writing = try run(place, ["--writable", place.sif], "true")
            #expect(writing.standardError.contains("no SIF writable overlay partition found"), "\(writing)")
            // There is room for the next one, above it.
            #expect(try place.overlay("create", "--sparse", "x.sif").isSuccess)
            #expect(try run(place, ["--writable", place.sif], "echo again >/etc/hosts").isSuccess)
            #expect(try run(place, [place.sif], "cat /etc/hosts /etc/soft").standardOutput == "again\nnew\n")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func sealsAFile(profile: Profile) throws {
            try need(profile)
            try need(profile.mounting)
            let place = try OverlayPlace(profile)
            let image = try Images.shared.get().sif
            #expect(try place.overlay("create", "--sparse", "o.img").isSuccess)
            #expect(try run(place, ["--overlay", place.image, image], Self.changes).isSuccess)
            #expect(try place.overlay("seal", "o.img").isSuccess)
            #expect(try status(place.image).mode & 0o7777 == 0o600 && status(place.image).size < 1 << 20)
            let list = try place.overlay("list", "o.img")
            #expect(list.standardOutput.split(separator: "\n").last?.hasPrefix("-   squashfs") == true, "\(list)")
            let read = try run(place, ["--overlay", place.image + ":ro", image], Self.look)
            #expect(read.standardOutput == Self.seen, "\(read)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func aKilledSealLeavesTheOverlay(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            #expect(try place.overlay("create", "-S", "--create-dir", "kept", "x.sif").isSuccess)
            let before = try readFile(place.sif, limit: 1 << 28)
            let programs = place.folder + "/programs"
            try makeDirectories(programs)
            let stops = "#!/bin/sh\ntouch \(place.folder)/ready; exec sleep 30\n"
            try writeFile(programs + "/e2fsck", Array(stops.utf8), mode: 0o755)
            try writeFile(place.folder + "/skiff.conf", Array("binary path = \(programs)\n".utf8), mode: 0o644)
            var command = try place.command(["seal", "x.sif"])
            command.words.insert(contentsOf: ["--config", place.folder + "/skiff.conf"], at: 1)
            let running = try command.start()
            let deadline = Date(timeIntervalSinceNow: 15)
            while !isAccessible(place.folder + "/ready", []), Date() < deadline { usleep(5_000) }
            for entry in ProcessTable.current() where entry.session == running.pid { kill(entry.pid, SIGKILL) }
            _ = try running.wait(seconds: 10)
            #expect(try readFile(place.sif, limit: 1 << 28) == before)
            // At any moment: either the old overlay is there, or the new one.
            for delay in stride(from: 10_000, to: 200_000, by: 30_000) {
                let running = try place.command(["seal", "x.sif"]).start()
                usleep(useconds_t(delay))
                for entry in ProcessTable.current() where entry.session == running.pid { kill(entry.pid, SIGKILL) }
                _ = try running.wait(seconds: 10)
                let list = try place.overlay("list", "x.sif")
                #expect(list.isSuccess && list.standardOutput.split(separator: "\n").count == 2, "\(list)")
                // What packed it ends by itself, and has the lock until then.
                var read = try run(place, [place.sif], "ls -d /kept")
                for _ in 0..<200 where !read.isSuccess {
                    usleep(20_000)
                    read = try run(place, [place.sif], "ls -d /kept")
                }
                #expect(read.line == "/kept", "\(list) \(read)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.folder).allSatisfy { !$0.hasPrefix(".") })
        }
    }
}
