import CFuse
import CLinux
import Extraction
import Squashfs

/// The table that libfuse calls. Every function answers its request exactly once; what a damaged image makes impossible
/// to answer is EIO.
enum Operations {
    static func table(for server: FileServer) -> fuse_lowlevel_ops {
        var table = fuse_lowlevel_ops()
        table.`init` = { _, connection in connection.map { Operations.configure($0) } }
        table.lookup = lookup
        table.getattr = getattr
        table.readlink = readlink
        table.read = read
        table.readdir = { request, node, size, offset, _ in
            Operations.list(request, node, size, offset, plus: false)
        }
        table.readdirplus = { request, node, size, offset, _ in
            Operations.list(request, node, size, offset, plus: true)
        }
        table.statfs = statfs
        // ENOSYS tells the kernel that open has nothing to say: it keeps the page cache and never asks again, for any
        // file. Without an entry in the table libfuse would answer success instead. (flush without an entry is ENOSYS.)
        table.open = { request, _, _ in fuse_reply_err(request, ENOSYS) }
        table.opendir = { request, _, _ in fuse_reply_err(request, ENOSYS) }
        // The same for attributes, which exec(2) asks for every time; only when no inode can have any.
        if server.reader.superblock.hasXattrs || server.isLayer {
            table.getxattr = getxattr
            table.listxattr = listxattr
        }
        return table
    }

    private static func configure(_ connection: UnsafeMutablePointer<fuse_conn_info>) {
        let wanted =
            UInt32(FUSE_CAP_ASYNC_READ) | UInt32(FUSE_CAP_PARALLEL_DIROPS) | UInt32(FUSE_CAP_READDIRPLUS)
            | UInt32(FUSE_CAP_READDIRPLUS_AUTO) | UInt32(FUSE_CAP_NO_OPEN_SUPPORT)
            | UInt32(FUSE_CAP_NO_OPENDIR_SUPPORT) | UInt32(FUSE_CAP_CACHE_SYMLINKS) | UInt32(FUSE_CAP_ASYNC_DIO)
        // No splice: requests are small and answers come from memory. No automatic invalidation: nothing changes.
        connection.pointee.want = connection.pointee.capable & wanted
        // Also the longest read: a block of a usual image, so that long reads are shared among the threads.
        connection.pointee.max_write = 128 << 10
        connection.pointee.max_background = 64
        connection.pointee.congestion_threshold = 48
    }

    private static func server(_ request: fuse_req_t?) -> FileServer? {
        guard let context = fuse_req_userdata(request) else { return nil }
        return Unmanaged<FileServer>.fromOpaque(context).takeUnretainedValue()
    }

