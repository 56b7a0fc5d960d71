import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Verbs of `skiff overlay` for overlays that exist.
    @Suite(.needs(.mke2fs)) struct OverlayUpkeep {
        @Test(.cleanHost, arguments: Profile.allCases) func resizesSavesAndRollsBack(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            #expect(try place.overlay("create", "-S", "x.sif").isSuccess)
            #expect(try place.overlay("create", "-S", "--create-dir", "kept", "o.img").isSuccess)
            #expect(try place.overlay("snapshot", "o.img", "old.img").isSuccess)
            let there = try place.overlay("snapshot", "o.img", "old.img")
            #expect(there.end == .exited(255) && there.standardError.contains("file exists"), "\(there)")
            for file in ["x.sif", "o.img"] {
                for size in ["128", "96M"] {
                    let resized = try place.overlay("resize", "-S", "--size", size, file)
                    #expect(resized.isSuccess && resized.standardError.isEmpty, "\(resized)")
                }
            }
            var partition = try #require(try place.partition())
            #expect(try partition.size == 96 << 20 && place.isClean(place.sif, offset: partition.offset))
            #expect(try status(place.image).size == 96 << 20 && place.isClean(place.image))
            #expect(try status(place.image).mode & 0o7777 == 0o600)
            #expect(try place.list("/upper", in: place.image).contains("/kept//"))
            let back = try place.overlay("rollback", "x.sif", "old.img")
            #expect(back.isSuccess, "\(back)")
            partition = try #require(try place.partition())
            #expect(partition.size == 64 << 20)
            #expect(try place.list("/upper", in: place.sif, offset: partition.offset).contains("/kept//"))
            // What is in use stays as it is.
            let before = try status(place.image)
            let holder = try open(place.image, O_RDWR)
            #expect(try tryLock(holder.raw, offset: 0, size: 96 << 20, exclusive: true))
            for words in [["resize", "--size", "64"], ["repair"], ["check"]] {
                let busy = try place.command(words + ["o.img"]).run()
                #expect(busy.standardError.contains("currently in use by another process"), "\(busy)")
            }
            #expect(try status(place.image).inode == before.inode)
        }

        @Test(.cleanHost, arguments: Profile.allCases) func findsAndMendsErrors(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            #expect(try place.overlay("create", "-S", "x.sif").isSuccess)
            let partition = try #require(try place.partition())
            // What lies behind the overlay must not be touched by a repair.
            try writeFile(place.folder + "/small", Array("behind".utf8), mode: 0o644)
            #expect(
                try skiff("sif", "add", "--datatype", "7", place.sif, place.folder + "/small", as: profile).isSuccess)
            let damaged = try Command(
                [
                    "/sbin/debugfs", "-w", "-R", "sif /upper block[0] 99999999",
                    "\(place.sif)?offset=\(partition.offset)",
                ],
                as: .current
            ).run()
            #expect(damaged.isSuccess, "\(damaged)")
            let checked = try place.overlay("check", "x.sif")
            #expect(
                checked.end == .exited(255)
                    && checked.standardError.contains("Repair it with: skiff overlay repair x.sif"),
                "\(checked)")
            let resized = try place.overlay("resize", "--size", "128", "x.sif")
            #expect(resized.end == .exited(255) && resized.standardError.contains("skiff overlay repair"), "\(resized)")
            let repaired = try place.overlay("repair", "x.sif")
            #expect(repaired.isSuccess && repaired.standardError.contains("was repaired"), "\(repaired)")
            #expect(try place.isClean(place.sif, offset: partition.offset))
            let last = try skiff("sif", "dump", String(partition.id + 1), place.sif, as: profile)
            #expect(last.standardOutput == "behind")
        }

        /// Killed while the new file system is made, or while it is copied into its place.
        @Test(.cleanHost, arguments: Profile.allCases, ["e2fsck", "resize2fs"])
        func aKilledChangeLeavesTheOverlay(profile: Profile, program: String) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            for file in ["x.sif", "o.img"] {
                #expect(try place.overlay("create", "-S", "--create-dir", "kept", file).isSuccess)
                let before = try readFile(place.folder + "/" + file, limit: 1 << 28)
                let programs = place.folder + "/programs"
                try makeDirectories(programs)
                for name in ["e2fsck", "resize2fs"] {
                    let stops = name == program ? "touch \(place.folder)/ready; exec sleep 30\n" : "exit 0\n"
                    try writeFile(programs + "/" + name, Array("#!/bin/sh\n\(stops)".utf8), mode: 0o755)
                }
                try writeFile(place.folder + "/skiff.conf", Array("binary path = \(programs)\n".utf8), mode: 0o644)
                var command = try place.command(["resize", "-S", "--size", "128", file])
                command.words.insert(contentsOf: ["--config", place.folder + "/skiff.conf"], at: 1)
                let running = try command.start()
                let deadline = Date(timeIntervalSinceNow: 15)
                while !isAccessible(place.folder + "/ready", []), Date() < deadline { usleep(5_000) }
                for entry in ProcessTable.current() where entry.session == running.pid { kill(entry.pid, SIGKILL) }
                _ = try running.wait(seconds: 10)
                try? unlink(place.folder + "/ready")
                #expect(try readFile(place.folder + "/" + file, limit: 1 << 28) == before)
                #expect(try place.overlay("resize", "-S", "--size", "128", file).isSuccess)
            }
            #expect(try place.list("/upper", in: place.image).contains("/kept//"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.folder).allSatisfy { !$0.hasPrefix(".") })
        }
    }
}
