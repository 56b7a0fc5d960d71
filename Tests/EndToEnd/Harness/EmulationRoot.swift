import Linux

/// A small Linux with the programs that change owners, and `/emulated` (`Tests/Inside/emulated.c`), which tests more
/// calls.
enum EmulationRoot {
    /// The directory; it belongs to the user who runs the suite and is readable by all.
    static let shared = Result { try make() }

    private static let commands = [
        "chgrp", "chmod", "chown", "cp", "ln", "mkdir", "mkfifo", "mknod", "mv", "rm", "sed", "su", "tar",
    ]

    /// Returns a copy that belongs to the ordinary user, who may write in it.
    static func copy() throws -> String {
        let path = try WorkDirectory.make(for: .user) + "/root"
        let outcome = try Command(["/bin/cp", "-r", try shared.get(), path], as: .user).run()
        guard outcome.isSuccess else { throw HarnessError("cannot copy the root: \(outcome)") }
        return path
    }

    private static func make() throws -> String {
        let images = try Images.shared.get()
        let program = images.folder + "/emulated"
        let source = Stage.repository + "/Tests/Inside/emulated.c"
        let words = ["/usr/bin/cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-static", "-pthread"]
        let outcome = try Command(words + ["-o", program, source], as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot compile \(source): \(outcome)") }
        return try images.changed("emulation") { copy in
            for command in commands { try makeSymlink("busybox", at: copy + "/bin/" + command) }
            for name in ["/emulated", "/powerful"] {
                try writeFile(copy + name, try readFile(program), mode: 0o755)
                try Linux.chmod(copy + name, 0o755)
            }
            try writeFile(copy + "/made", [], mode: 0o644)
            let users = "root:x:0:0:root:/root:/bin/sh\njoe:x:1000:1001:joe:/home/joe:/bin/sh\n"
            try writeFile(copy + "/etc/passwd", Array(users.utf8), mode: 0o644)
        }
    }
}