    /// Runs `body`, which answers the request; answers EIO when the image cannot be read.
    private static func answer(
        _ request: fuse_req_t?, _ body: (FileServer) throws(SquashfsError) -> Void
    ) {
        guard let server = server(request) else {
            fuse_reply_err(request, EIO)
            return
        }
        do throws(SquashfsError) {
            try body(server)
        } catch {
            fuse_reply_err(request, EIO)
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    private static let lookup: @convention(c) (fuse_req_t?, fuse_ino_t, UnsafePointer<CChar>?) -> Void = {
        request, parent, name in
        answer(request) { server throws(SquashfsError) in
            var entry = fuse_entry_param()
            // Node 0 with a timeout makes the kernel remember that there is no such name.
            entry.entry_timeout = FileServer.timeout
            if let found = try server.find(bytes(name), in: server.inode(parent)) { entry = found }
            fuse_reply_entry(request, &entry)
        }
    }

    private static let getattr:
        @convention(c) (fuse_req_t?, fuse_ino_t, UnsafeMutablePointer<fuse_file_info>?) -> Void =
            { request, node, _ in
                answer(request) { server throws(SquashfsError) in
                    let inode = try server.inode(node)
                    var attributes =
                        FileServer.isWhiteout(node) ? server.whiteout(inode).attr : server.attributes(inode)
                    fuse_reply_attr(request, &attributes, FileServer.timeout)
                }
            }

    private static let readlink: @convention(c) (fuse_req_t?, fuse_ino_t) -> Void = { request, node in
        answer(request) { server throws(SquashfsError) in
            let target = try server.reader.target(of: server.inode(node)) + [0]
            _ = target.withUnsafeBufferPointer { buffer in
                buffer.withMemoryRebound(to: CChar.self) { fuse_reply_readlink(request, $0.baseAddress) }
            }
        }
    }

    private static let read:
        @convention(c) (fuse_req_t?, fuse_ino_t, Int, off_t, UnsafeMutablePointer<fuse_file_info>?) -> Void = {
            request, node, size, offset, _ in
            answer(request) { server throws(SquashfsError) in
                guard offset >= 0, size >= 0 else {
                    fuse_reply_err(request, EINVAL)
                    return
                }
                let file = try server.inode(node)
                reply(request, try server.reader.segments(of: file, at: UInt64(offset), count: size))
                server.noticeReading(of: file)
            }
        }

    /// A single block is sent from where it lies; several are put together first.
    private static func reply(_ request: fuse_req_t?, _ segments: [FileSegment]) {
        if segments.count == 1, let only = segments.first {
            send(request, only.block, only.range)
            return
        }
        var whole: [UInt8] = []
        whole.reserveCapacity(segments.reduce(0) { $0 + $1.range.count })
        for segment in segments { whole.append(contentsOf: segment.block[segment.range]) }
        send(request, whole, 0..<whole.count)
    }

    private static func send(_ request: fuse_req_t?, _ bytes: [UInt8], _ range: Range<Int>) {
        bytes.withUnsafeBytes { buffer in
            let part = UnsafeRawBufferPointer(rebasing: buffer[range])
            _ = fuse_reply_buf(request, part.baseAddress?.assumingMemoryBound(to: CChar.self), part.count)
        }
    }

    private static let statfs: @convention(c) (fuse_req_t?, fuse_ino_t) -> Void = { request, _ in
        answer(request) { server throws(SquashfsError) in
            var statistics = server.statistics()
            fuse_reply_statfs(request, &statistics)
        }
    }

    private static let getxattr: @convention(c) (fuse_req_t?, fuse_ino_t, UnsafePointer<CChar>?, Int) -> Void = {
        request, node, name, size in
        answer(request) { server throws(SquashfsError) in
            let wanted = bytes(name)
            let inode = try server.inode(node)
            let all = try server.reader.xattrs(of: inode)
            var found = all.first { $0.name == wanted } ?? Self.mark(wanted, in: all)
            if found == nil { found = try server.markFile(wanted, in: inode) }
            guard let found else {
                fuse_reply_err(request, ENODATA)
                return
            }
            replyXattr(request, server.shown(wanted, found.value), size)
        }
    }

    /// The marks of opaque directories of root's overlayfs and of fuse-overlayfs mean what those of users' overlayfs do.
    private static func mark(_ wanted: [UInt8], in all: [ExtendedAttribute]) -> ExtendedAttribute? {
        guard wanted.elementsEqual("user.overlay.opaque".utf8) else { return nil }
        return all.first {
            $0.name.elementsEqual("trusted.overlay.opaque".utf8)
                || $0.name.elementsEqual("user.fuseoverlayfs.opaque".utf8)
        }
    }

    private static let listxattr: @convention(c) (fuse_req_t?, fuse_ino_t, Int) -> Void = { request, node, size in
        answer(request) { server throws(SquashfsError) in
            let all = try server.reader.xattrs(of: server.inode(node))
            replyXattr(request, all.flatMap { $0.name + [0] }, size)
        }
    }

    /// Size 0 asks for the length only; getxattr(2).
    private static func replyXattr(_ request: fuse_req_t?, _ value: [UInt8], _ size: Int) {
        if size == 0 {
            fuse_reply_xattr(request, value.count)
        } else if value.count > size {
            fuse_reply_err(request, ERANGE)
        } else {
            send(request, value, 0..<value.count)
        }
    }

    private static func list(
        _ request: fuse_req_t?, _ node: fuse_ino_t, _ size: Int, _ offset: off_t, plus: Bool
    ) {
        answer(request) { server throws(SquashfsError) in
            var listing = Listing(server: server, request: request, capacity: size, plus: plus)
            try listing.fill(try server.inode(node), from: UInt64(bitPattern: Int64(offset)))
            send(request, listing.bytes, 0..<listing.bytes.count)
        }
    }
}
