import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between the files of an image and our processes that read them: whatever a file is, no command
    /// waits for its other end, acts on a device or takes memory without bound.
    @Suite struct ImageFileBoundary {
        enum Kind: String, CaseIterable, Sendable {
            case pipe, socket, device, huge, loop, directory
        }

        /// Files that a launch or a look at an image reads.
        private static let names = [
            "/etc/passwd", "/etc/group", "/.singularity.d/env/10-docker2singularity.sh",
            "/.singularity.d/env/90-environment.sh", "/.singularity.d/runscript", "/.singularity.d/labels.json",
            "/.singularity.d/Singularity", "/.singularity.d/runscript.help",
        ]

        private func put(_ kind: Kind, at path: String) throws {
            try? removeTree(path)
            try makeDirectories(parentOf(path))
            switch kind {
            case .pipe: try makeNode(path, mode: SKL_S_IFIFO | 0o644)
            case .socket: try makeNode(path, mode: SKL_S_IFSOCK | 0o644)
            // /dev/zero: reading it never ends.
            case .device: try makeNode(path, mode: SKL_S_IFCHR | 0o644, device: deviceNumber(major: 1, minor: 5))
            case .huge:
                let file = try open(path, O_WRONLY | O_CREAT, mode: 0o644)
                try Linux.ftruncate(file.raw, 1 << 36)
            case .loop: try makeSymlink("/proc/self/fd/0", at: path)
            case .directory: try makeDirectory(path, mode: 0o755)
            }
        }

        private func parentOf(_ path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]) }

        /// A command may succeed without the file or fail with a reason. It is not killed at the time limit, and no
        /// signal ends it.
        private func ends(_ words: [String], _ profile: Profile, _ what: String) throws {
            let outcome = try skiffCommand(words, as: profile) { $0.seconds = 30 }.run()
            guard case .exited? = outcome.end else {
                Issue.record("\(what): \(outcome)")
                return
            }
            // The shell of the image may read what it likes; our own reads are bounded.
            #expect(!outcome.standardError.contains("Fatal error"), "\(what): \(outcome)")
        }

        @Test(arguments: Profile.allCases, Kind.allCases) func directory(profile: Profile, kind: Kind) throws {
            try need(profile.facility)
            if kind == .device { try need(.root) }
            for (index, name) in Self.names.enumerated() {
                let box = try Images.shared.get().changed("\(profile)-\(kind)-\(index)") {
                    try put(kind, at: $0 + name)
                }
                defer { try? removeTree(box) }
                // A script that we do not take goes to the shell of the image, which may read for as long as it likes.
                if kind != .huge || !name.hasSuffix(".sh") {
                    try ends(["exec", box, "true"], profile, "exec with \(name)")
                    try ends(["run", box, "true"], profile, "run with \(name)")
                }
                try ends(["inspect", "--all", box], profile, "inspect with \(name)")
                try ends(["run-help", box], profile, "run-help with \(name)")
            }
        }

        @Test(arguments: Profile.allCases, Kind.allCases) func squashfs(profile: Profile, kind: Kind) throws {
            try need(profile.facility)
            try need(.mksquashfs)
            try need(profile == .root ? .loop : .fuse)
            if kind == .device { try need(.root) }
            let box = try Images.shared.get().changed("\(profile)-\(kind)-squashfs") { box in
                for name in Self.names where kind != .huge || !name.hasSuffix(".sh") {
                    try put(kind, at: box + name)
                }
            }
            let file = box + ".squashfs"
            defer {
                try? removeTree(box)
                try? removeTree(file)
            }
            // A hole of 64 GiB takes too long to build.
            if kind == .huge {
                for name in Self.names where !name.hasSuffix(".sh") { try truncate(box + name, 1 << 28) }
            }
            try Images.squash(box, into: file)
            for words in [["exec", file, "true"], ["run", file, "true"], ["inspect", "--all", file]] {
                try ends(words, profile, "\(words)")
            }
        }

        private func truncate(_ path: String, _ size: Int64) throws {
            let file = try open(path, O_WRONLY)
            try Linux.ftruncate(file.raw, size)
        }

        /// The message about a pipe in place of a file.
        @Test(arguments: Profile.allCases) func isToldOf(profile: Profile) throws {
            try need(profile.facility)
            let box = try Images.shared.get().changed("\(profile)-told") { try put(.pipe, at: $0 + "/etc/group") }
            defer { try? removeTree(box) }
            let outcome = try skiff("exec", box, "true", as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(
                outcome.standardError == "WARNING: /etc/group of the image is no regular file, not updating\n",
                "\(outcome)")
        }

        /// An environment script that calls itself goes to the shell of the image, and our stack does not overflow.
        @Test(arguments: Profile.allCases) func scriptsThatCallThemselves(profile: Profile) throws {
            try need(profile.facility)
            let text = "x='eval \"$x\"'\neval \"$x\"\n"
            let box = try Images.shared.get().changed("\(profile)-eval") { box in
                try makeDirectories(box + "/.singularity.d/env")
                try writeFile(box + "/.singularity.d/env/90-environment.sh", Array(text.utf8), mode: 0o755)
            }
            defer { try? removeTree(box) }
            let outcome = try skiffCommand(["exec", "--explain", box, "true"], as: profile).run()
            #expect(outcome.isSuccess, "\(outcome)")
        }
    }
}
