import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `skiff overlay`: overlays in files of their own and in SIF images (Docs/spec/cli.md §9).
    @Suite(.needs(.mke2fs)) struct OverlayCommands {
        @Test(.cleanHost, arguments: Profile.allCases) func makesAFile(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            let made = try place.overlay("create", "--create-dir", "/data/x,\"odd \"\" name\"", "o.img")
            #expect(made.isSuccess && made.standardError.isEmpty, "\(made)")
            let found = try status(place.image)
            #expect(found.size == 64 << 20 && found.mode & 0o7777 == 0o600 && found.allocated >= 64 << 20)
            let owner = profile.record.map { "\($0.uid)/\($0.gid)" } ?? ""
            let root = try place.list("/", in: place.image)
            for name in ["upper", "work"] { #expect(root.contains("/040755/\(owner)/\(name)//"), "\(root)") }
            #expect(try place.list("/upper", in: place.image).contains("/040755/\(owner)/odd \" name//"))
            #expect(try place.list("/upper/data", in: place.image).contains("/040755/\(owner)/x//"))
            #expect(try place.isClean(place.image))
            let again = try place.overlay("create", "o.img")
            #expect(
                again.end == .exited(255) && again.standardError.contains("EXT3 overlay image o.img already exists"))
            let sparse = try place.overlay("create", "-S", "-f", "--size", "1G", "s.img")
            #expect(sparse.isSuccess, "\(sparse)")
            let sparsely = try status(place.folder + "/s.img")
            #expect(sparsely.size == 1 << 30 && sparsely.allocated < 64 << 20)
            #expect(try place.list("/", in: place.folder + "/s.img").contains("/040755/0/0/upper//"))
        }

        @Test(.cleanHost, arguments: Profile.allCases) func addsToAnImage(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            let before = try readFile(place.sif)
            let made = try place.overlay("create", "--sparse", "x.sif")
            #expect(made.isSuccess && made.standardError.isEmpty, "\(made)")
            let list = try skiff("sif", "list", place.sif, as: profile).standardOutput
            #expect(list.contains("FS (Ext3/Overlay/"), "\(list)")
            let partition = try #require(try place.partition())
            #expect(partition.offset % 4096 == 0 && partition.size == 64 << 20)
            #expect(try place.isClean(place.sif, offset: partition.offset))
            // The image's own objects are where they were.
            #expect(try readFile(place.sif, limit: 1 << 30)[32176..<before.count] == before[32176...])
            let again = try place.overlay("create", "x.sif")
            #expect(
                again.end == .exited(255)
                    && again.standardError.contains(
                        "a writable overlay partition already exists in x.sif (ID: \(partition.id)), delete it first with "
                            + "\"skiff sif del \(partition.id) x.sif\""),
                "\(again)")
            #expect(try place.overlay("check", "x.sif").isSuccess)
            let run = try skiff("exec", place.sif, "true", as: profile)
            #expect(run.isSuccess, "\(run)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func refusesWhatCannotBe(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            func refuses(_ words: String..., reason: String) throws {
                let outcome = try place.command(words).run()
                #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
            }
            let vectors = Stage.repository + "/Tests/Vectors/sif/"
            for (file, reason) in [
                ("one-group-signed-dsse.sif", "SIF image c.sif is signed: could not add writable overlay"),
                ("one-object-oci-blob.sif", "while getting root FS partition: no root filesystem found"),
            ] where isAccessible(vectors + file, []) {
                let copied = try Command(["/bin/cp", vectors + file, place.folder + "/c.sif"], as: profile).run()
                try #require(copied.isSuccess, "\(copied)")
                let before = try readFile(place.folder + "/c.sif")
                try refuses("create", "c.sif", reason: reason)
                #expect(try readFile(place.folder + "/c.sif") == before)
            }
            try shell(
                "cd \"$0\" && mkfifo fifo && mkdir dir && ln -s nowhere link && echo text >text && chmod 666 text fifo",
                [place.folder])
            try refuses("create", "fifo", reason: "it is not a regular file")
            try refuses("create", "/dev/null", reason: "it is not a regular file")
            try refuses("create", "dir", reason: "destination image must be SIF image")
            try refuses("create", "link", reason: "it is a link that leads nowhere")
            try refuses("create", "text", reason: "while opening image file text: image format not recognized")
            try refuses("create", "no/such", reason: "no such file or directory")
            for size in ["0", "10", "-5", "63M"] {
                try refuses("create", "--size", size, "x", reason: "image size must be equal or greater than 64 MiB")
            }
            try refuses("create", "--size", "99999G", "x", reason: "16 TiB is the most")
            try refuses("create", "--size", "15T", "x", reason: "With --sparse it takes only the room it needs")
            try refuses("create", "--create-dir", "a/../../b", "x", reason: "created outside of overlay layout")
            try refuses("check", "text", reason: "it is no ext3 file system")
            try refuses("resize", "text", reason: "--size is missing")
            try refuses("sync", "text", reason: "only an OCI-SIF")
            let usage = try place.overlay("create")
            #expect(usage.end == .exited(1) && usage.standardError.contains("accepts 1 arg(s), received 0"))
            // Nothing of all that is left.
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: place.folder).filter { $0.hasPrefix(".") } == [])
            #expect(!isAccessible(place.folder + "/x", []) && !isAccessible(place.folder + "/nowhere", []))
        }

        /// As Apptainer: none for LUKS; beside gocryptfs it may be, and is not encrypted.
        @Test(.cleanHost, arguments: Profile.allCases) func besideWhatIsEncrypted(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            let images = try EncryptedImages.shared.get()
            for (image, takesOne) in [(images.luks, false), (images.gocryptfs, true)] {
                try shell("cp \"$0\" \"$1\" && chmod 666 \"$1\"", [image, place.sif])
                let before = try readFile(place.sif)
                let made = try place.overlay("create", "--sparse", "x.sif")
                #expect(made.isSuccess == takesOne, "\(made)")
                if takesOne {
                    #expect(try place.overlay("seal", "x.sif").isSuccess)
                    #expect(try place.overlay("list", "x.sif").standardOutput.contains("squashfs"))
                } else {
                    #expect(
                        made.standardError.contains("encrypted root FS partition in x.sif: could not add"), "\(made)")
                    #expect(try place.overlay("seal", "x.sif").end == .exited(255))
                    #expect(try readFile(place.sif) == before)
                }
            }
        }

        /// Programs of the test's own in place of e2fsprogs.
        private func configuration(_ place: OverlayPlace, _ programs: [String: String]) throws -> [String] {
            let folder = place.folder + "/programs"
            try makeDirectory(folder)
            for (name, text) in programs { try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o755) }
            try writeFile(place.folder + "/skiff.conf", Array("binary path = \(folder)\n".utf8), mode: 0o644)
            return ["--config", place.folder + "/skiff.conf"]
        }

        @Test(.cleanHost, arguments: Profile.allCases) func aKilledCreationLeavesWhatWas(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            let before = try readFile(place.sif)
            let slow =
                "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x | dd of=/proc/self/fd/3 bs=4096 oflag=append conv=notrunc\n"
            let config = try configuration(place, ["mke2fs": slow + "touch \(place.folder)/ready; exec sleep 30\n"])
            for target in ["x.sif", "new.img"] {
                var command = try place.command(["create", "-S", target])
                command.words.insert(contentsOf: config, at: 1)
                let running = try command.start()
                let deadline = Date(timeIntervalSinceNow: 15)
                while !isAccessible(place.folder + "/ready", []), Date() < deadline { usleep(5_000) }
                for entry in ProcessTable.current() where entry.session == running.pid { kill(entry.pid, SIGKILL) }
                _ = try running.wait(seconds: 10)
                while try readFile(place.sif, limit: 1 << 30) != before, Date() < deadline { usleep(5_000) }
                #expect(try readFile(place.sif) == before && !isAccessible(place.folder + "/new.img", []))
                try? unlink(place.folder + "/ready")
            }
            // The skeletons go with the next command of a plugin.
            let next = try place.overlay("create", "-S", "x.sif")
            #expect(next.isSuccess, "\(next)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func namesWhatIsMissing(profile: Profile) throws {
            try need(profile)
            let place = try OverlayPlace(profile)
            try place.addSIF()
            let before = try readFile(place.sif)
            let config = try configuration(place, [:])
            for target in ["x.sif", "new.img"] {
                var command = try place.command(["create", "-S", target])
                command.words.insert(contentsOf: config, at: 1)
                let outcome = try command.run()
                #expect(
                    outcome.end == .exited(255) && outcome.standardError.contains("cannot find mke2fs"), "\(outcome)")
                #expect(outcome.standardError.contains("e2fsprogs"))
            }
            #expect(try readFile(place.sif) == before && !isAccessible(place.folder + "/new.img", []))
        }

        @Test(.needs(.root)) func aFullDiskLeavesWhatWas() throws {
            let place = try OverlayPlace(.root)
            let script = """
                mount -t tmpfs -o size=40m tmpfs "$1" && cd "$1" && cp "$3" x.sif && cp x.sif before
                "$2" overlay create x.sif && echo fits; "$2" overlay create new.img && echo fits
                cmp x.sif before && test ! -e new.img && echo same
                """
            var command = try place.command([])
            let program = command.words[0]
            command.directory = "/"
            command.words = [
                "/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh", place.folder, program,
                try Images.shared.get().sif,
            ]
            let outcome = try command.run()
            #expect(outcome.standardOutput == "same\n", "\(outcome)")
            #expect(outcome.standardError.contains("no space left on device. With --sparse"), "\(outcome)")
        }
    }
}
