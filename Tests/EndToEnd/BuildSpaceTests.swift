import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Disks that are too small, or mounted so that a build cannot work on them.
    @Suite struct BuildSpace {
        /// Runs `body` on a small file system of its own. Only root may make one; everybody may write there.
        private func withDisk(_ options: String, _ body: (String) throws -> Void) throws {
            try need(.root)
            let path = try WorkDirectory.make(for: .root)
            try mountFilesystem("tmpfs", source: "skiff-test", at: path, data: "mode=1777,size=8m")
            defer { try? unmount(path, detach: true) }
            if !options.isEmpty {
                let flags = options == "noexec" ? MS_NOEXEC : MS_NODEV
                try mountFilesystem("tmpfs", source: "skiff-test", at: path, flags: UInt(MS_REMOUNT) | UInt(flags))
            }
            try body(path)
        }

        private func build(
            _ sections: String, _ flags: [String] = [], temporary: String, cache: String? = nil, in folder: String,
            as profile: Profile
        ) throws -> Outcome {
            let text = "Bootstrap: localimage\nFrom: \(try Images.shared.get().directory)\n\n" + sections
            try writeFile(folder + "/image.def", Array(text.utf8), mode: 0o644)
            try writeFile(folder + "/old.sif", Array("the old one".utf8), mode: 0o666)
            let words = ["build", "-F"] + flags + [folder + "/old.sif", folder + "/image.def"]
            return try skiffCommand(words, as: profile) {
                $0.environment["APPTAINER_TMPDIR"] = temporary
                if let cache { $0.environment["APPTAINER_CACHEDIR"] = cache }
            }.run()
        }

        private func expectOld(_ folder: String) throws {
            #expect(try readFile(folder + "/old.sif") == Array("the old one".utf8))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names.filter { $0.hasPrefix(".") || $0.hasPrefix("build-temp") } == [])
        }

        @Test(arguments: Profile.allCases) func fullDiskDuringPostIsNamed(profile: Profile) throws {
            try need(profile)
            try withDisk("") { disk in
                let folder = try WorkDirectory.make(for: profile)
                let outcome = try build(
                    "%post\nhead -c 20000000 /dev/zero > /fill\n", ["--disable-cache"], temporary: disk, in: folder,
                    as: profile)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("The file system of \(disk)/build-temp-"), "\(outcome)")
                #expect(outcome.standardError.contains("Set APPTAINER_TMPDIR to"), "\(outcome)")
                try expectOld(folder)
                #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == [])
            }
        }

        @Test(.needs(.overlay), arguments: Profile.allCases) func fullCacheDuringPostIsNamed(profile: Profile) throws {
            try need(profile)
            try withDisk("") { disk in
                let folder = try WorkDirectory.make(for: profile)
                let outcome = try build(
                    "%post\nhead -c 20000000 /dev/zero > /fill\n", ["--ignore-subuid"], temporary: Stage.temporary,
                    cache: disk, in: folder, as: profile)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("The file system of \(disk)/cache/"), "\(outcome)")
                #expect(outcome.standardError.contains("Set APPTAINER_CACHEDIR to"), "\(outcome)")
                try expectOld(folder)
            }
        }

        @Test(arguments: Profile.allCases) func baseThatDoesNotFitIsRefusedBefore(profile: Profile) throws {
            try need(profile)
            try withDisk("") { disk in
                let base = try Images.shared.get().changed("large-\(profile)") { copy in
                    try writeFile(copy + "/large", [UInt8](repeating: 7, count: 20 << 20), mode: 0o644)
                }
                let folder = try WorkDirectory.make(for: profile)
                let definition = folder + "/a.def"
                try writeFile(
                    definition, Array("Bootstrap: localimage\nFrom: \(base)\n%test\ntrue\n".utf8), mode: 0o644)
                let outcome = try skiff("build", folder + "/new.sif", definition, as: profile) {
                    $0.environment["APPTAINER_TMPDIR"] = disk
                }
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("extracting \(base) needs "), "\(outcome)")
                #expect(outcome.standardError.contains(" left. Set APPTAINER_TMPDIR to"), "\(outcome)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == [])
            }
        }

        @Test(arguments: Profile.allCases) func imageThatDoesNotFitIsNamed(profile: Profile) throws {
            try need(profile)
            try withDisk("") { disk in
                let outcome = try build(
                    "%post\nhead -c 12000000 /dev/urandom > /large\n", temporary: Stage.temporary, in: disk, as: profile
                )
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.contains("to a file system with more room"), "\(outcome)")
                try expectOld(disk)
            }
        }

        @Test func programsMustStartInTheTemporaryDirectory() throws {
            try withDisk("noexec") { disk in
                let outcome = try build("%post\ntrue\n", temporary: disk, in: Stage.temporary, as: .root)
                #expect(outcome.end == .exited(255) && outcome.standardError.contains("'noexec' mount option"))
                try FileManager.default.removeItem(atPath: Stage.temporary + "/old.sif")
                try FileManager.default.removeItem(atPath: Stage.temporary + "/image.def")
            }
        }

        @Test func deadDevicesAreWarnedOf() throws {
            try withDisk("nodev") { disk in
                let folder = try WorkDirectory.make(for: .root)
                let outcome = try build("%post\ntrue\n", temporary: disk, in: folder, as: .root)
                #expect(outcome.isSuccess && outcome.standardError.contains("mounted with nodev"), "\(outcome)")
            }
        }
    }
}
