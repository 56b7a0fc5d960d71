import CLinux
import Linux
import TestSupport

/// A small Linux with `/attack` (`Tests/Inside/attack.c`), the program of somebody who wants to break out.
enum AttackRoot {
    /// The directory; it belongs to the user who runs the suite and is readable by all.
    static let directory = Result { try make() }

    /// The same root as a SIF.
    static let image = Result { try makeImage() }

    /// Returns a copy that belongs to the ordinary user, who may write in it.
    static func copy() throws -> String {
        let path = try WorkDirectory.make(for: .user) + "/root"
        let outcome = try Command(["/bin/cp", "-r", try directory.get(), path], as: .user).run()
        guard outcome.isSuccess else { throw HarnessError("cannot copy the root: \(outcome)") }
        return path
    }

    /// Returns the path of `/attack` for use on the host.
    static func program() throws -> String { try directory.get() + "/attack" }

    private static func make() throws -> String {
        let images = try Images.shared.get()
        let program = images.folder + "/attack"
        let source = Stage.repository + "/Tests/Inside/attack.c"
        let words = ["/usr/bin/cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-static"]
        let outcome = try Command(words + ["-o", program, source], as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot compile \(source): \(outcome)") }
        return try images.changed("attack") { copy in
            for command in ["chown", "grep", "mkdir", "mknod", "su"] {
                try makeSymlink("busybox", at: copy + "/bin/" + command)
            }
            try writeFile(copy + "/attack", try readFile(program), mode: 0o755)
            try Linux.chmod(copy + "/attack", 0o755)
            let users = "root:x:0:0:root:/root:/bin/sh\njoe:x:1000:1001:joe:/:/bin/sh\n"
            try writeFile(copy + "/etc/passwd", Array(users.utf8), mode: 0o644)
        }
    }

    private static func makeImage() throws -> String {
        let path = try Images.shared.get().folder + "/attack.sif"
        let outcome = try skiffCommand(["build", path, try directory.get()], as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot build \(path): \(outcome)") }
        return path
    }
}

/// Ways to be root of a container without being root.
enum FakeRoot: String, CaseIterable, Sendable {
    case ranges, supervised, faked

    var flags: [String] {
        switch self {
        case .ranges: []
        case .supervised: ["--ignore-subuid"]
        case .faked: ["--ignore-subuid", "--ignore-fakeroot-command"]
        }
    }

    func needed() throws {
        try need(.user, .userNamespaces)
        if self == .ranges { try need(.ranges) }
    }
}
