import CLinux
import Foundation
import Linux

struct CommandFailed: Error { let text: String }

struct CommandResult {
    let status: CInt
    let text: String
}

/// Runs a program with both outputs in one text, for at most a minute: a mount whose server hangs must not hang us.
func command(_ arguments: [String]) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "60"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return CommandResult(status: process.terminationStatus, text: text)
}

/// Why no FUSE mount can be tried here; nil when it can.
let reasonAgainstMounting: String? = {
    if !isAccessible("/usr/bin/mksquashfs", X_OK) { return "mksquashfs is not installed" }
    if !isAccessible("/dev/fuse", R_OK | W_OK) { return "/dev/fuse is missing or not for this user" }
    let unshare = try? command(["/usr/bin/unshare", "-Urm", "/bin/true"])
    if unshare?.status != 0 { return "user namespaces are not allowed" }
    return nil
}()

/// A directory with copies of the programs, which any user can reach; it goes with the value.
final class Stage {
    let path: String
    let image: String
    let mountPoint: String

    init() throws {
        path = NSTemporaryDirectory() + "image-server-\(UUID().uuidString)"
        image = path + "/image"
        mountPoint = path + "/mnt"
        try makeDirectories(mountPoint)
        try makeDirectories(path + "/tree")
        for name in ["skiff-mount", "fuse-probe"] {
            try FileManager.default.copyItem(atPath: Self.products + "/" + name, toPath: path + "/" + name)
        }
    }

    deinit { _ = try? command(["/bin/rm", "-rf", path]) }

    var tree: String { path + "/tree" }

    /// Where SwiftPM puts what it builds: the directory of the test bundle that this process was started with.
    private static let products: String = {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
        let directory = bundle.prefix(
            upTo: bundle.range(of: "/skiffPackageTests.xctest")?.lowerBound ?? bundle.startIndex)
        return directory.isEmpty ? FileManager.default.currentDirectoryPath + "/.build/debug" : String(directory)
    }()

    func makeImage(_ options: [String] = []) throws {
        let result = try command(
            ["/usr/bin/mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress"] + options)
        if result.status != 0 { throw CommandFailed(text: result.text) }
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
        return try command((asNobody ? drop : []) + (oneCPU ? pin : []) + probe)
    }
}

/// A CPU that this process may use.
private func currentCPU() -> CInt { sched_getcpu() }
