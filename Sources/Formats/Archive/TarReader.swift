package import Base
import CArchive

/// Reads a tar archive from its start to its end: v7, ustar, GNU and pax, with long names, sparse files, links, devices
/// and the extended attributes of pax (`SCHILY.xattr.*`). libarchive does the work and never touches the file system.
///
/// Names are bytes: libarchive warns of those that are not in the locale's encoding and passes them on unchanged.
package final class TarReader {
    private let library: skl_archive
    private let archive: OpaquePointer
    private let feed: Feed
    private let source: any TarSource

    /// The target of libarchive's callbacks. It keeps the error of the source, which libarchive cannot carry.
    private final class Feed {
        unowned let source: any TarSource
        var failure: (any Error)?
        init(_ source: any TarSource) { self.source = source }
    }

    /// - Parameters:
    ///   - source: read to the end of the archive; what follows is left to the caller.
    ///   - isCompressed: whether an archive compressed with gzip, bzip2, xz or zstd is decompressed.
    /// - Throws: when libarchive is missing.
    package init(_ source: any TarSource, isCompressed: Bool = false) throws(SkiffError) {
        var library = try archiveLibrary()
        guard let archive = isCompressed ? skl_compressed_tar_reader(&library) : skl_tar_reader(&library) else {
            throw SkiffError("cannot read a tar archive: there is no memory")
        }
        self.library = library
        self.archive = archive
        self.source = source
        feed = Feed(source)
        let context = Unmanaged.passUnretained(feed).toOpaque()
        let status = library.archive_read_open2(
            archive, context, nil,
            { _, context, place in
                guard let context, let place else { return -1 }
                let feed = Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
                do {
                    let bytes = try feed.source.next()
                    place.pointee = bytes.baseAddress
                    return bytes.count
                } catch {
                    feed.failure = error
                    return -1
                }
            },
            { _, context, count in
                guard let context else { return 0 }
                let feed = Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
                do {
                    return la_int64_t(try feed.source.skip(Int64(count)))
                } catch {
                    feed.failure = error
                    return -1
                }
            }, nil)
        if status != ARCHIVE_OK { opening = reason }
    }

    /// The error of the initializer, thrown with the first entry, since an initializer cannot throw every error of the
    /// source.
    private var opening: String?

    deinit { _ = library.archive_read_free(archive) }

    private var reason: String {
        guard let text = library.archive_error_string(archive) else { return "it is damaged" }
        return String(cString: text)
    }

    /// Returns the error of the source if there was one, else libarchive's.
    private func failure() -> any Error {
        feed.failure ?? TarError(opening ?? reason)
    }

    /// Returns the next member, or nil at the end. Content that was not read is skipped.
    ///
    /// - Throws: `TarError`, or what the source threw.
    package func next() throws -> TarEntry? {
        if opening != nil { throw failure() }
        var found: OpaquePointer?
        let status = library.archive_read_next_header(archive, &found)
        if status == ARCHIVE_EOF { return nil }
        // A warning: mostly a name in another encoding, which is kept.
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let found else { throw failure() }
        return try entry(found)
    }

    /// The offset of the last member's content in the archive, in bytes; valid until any of it is read.
    package var contentOffset: Int64 { Int64(library.archive_filter_bytes(archive, 0)) }

    /// Returns the first bytes of the last member's content, at most `count`. The rest is skipped.
    package func start(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { space in
                library.archive_read_data(archive, space.baseAddress?.advanced(by: done), count - done)
            }
            if got == 0 { break }
            guard got > 0 else { throw failure() }
            done += got
        }
        return Array(bytes.prefix(done))
    }

    /// Reads the content of the last member: its parts in order, without holes.
    ///
    /// - Parameter body: called with the offset of a part in the file and its bytes, which are valid during the call.
    package func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        while true {
            var bytes: UnsafeRawPointer?
            var (count, offset) = (0, la_int64_t(0))
            let status = library.archive_read_data_block(archive, &bytes, &count, &offset)
            if status == ARCHIVE_EOF { return }
            guard status == ARCHIVE_OK || status == ARCHIVE_WARN else { throw failure() }
            if count > 0 { try body(Int64(offset), UnsafeRawBufferPointer(start: bytes, count: count)) }
        }
    }
}

extension TarReader {
    private func entry(_ entry: OpaquePointer) throws(TarError) -> TarEntry {
        let path = Self.bytes(library.archive_entry_pathname(entry))
        guard let uid = UInt32(exactly: library.archive_entry_uid(entry)),
            let gid = UInt32(exactly: library.archive_entry_gid(entry))
        else {
            throw TarError("\(Self.text(path)) has an owner that is no number of 32 bits")
        }
        let kind = try kind(entry, path)
        let size = kind == .file ? Int64(library.archive_entry_size(entry)) : 0
        guard size >= 0 else { throw TarError("\(Self.text(path)) has a negative size") }
        return TarEntry(
            path: path, kind: kind, permissions: UInt16(library.archive_entry_perm(entry) & 0o7777), uid: uid, gid: gid,
            modified: Int64(library.archive_entry_mtime(entry)), size: size, xattrs: xattrs(entry))
    }

    private func kind(_ entry: OpaquePointer, _ path: [UInt8]) throws(TarError) -> TarEntry.Kind {
        if let target = library.archive_entry_hardlink(entry) { return .hardLink(Self.bytes(target)) }
        switch library.archive_entry_filetype(entry) & 0o170000 {
        case 0o100000: return .file
        case 0o040000: return .directory
        case 0o120000: return .symlink(Self.bytes(library.archive_entry_symlink(entry)))
        case 0o010000: return .pipe
        case 0o020000: return .character(major: major(entry), minor: minor(entry))
        case 0o060000: return .block(major: major(entry), minor: minor(entry))
        default: throw TarError("\(Self.text(path)) is of a kind that no file can be")
        }
    }

    private func major(_ entry: OpaquePointer) -> UInt32 {
        UInt32(truncatingIfNeeded: library.archive_entry_rdevmajor(entry))
    }

    private func minor(_ entry: OpaquePointer) -> UInt32 {
        UInt32(truncatingIfNeeded: library.archive_entry_rdevminor(entry))
    }

    private func xattrs(_ entry: OpaquePointer) -> [TarEntry.Xattr] {
        guard library.archive_entry_xattr_reset(entry) > 0 else { return [] }
        var result: [TarEntry.Xattr] = []
        var (name, value, count): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
        while library.archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK {
            result.append(
                TarEntry.Xattr(name: Self.bytes(name), value: Array(UnsafeRawBufferPointer(start: value, count: count)))
            )
        }
        return result
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text else { return [] }
        var count = 0
        while text[count] != 0 { count += 1 }
        return Array(UnsafeRawBufferPointer(start: text, count: count))
    }

    private static func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }
}
