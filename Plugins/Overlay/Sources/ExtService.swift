import PluginAPI
import PluginKit

/// `skiff.filesystem/2` for ext3 and ext4: checks what was not closed, and serves what the kernel does not mount.
enum ExtService {
    /// Returns the table, which lives as long as the process.
    static func table() -> UnsafeRawPointer {
        Kit.table(
            skiff_filesystem(
                struct_size: UInt32(MemoryLayout<skiff_filesystem>.size), reserved: 0,
                plan: { _, session, request, answer in
                    Kit.run(session) { (session) throws(PluginError) in
                        try ExtService.plan(session, request?.pointee, answer)
                    }
                },
                recover: { _, session, request in
                    Kit.run(session) { (session) throws(PluginError) in
                        try ExtService.recover(session, request?.pointee)
                    }
                },
                serve: { _, session, request in
                    Kit.run(session) { (session) throws(PluginError) in try ExtService.serve(session, request?.pointee)
                    }
                }))
    }

    private static func isOurs(_ request: skiff_filesystem_request?) -> Bool {
        guard let type = request?.type else { return false }
        return ["ext3", "ext4"].contains(String(cString: type))
    }

    static func server(_ session: Session) throws(PluginError) -> String {
        try session.directory("libexec") + "/skiff-extfs"
    }

    private static func plan(
        _ session: Session, _ request: skiff_filesystem_request?, _ answer: UnsafeMutablePointer<skiff_filesystem_plan>?
    ) throws(PluginError) -> Int32 {
        guard let request, let answer else { return SKIFF_DECLINED }
        if try ErofsService.plan(session, request, answer) { return SKIFF_OK }
        guard isOurs(request) else { return SKIFF_DECLINED }
        if request.driver == UInt32(SKIFF_FILESYSTEM_DRIVER_SERVER) {
            let path = try server(session)
            guard Host.permits(.execute, path) else {
                throw PluginError(
                    "cannot use ext3 images without root: \(path) is missing\nReinstall skiff", status: SKIFF_E_SYSTEM)
            }
        }
        answer.pointee.flags = UInt32(SKIFF_FILESYSTEM_PLAN_UPPER)
        if try isMisread(session, request) || mayNotFit(request) {
            answer.pointee.flags |= UInt32(SKIFF_FILESYSTEM_PLAN_SERVE)
        }
        answer.pointee.server = Kit.text("skiff-extfs")
        return SKIFF_OK
    }

