import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between the bytes of an image and the file systems of the kernel, where root starts the image.
    @Suite struct KernelBoundary {
        private func configuration(_ line: String) throws -> String {
            let file = try WorkDirectory.make(for: .root) + "/skiff.conf"
            let bytes = try readFile(try Stage.shared.get().prefix + "/etc/skiff/skiff.conf")
            let directive = line.prefix { $0 != "=" }
            // The first line of a directive counts.
            let rest = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix(directive) }
            try writeFile(file, Array((rest + [line[...]]).joined(separator: "\n").utf8), mode: 0o644)
            return file
        }

        /// The plan of a launch that works.
        private func plan(_ image: String, _ line: String) throws -> String {
            let file = try configuration(line)
            let launched = try skiffCommand(["--config", file, "exec", "--no-home", image, "true"], as: .root).run()
            #expect(launched.isSuccess, "\(launched)")
            return try skiff("--config", file, "exec", "--explain", image, "true", as: .root).standardOutput
        }

        @Test(arguments: ["yes", "no"]) func squashfs(allowed: String) throws {
            try need(.root, .loop, .fuse)
            let plan = try self.plan(try Images.shared.get().sif, "allow kernel squashfs = \(allowed)")
            #expect(plan.contains("by the image server") == (allowed == "no"), "\(plan)")
            #expect(plan.contains("by the kernel") == (allowed == "yes"), "\(plan)")
        }

        @Test(arguments: ["yes", "no"]) func extfs(allowed: String) throws {
            try need(.root, .loop)
            let hostile = try HostileImage(.root)
            defer { hostile.remove() }
            try hostile.makeExt3(try hostile.tree { _ in })
            let line = "allow kernel extfs = \(allowed)"
            let plan = try self.plan(hostile.file, line)
            #expect(plan.contains("extracted to a private directory") == (allowed == "no"), "\(plan)")
            #expect(plan.contains("by the kernel") == (allowed == "yes"), "\(plan)")
            let writing = try skiffCommand(
                ["--config", try configuration(line), "exec", "--no-home", "--writable", hostile.file, "true"],
                as: .root
            ).run()
            #expect(writing.isSuccess == (allowed == "yes"), "\(writing)")
            if allowed == "no" { #expect(writing.standardError.contains("allow kernel extfs = no"), "\(writing)") }
        }

        /// A loop device is a sign of the kernel at work.
        @Test func noLoopDeviceIsTaken() throws {
            try need(.root, .loop, .fuse, .strace)
            let trace = try WorkDirectory.make(for: .root) + "/trace"
            var command = try skiffCommand(
                [
                    "--config", try configuration("allow kernel squashfs = no"), "exec", "--no-home",
                    try Images.shared.get().sif, "true",
                ], as: .root)
            command.words = ["/usr/bin/strace", "-f", "-e", "trace=openat,mount", "-o", trace] + command.words
            let outcome = try command.run()
            #expect(outcome.isSuccess, "\(outcome)")
            let calls = String(decoding: try readFile(trace), as: UTF8.self)
            #expect(!calls.contains("/dev/loop") && !calls.contains("\"squashfs\""))
        }
    }
}
