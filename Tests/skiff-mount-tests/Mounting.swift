import CLinux
import Linux
import TestSupport

/// A directory with copies of the programs, which any user can reach; it goes with the value.
final class Stage {
    private let scratch: Scratch
    let image: String
    let mountPoint: String
    let tree: String
    var path: String { scratch.path }

    init() throws {
        scratch = try Scratch()
        image = scratch.path + "/image"
        mountPoint = try scratch.directory("mnt")
        tree = try scratch.directory("tree")
        try chmod(scratch.path, 0o755)
        for name in ["skiff-mount", "fuse-probe"] { try scratch.file(name, readFile(product(name)), mode: 0o755) }
    }

    func makeImage(_ options: [String] = []) throws {
        try succeed(["/usr/bin/mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress"] + options)
        try chmod(image, 0o644)
    }

    /// Mounts the image through a server of its own and runs a shell script with MOUNT_POINT, TREE and SERVER_PID.
    func run(
        _ script: String, userNamespace: Bool = true, asNobody: Bool = false, oneCPU: Bool = false, flags: [String] = []
    ) throws -> CommandResult {
        let drop = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        let probe =
            [path + "/fuse-probe"] + (userNamespace ? ["--userns"] : []) + flags
            + [path + "/skiff-mount", image, mountPoint, "/bin/sh", "-c", "TREE=\(tree)\n" + script]
        let pin = ["/usr/bin/taskset", "--cpu-list", String(currentCPU())]
        return try command(
            (asNobody ? drop : []) + (oneCPU ? pin : []) + probe, seconds: 60)
    }
}

/// A CPU that this process may use.
private func currentCPU() -> CInt { sched_getcpu() }
