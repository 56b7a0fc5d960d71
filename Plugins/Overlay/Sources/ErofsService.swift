import PluginAPI
import PluginKit

/// `skiff.filesystem/2` for erofs, which the kernel mounts for root and erofsfuse(1) serves for everybody else.
enum ErofsService {
    private static let program = "erofsfuse"

    private static func isServed(_ request: skiff_filesystem_request) -> Bool {
        guard let type = request.type, String(cString: type) == "erofs" else { return false }
        return request.driver == UInt32(SKIFF_FILESYSTEM_DRIVER_SERVER)
    }

    private static func find(_ session: Session) throws(PluginError) -> String {
        if let path = try session.findProgram(program) { return path }
        throw PluginError(
            "cannot use erofs images without root: \(program) is missing\n"
                + "It is in the Debian package erofsfuse, from Debian 13 on", status: SKIFF_E_UNSUPPORTED)
    }

    /// - Returns: false when it is another file system's turn.
    static func plan(
        _ session: Session, _ request: skiff_filesystem_request, _ answer: UnsafeMutablePointer<skiff_filesystem_plan>
    ) throws(PluginError) -> Bool {
        guard isServed(request) else { return false }
        _ = try find(session)
        answer.pointee.server = Kit.text(program)
        return true
    }

    /// It says nothing when it is ready: the kernel lets whoever asks for a file wait until it is.
    static func serve(_ session: Session, _ request: skiff_filesystem_request) throws(PluginError) -> Bool {
        guard isServed(request) else { return false }
        let script = "printf . >&5; exec 5>&-; exec \"$0\" -f --offset=\"$1\" /proc/self/fd/3 /dev/fd/4"
        try session.start(
            "/bin/sh", ["-c", script, try find(session), "\(request.offset)"],
            descriptors: [(2, 2), (3, request.fd), (4, request.fuse_fd)], ready: 5)
        return true
    }
}
