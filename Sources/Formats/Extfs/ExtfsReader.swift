import CExtfs
import CLinux
package import Extraction
package import Linux

/// An ext2, ext3 or ext4 file system in a part of an open file, read by libext2fs without any mount. The journal is not
/// replayed, as with the kernel's `noload`.
package final class ExtfsReader {
    private let file: OwnedFD
    private let handle: OpaquePointer
    /// `lost+found` in the root directory belongs to the file system, not to what is in it.
    private let leavesOutLostAndFound: Bool

    /// - Parameters:
    ///   - range: where the file system lies in the file.
    package init(_ file: consuming OwnedFD, _ range: ByteRange = .whole, leavesOutLostAndFound: Bool = false)
        throws(ExtfsError)
    {
        let length = try Self.length(of: file.raw, range)
        var opened: OpaquePointer?
        try Self.check(skl_extfs_open(file.raw, UInt64(clamping: range.offset), length, &opened))
        guard let opened else { throw .corrupt(.notExtfs) }
        handle = opened
        self.file = file
        self.leavesOutLostAndFound = leavesOutLostAndFound
    }

    deinit { skl_extfs_close(handle) }

    /// Returns how long the file system may be, once its superblock is found to fit.
    private static func length(of file: CInt, _ range: ByteRange) throws(ExtfsError) -> UInt64 {
        let total: UInt64
        let superblock: [UInt8]
        do throws(Errno) {
            total = try endOffset(of: file)
            guard range.offset >= 0, range.size >= 0, total <= UInt64(Int64.max), UInt64(range.offset) <= total else {
                throw .invalidArgument
            }
            let place = range.offset + Int64(ExtfsGeometry.superblockOffset)
            superblock = try readBytes(file, at: place, count: ExtfsGeometry.superblockSize)
        } catch {
            throw .kernel(error)
        }
        let length =
            range.size == 0 ? total - UInt64(range.offset) : min(UInt64(range.size), total - UInt64(range.offset))
        try ExtfsGeometry(superblock).check(imageSize: length)
        return length
    }

    private static func check(_ error: Int) throws(ExtfsError) {
        guard error != 0 else { return }
        throw .library(skl_extfs_message(error).map { String(cString: $0).lowercased() } ?? "error \(error)")
    }

    private func inode(_ number: UInt32) throws(ExtfsError) -> SourceNode<UInt32> {
        var inode = skl_extfs_inode()
        try Self.check(skl_extfs_read_inode(handle, number, &inode))
        guard let kind = NodeKind(rawValue: UInt32(inode.mode) & 0o170000) else { throw .corrupt(.fileType) }
        return SourceNode(
            identity: UInt64(number), kind: kind, permissions: UInt32(inode.mode) & 0o7777, uid: inode.uid,
            gid: inode.gid, modified: inode.modified, links: inode.links, size: kind == .file ? inode.size : 0,
            major: inode.major, minor: inode.minor, file: number)
    }
}

extension ExtfsReader: TreeSource {
    package struct Listing {
        fileprivate var entries: ArraySlice<(inode: UInt32, name: [UInt8])>
    }

    private static var rootNumber: UInt32 { 2 }

    package func rootNode() throws(ExtfsError) -> SourceNode<UInt32> { try inode(Self.rootNumber) }

    package func listing(of directory: UInt32) throws(ExtfsError) -> Listing {
        var found: UnsafeMutablePointer<skl_extfs_entry>?
        var count = 0
        try Self.check(skl_extfs_entries(handle, directory, &found, &count))
        defer { free(found) }
        var result: [(inode: UInt32, name: [UInt8])] = []
        var dots = 0
        for entry in UnsafeBufferPointer(start: found, count: count) {
            let name = withUnsafeBytes(of: entry.name) { Array($0.prefix(Int(entry.length))) }
            // What they lead to is known; the kernel does not look at them either.
            if name == [0x2E] || name == [0x2E, 0x2E] {
                dots += 1
                continue
            }
            if leavesOutLostAndFound, directory == Self.rootNumber, name.elementsEqual("lost+found".utf8) { continue }
            result.append((entry.inode, name))
        }
        guard dots <= 2 else { throw .corrupt(.dots) }
        return Listing(entries: result[...])
    }

    package func next(_ listing: inout Listing) throws(ExtfsError) -> (name: [UInt8], node: SourceNode<UInt32>)? {
        guard let entry = listing.entries.popFirst() else { return nil }
        return (entry.name, try inode(entry.inode))
    }

    package func linkTarget(of link: UInt32) throws(ExtfsError) -> [UInt8] {
        var inode = skl_extfs_inode()
        try Self.check(skl_extfs_read_inode(handle, link, &inode))
        // Up to the block size, which is 64 KiB at most; PATH_MAX of Linux is less.
        guard (1..<4096).contains(inode.size) else { throw .corrupt(.linkLength) }
        var target = [UInt8](repeating: 0, count: Int(inode.size))
        let error = target.withUnsafeMutableBytes { skl_extfs_target(handle, link, $0.baseAddress, $0.count) }
        try Self.check(error)
        return target
    }

    package func attributes(of file: UInt32) throws(ExtfsError) -> [ExtendedAttribute] {
        var found: UnsafeMutablePointer<UnsafeMutablePointer<skl_extfs_xattr>?>?
        var count = 0
        try Self.check(skl_extfs_xattrs(handle, file, &found, &count))
        defer {
            for item in UnsafeBufferPointer(start: found, count: count) { free(item) }
            free(found)
        }
        return UnsafeBufferPointer(start: found, count: count).compactMap { item in
            guard let item else { return nil }
            let length = item.pointee.name_length
            let bytes = UnsafeRawBufferPointer(
                start: skl_extfs_xattr_bytes(item), count: length + item.pointee.value_length)
            return ExtendedAttribute(name: Array(bytes[..<length]), value: Array(bytes[length...]))
        }
    }

    /// A block outside of the file system, or one of two files, is an error.
    package func content(of file: UInt32, _ write: (UInt64, UnsafeRawBufferPointer) throws -> Void) throws {
        var found: UnsafeMutablePointer<skl_extfs_run>?
        var count = 0
        try Self.check(skl_extfs_runs(handle, file, &found, &count))
        defer { free(found) }
        let blockSize = UInt64(skl_extfs_block_size(handle))
        let most = max(1, (1 << 20) / blockSize)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(most * blockSize), alignment: 16)
        defer { buffer.deallocate() }
        for run in UnsafeBufferPointer(start: found, count: count) {
            var done: UInt64 = 0
            while done < run.count {
                let blocks = min(most, run.count - done)
                try Self.check(
                    skl_extfs_read_blocks(handle, run.physical + done, CInt(blocks), buffer.baseAddress))
                let (offset, overflows) = (run.logical + done).multipliedReportingOverflow(by: blockSize)
                guard !overflows else { throw ExtfsError.corrupt(.fileSize) }
                try write(offset, UnsafeRawBufferPointer(rebasing: buffer[..<Int(blocks * blockSize)]))
                done += blocks
            }
        }
    }
}
