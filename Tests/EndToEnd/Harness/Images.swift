import CLinux
import Foundation
import Linux
import TestSupport

/// Images made once per test process, readable by everybody.
final class Images: Sendable {
    static let shared = Result { try Images() }

    let folder: String
    /// A small Linux: busybox with its commands, /etc, and the reporter as /inside.
    var directory: String { folder + "/full" }
    /// Only the reporter as /inside and an empty /etc: no shell, no command.
    var bare: String { folder + "/bare" }
    /// `directory` as a squashfs file made by mksquashfs.
    var squashfs: String { folder + "/full.squashfs" }

    /// `directory` as a SIF made by skiff itself.
    var sif: String { folder + "/full.sif" }

    private static let commands = [
        "sh", "true", "false", "cat", "echo", "env", "head", "id", "kill", "ls", "mount", "ps", "pwd", "readlink",
        "sleep", "stat", "stty", "touch", "tty", "umask", "uname", "wc",
    ]

    private init() throws {
        folder = try Stage.shared.get().root + "/images"
        for path in ["/full/bin", "/full/etc", "/full/root", "/full/tmp", "/full/var/tmp", "/bare/etc"] {
            try makeDirectories(folder + path)
        }
        for path in ["/full/proc", "/full/sys", "/full/dev", "/full/home", "/full/usr", "/full/mnt"] {
            try makeDirectory(folder + path)
        }
        let inside = try Self.compileReporter(into: folder)
        try Self.copy(inside, folder + "/bare/inside")
        try Self.copy(inside, folder + "/full/inside")
        try Self.copy(try Stage.shared.get().prefix + "/libexec/skiff/sh", folder + "/full/bin/busybox")
        for command in Self.commands { try makeSymlink("busybox", at: folder + "/full/bin/" + command) }
        try write("/full/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nimage:x:77:77:of the image:/:/bin/false\n")
        try write("/full/etc/group", "root:x:0:\nimage:x:77:\n")
        for name in ["hosts", "resolv.conf", "localtime"] { try write("/full/etc/" + name, "of the image\n") }
        let build = try skiffCommand(["build", sif, directory], as: .current).run()
        guard build.isSuccess else { throw HarnessError("cannot build \(sif): \(build)") }
        if Facility.mksquashfs.missing == nil { try Self.squash(directory, into: squashfs) }
    }

    /// Returns a copy of `base` (`directory` by default) that one test may change; removed with the stage.
    func changed(_ name: String, from base: String? = nil, _ change: (String) throws -> Void) throws -> String {
        let base = base ?? directory
        let copy = "\(folder)/\(lastComponent(base))-\(name)"
        try FileManager.default.copyItem(atPath: base, toPath: copy)
        try change(copy)
        return copy
    }

    private func write(_ path: String, _ text: String) throws {
        try writeFile(folder + path, Array(text.utf8), mode: 0o644)
    }

    private static func compileReporter(into folder: String) throws -> String {
        let program = folder + "/inside"
        let source = Stage.repository + "/Tests/Inside/inside.c"
        let outcome = try Command(
            ["/usr/bin/cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-static", "-o", program, source],
            as: .current
        ).run()
        guard outcome.isSuccess else { throw HarnessError("cannot compile the reporter: \(outcome)") }
        return program
    }

    static func squash(_ directory: String, into file: String) throws {
        let outcome = try Command(
            ["/usr/bin/mksquashfs", directory, file, "-noappend", "-no-progress", "-quiet", "-all-root"], as: .current
        ).run()
        guard outcome.isSuccess else { throw HarnessError("cannot make \(file): \(outcome)") }
    }

    private static func copy(_ from: String, _ to: String) throws {
        try FileManager.default.copyItem(atPath: from, toPath: to)
        try Linux.chmod(to, 0o755)
    }
}
