import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Edits of SIF files by several processes at once, and by some that are killed (Docs/spec/sif.md §10).
    @Suite struct SIFEdits {
        private struct Place {
            let profile: Profile
            let folder: String
            var file: String { folder + "/x.sif" }

            init(_ profile: Profile) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                try writeFile(folder + "/small", Array("small\n".utf8), mode: 0o644)
            }

            func sif(_ words: String...) throws -> Outcome { try skiffCommand(["sif"] + words, as: profile).run() }

            /// The bytes of each object.
            func objects() throws -> [String] {
                let list = try sif("list", file)
                #expect(list.isSuccess, "\(list)")
                let ids = list.standardOutput.split(separator: "\n").compactMap { UInt32($0.prefix { $0 != " " }) }
                return try ids.map { try sif("dump", String($0), file).standardOutput }
            }

            func size() throws -> Int64 { try status(file).size }
        }

        @Test(arguments: Profile.allCases) func parallelAddsLoseNothing(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            #expect(try place.sif("new", place.file).isSuccess)
            let texts = (0..<20).map { "object \($0)\n" }
            let running = try texts.enumerated().map { index, text in
                let source = place.folder + "/\(index)"
                try writeFile(source, Array(text.utf8), mode: 0o644)
                return try skiffCommand(["sif", "add", "--datatype", "7", place.file, source], as: profile).start()
            }
            for process in running { #expect(try process.wait(seconds: 60).isSuccess) }
            #expect(try Set(place.objects()) == Set(texts))
            #expect(try place.sif("header", place.file).standardOutput.contains("Descriptors Free:   28\n"))
            let deleting = try (1...20).map {
                try skiffCommand(["sif", "del", String($0), place.file], as: profile).start()
            }
            for process in deleting { #expect(try process.wait(seconds: 60).isSuccess) }
            #expect(try place.objects() == [])
        }

        /// Who ends an add in the middle, and what is left of it then.
        enum Ending: String, CaseIterable, Sendable {
            case killed, killedWithItsGroup, interrupted, killedWithItsGuard
        }

        /// The bytes come through a pipe, so that the kill hits the add in the middle of them.
        @Test(arguments: Profile.allCases, Ending.allCases) func killedAddLeavesWhatWas(
            profile: Profile, ending: Ending
        ) throws {
            try need(profile)
            let place = try Place(profile)
            #expect(try place.sif("new", place.file).isSuccess)
            #expect(try place.sif("add", "--datatype", "7", place.file, place.folder + "/small").isSuccess)
            let before = try readFile(place.file)
            let pipe = place.folder + "/pipe"
            try shell("mkfifo -m 666 \"$0\"", [pipe])
            let script = "exec >\"$1\"; head -c 3000000 /dev/zero; exec sleep 30"
            let feeding = try Command(["/bin/sh", "-c", script, "sh", pipe], as: profile).start()
            defer {
                kill(-feeding.pid, SIGKILL)
                _ = try? feeding.wait(seconds: 5)
            }
            let adding = try skiffCommand(["sif", "add", "--datatype", "7", place.file, pipe], as: profile).start()
            let deadline = Date(timeIntervalSinceNow: 20)
            while try place.size() < 3_000_000, Date() < deadline { usleep(10_000) }
            #expect(try place.size() > 3_000_000)
            let guardian = try #require(ProcessTable.current().first { $0.parent == adding.pid })
            switch ending {
            case .killed: try adding.signal(SIGKILL)
            case .killedWithItsGroup: kill(-adding.pid, SIGKILL)
            case .interrupted: kill(-adding.pid, SIGINT)
            case .killedWithItsGuard:
                kill(guardian.pid, SIGKILL)
                try adding.signal(SIGKILL)
            }
            _ = try adding.wait(seconds: 10)
            if ending == .killedWithItsGuard {
                #expect(try place.objects() == ["small\n"])
                // An edit that adds nothing restores the file's size and everything else.
                #expect(try place.sif("setprim", "1", place.file).end == .exited(1))
            } else {
                while kill(guardian.pid, 0) == 0, Date() < deadline { usleep(1_000) }
            }
            #expect(try readFile(place.file) == before)
            #expect(try place.sif("add", "--datatype", "7", place.file, place.folder + "/small").isSuccess)
            #expect(try place.objects() == ["small\n", "small\n"])
            #expect(try place.size() < Int64(before.count) + 4096)
        }

        @Test func killsAtAnyMoment() throws {
            let place = try Place(.current)
            let large = [UInt8](repeating: 0x61, count: 4 << 20)
            try writeFile(place.folder + "/large", large, mode: 0o644)
            #expect(try place.sif("new", place.file).isSuccess)
            #expect(try place.sif("add", "--datatype", "7", place.file, place.folder + "/small").isSuccess)
            var added = 0
            for round in 0..<15 {
                let adding = try skiffCommand(
                    ["sif", "add", "--datatype", "7", place.file, place.folder + "/large"], as: .current
                ).start()
                usleep(UInt32(round) * 2500)
                try adding.signal(SIGKILL)
                _ = try adding.wait(seconds: 10)
                let objects = try place.objects()
                #expect(objects.first == "small\n" && (objects.count - 1 == added || objects.count - 1 == added + 1))
                for object in objects.dropFirst() { #expect(object.utf8.count == large.count) }
                added = objects.count - 1
                let most = Int64(added * (large.count + 4096) + 40_000)
                for _ in 0..<1000 where try place.size() > most { usleep(1_000) }
                #expect(try place.size() <= most)
            }
        }

        @Test(arguments: Profile.allCases) func hostilePlaces(profile: Profile) throws {
            try need(profile)
            let place = try Place(profile)
            #expect(try place.sif("new", place.file).isSuccess)
            // Through a link the image is changed, and the link stays a link.
            let link = place.folder + "/link.sif"
            try makeSymlink("x.sif", at: link)
            #expect(try place.sif("add", "--datatype", "7", link, place.folder + "/small").isSuccess)
            #expect(try status(link, follow: false).isSymlink)
            #expect(try place.objects() == ["small\n"])
            guard profile == .user else { return }
            try chmod(place.file, 0o444)
            let before = try readFile(place.file)
            let refused = try place.sif("add", "--datatype", "7", place.file, place.folder + "/small")
            #expect(refused.end == .exited(1) && refused.standardError.contains("permission denied"), "\(refused)")
            #expect(try readFile(place.file) == before)
        }

        @Test(.needs(.root)) func fullDiskLeavesWhatWas() throws {
            let place = try Place(.root)
            let script = """
                mount -t tmpfs -o size=256k tmpfs "$1" && cd "$1" && "$2" sif new x.sif && echo small >small &&
                "$2" sif add --datatype 7 x.sif small && cp x.sif before && head -c 1000000 /dev/zero >/dev/shm/skiff-large.$$
                "$2" sif add --datatype 7 x.sif /dev/shm/skiff-large.$$ && echo fits
                rm /dev/shm/skiff-large.$$
                cmp x.sif before && echo same
                """
            var command = try skiffCommand([], as: .root)
            command.words = [
                "/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh", place.folder, command.words[0],
            ]
            let outcome = try command.run()
            #expect(
                outcome.standardOutput.hasSuffix("same\n") && !outcome.standardOutput.contains("fits"), "\(outcome)")
            #expect(outcome.standardError.contains("no space left on device"), "\(outcome)")
        }
    }
}