    /// Whether an image that the kernel would write to has holes for which its disk has no room. The kernel tells programs of a full
    /// image, but not of a full disk below: what they wrote last would be lost, and parts of the file system with it.
    private static func mayNotFit(_ request: skiff_filesystem_request) -> Bool {
        guard request.driver == UInt32(SKIFF_FILESYSTEM_DRIVER_KERNEL),
            request.flags & UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) != 0, let room = try? Host.room(of: request.fd)
        else { return false }
        return room.missing > room.free
    }

    /// Whether an image that the kernel would mount to be read has marks that overlayfs looks for elsewhere. One that is
    /// written is put right by `settleMarks`.
    private static func isMisread(_ session: Session, _ request: skiff_filesystem_request) throws(PluginError) -> Bool {
        guard request.driver == UInt32(SKIFF_FILESYSTEM_DRIVER_KERNEL),
            request.flags & UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) == 0
        else { return false }
        return try session.run(
            try server(session), ["marks", "\(request.offset)", "ro"], descriptors: [(3, request.fd)]) == 3
    }

    /// Puts the marks of an image that the kernel is going to write to into the dialect that it reads.
    private static func settleMarks(_ session: Session, _ request: skiff_filesystem_request, _ path: String)
        throws(PluginError)
    {
        guard request.driver == UInt32(SKIFF_FILESYSTEM_DRIVER_KERNEL),
            request.flags & UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) != 0
        else { return }
        let status = try session.run(
            try server(session), ["marks", "\(request.offset)", "rw"], descriptors: [(2, 2), (3, request.fd)])
        guard status == 0 else {
            throw PluginError(
                "cannot use overlay \(path): its whiteouts cannot be read\nTry skiff overlay repair on it",
                status: SKIFF_E_SYSTEM)
        }
    }

    /// Whoever was killed while it wrote has left an image that is put right here, before anybody writes to it again.
    private static func recover(_ session: Session, _ request: skiff_filesystem_request?) throws(PluginError) -> Int32 {
        guard let request, isOurs(request) else { return SKIFF_DECLINED }
        let path = request.path.map { String(cString: $0) } ?? ""
        let part = FilePart(descriptor: request.fd, offset: request.offset, size: request.size)
        let isWritten = request.flags & UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) != 0
        let superblock = try part.superblock(of: path, isWritten: isWritten)
        if !superblock.isSound { try check(session, request, superblock, path) }
        try settleMarks(session, request, path)
        return SKIFF_OK
    }

    private static func check(
        _ session: Session, _ request: skiff_filesystem_request, _ superblock: ExtSuperblock, _ path: String
    ) throws(PluginError) {
        guard request.flags & UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) != 0 else {
            // The kernel reads over an unfinished journal.
            if !superblock.needsReplay || request.driver == UInt32(SKIFF_FILESYSTEM_DRIVER_KERNEL) { return }
            throw PluginError(
                "cannot use image \(path) read-only: its last user was killed, and what that wrote is in its journal\n"
                    + "Use it once writable, or run skiff overlay check on it", status: SKIFF_E_SYSTEM)
        }
        guard let checker = try session.findProgram("e2fsck") else {
            throw PluginError(
                "cannot use image \(path): its last user was killed, and e2fsck, which puts it right, is missing\n"
                    + "Install the Debian package e2fsprogs", status: SKIFF_E_SYSTEM)
        }
        Kit.log(.info, "Checking image \(path), whose last user was killed")
        // What is safe to repair first; then what was being made or renamed when its user was killed.
        for (index, mode) in ["-p", "-y"].enumerated() {
            let status = try session.run(
                checker, [mode, "/proc/self/fd/3?offset=\(request.offset)"], descriptors: [(3, request.fd)])
            if status < 4 {
                if index > 0 {
                    Kit.log(.warning, "Image \(path) was repaired; lost+found in it has what had no name")
                }
                return
            }
        }
        throw PluginError(
            "cannot use image \(path): it is damaged, and e2fsck cannot repair it\nRun e2fsck on it to see what is wrong",
            status: SKIFF_E_SYSTEM)
    }

    private static func serve(_ session: Session, _ request: skiff_filesystem_request?) throws(PluginError) -> Int32 {
        guard let request else { return SKIFF_DECLINED }
        if try ErofsService.serve(session, request) { return SKIFF_OK }
        guard isOurs(request) else { return SKIFF_DECLINED }
        let mode = request.flags & UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) != 0 ? "rw" : "ro"
        let owner = onlyID(request.place, "uid_map").map(String.init) ?? "-"
        let group = onlyID(request.place, "gid_map").map(String.init) ?? "-"
        let isOne = owner != "-" && group != "-"
        try session.start(
            try server(session),
            [
                "\(request.offset)", mode, isOne ? owner : "-", isOne ? group : "-",
                "\(request.place?.pointee.pid ?? 0)",
            ],
            descriptors: [(2, 2), (3, request.fd), (4, request.fuse_fd)], ready: 5)
        return SKIFF_OK
    }

    /// Returns the one id that the container knows; nil when it knows more. An image that belongs to somebody else is the
    /// caller's in there.
    private static func onlyID(_ place: UnsafePointer<skiff_place>?, _ map: String) -> UInt32? {
        guard let pid = place?.pointee.pid, let bytes = try? Host.read("/proc/\(pid)/\(map)", limit: 4096) else {
            return nil
        }
        let fields = bytes.split { $0 == 0x20 || $0 == 0x0A }.map { String(decoding: $0, as: UTF8.self) }
        guard fields.count == 3, fields[2] == "1" else { return nil }
        return UInt32(fields[0])
    }
}
