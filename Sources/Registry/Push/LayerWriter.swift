import Archive
import Base
import CArchive
import Core
import Digest
import Extraction
import Linux
import Squashfs

/// Writes the root file system of an image as one layer: a tar archive compressed with gzip, both hashed on the way;
/// OCI image-spec, layer.md.
final class LayerWriter {
    struct Layer {
        /// The digest of the uncompressed archive, `sha256:…`.
        let diffID: String
        /// The digest of the compressed archive.
        let digest: String
        let size: Int64
    }

    private let reader: SquashfsReader
    private let file: CInt
    private let path: String
    private let bar: Progress.Bar
    private let library: skl_archive
    private let archive: OpaquePointer
    private let compressor: OpaquePointer
    private var tarDigest: SHA256?
    private var digest: SHA256?
    private var size: Int64 = 0
    private var failure: Errno?
    /// The first name of every file that has several.
    private var firstNames: [InodeReference: [UInt8]] = [:]
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)

    /// - Parameters:
    ///   - file: an empty file, lent.
    ///   - path: the name of the file, for messages.
    init(_ reader: SquashfsReader, to file: CInt, path: String, bar: Progress.Bar) throws(SkiffError) {
        (self.reader, self.file, self.path, self.bar) = (reader, file, path, bar)
        library = try archiveLibrary()
        guard let archive = library.archive_write_new(), let compressor = library.archive_write_new() else {
            throw SkiffError("cannot write a layer: there is no memory")
        }
        (self.archive, self.compressor) = (archive, compressor)
        tarDigest = try SHA256()
        digest = try SHA256()
    }

    deinit {
        _ = library.archive_write_free(archive)
        _ = library.archive_write_free(compressor)
    }

    func write() throws(SkiffError) -> Layer {
        try begin()
        // Keeps errors of the archive apart from errors of the image.
        var problem: SkiffError?
        do throws(SquashfsError) {
            try reader.walk(try reader.root()) { (path, inode) throws(SquashfsError) in
                if problem != nil { return }
                do throws(SkiffError) { try self.add(path, inode) } catch { problem = error }
            }
        } catch {
            throw SkiffError("cannot read the image's file system: \(error)")
        }
        if let problem { throw problem }
        try check(library.archive_write_close(archive), archive)
        try check(library.archive_write_close(compressor), compressor)
        guard let tar = tarDigest.take(), let whole = digest.take() else {
            throw SkiffError("cannot write a layer twice")
        }
        return Layer(diffID: try tar.text(), digest: try whole.text(), size: size)
    }

    // MARK: the two archives, one feeding the other

    private func begin() throws(SkiffError) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        try check(library.archive_write_set_format_raw(compressor), compressor)
        try check(library.archive_write_add_filter_gzip(compressor), compressor)
        // No name or time in the header of gzip, so that the same image gives the same layer.
        try check(library.archive_write_set_filter_option(compressor, "gzip", "timestamp", nil), compressor)
        // Nothing may follow the compressed stream.
        _ = library.archive_write_set_bytes_per_block(compressor, 1 << 18)
        _ = library.archive_write_set_bytes_in_last_block(compressor, 1)
        try check(
            library.archive_write_open(
                compressor, context, nil, { LayerWriter.of($1)?.takeOutput($2, $3) ?? -1 }, nil), compressor)
        let entry = library.archive_entry_new()
        defer { library.archive_entry_free(entry) }
        library.archive_entry_set_filetype(entry, UInt32(0o100000))
        try check(library.archive_write_header(compressor, entry), compressor)
        try check(library.archive_write_set_format_pax_restricted(archive), archive)
        try check(library.archive_write_set_options(archive, "hdrcharset=BINARY"), archive)
        try check(
            library.archive_write_open(archive, context, nil, { LayerWriter.of($1)?.takeTar($2, $3) ?? -1 }, nil),
            archive)
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> LayerWriter? {
        context.map { Unmanaged<LayerWriter>.fromOpaque($0).takeUnretainedValue() }
    }

    private func takeTar(_ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        guard (try? tarDigest?.update(UnsafeRawBufferPointer(start: bytes, count: count))) != nil else { return -1 }
        return library.archive_write_data(compressor, bytes, count) == count ? count : -1
    }

    private func takeOutput(_ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        let buffer = UnsafeRawBufferPointer(start: bytes, count: count)
        guard (try? digest?.update(buffer)) != nil else { return -1 }
        do throws(Errno) {
            try writeFully(file, buffer)
        } catch {
            failure = error
            return -1
        }
        size += Int64(count)
        return count
    }

    private func check(_ result: CInt, _ archive: OpaquePointer) throws(SkiffError) {
        guard result < ARCHIVE_WARN else { return }
        if let failure {
            throw SkiffError("cannot write \(path)", errno: failure, hint: "Set APPTAINER_TMPDIR to a larger directory")
        }
        let text = library.archive_error_string(archive).map { String(cString: $0) } ?? "libarchive refuses"
        throw SkiffError("cannot write \(path): \(text)")
    }

    // MARK: entries

    private func add(_ path: [UInt8], _ inode: Inode) throws(SkiffError) {
        // Tar archives have no sockets, and a socket in an image has no listener.
        if inode.kind == .socket { return }
        let entry = library.archive_entry_new()
        defer { library.archive_entry_free(entry) }
        let name = inode.isDirectory ? path + [0x2F] : path
        Self.withCString(name) { library.archive_entry_copy_pathname(entry, $0) }
        library.archive_entry_set_mode(entry, inode.mode)
        library.archive_entry_set_uid(entry, Int64(inode.uid))
        library.archive_entry_set_gid(entry, Int64(inode.gid))
        library.archive_entry_set_mtime(entry, time_t(inode.modified), 0)
        if inode.links > 1, !inode.isDirectory {
            if let first = firstNames[inode.reference] {
                Self.withCString(first) { library.archive_entry_copy_hardlink(entry, $0) }
                library.archive_entry_set_size(entry, 0)
                return try check(library.archive_write_header(archive, entry), archive)
            }
            firstNames[inode.reference] = path
        }
        try special(inode, entry)
        try check(library.archive_write_header(archive, entry), archive)
        if inode.kind == .file { try content(inode) }
    }

    private func special(_ inode: Inode, _ entry: OpaquePointer?) throws(SkiffError) {
        do throws(SquashfsError) {
            switch inode.kind {
            case .file: library.archive_entry_set_size(entry, Int64(clamping: inode.size))
            case .symlink:
                Self.withCString(try reader.target(of: inode)) { library.archive_entry_copy_symlink(entry, $0) }
            case .blockDevice, .characterDevice:
                library.archive_entry_set_rdevmajor(entry, dev_t(inode.major))
                library.archive_entry_set_rdevminor(entry, dev_t(inode.minor))
            default: break
            }
            for attribute in try reader.xattrs(of: inode) {
                Self.withCString(attribute.name) { name in
                    library.archive_entry_xattr_add_entry(entry, name, attribute.value, attribute.value.count)
                }
            }
        } catch {
            throw SkiffError("cannot read the image's file system: \(error)")
        }
    }

    private func content(_ inode: Inode) throws(SkiffError) {
        var offset: UInt64 = 0
        while offset < inode.size {
            let count: Int
            do throws(SquashfsError) {
                count = try buffer.withUnsafeMutableBufferPointer { (space) throws(SquashfsError) in
                    try reader.read(inode, at: offset, into: UnsafeMutableRawBufferPointer(space))
                }
            } catch {
                throw SkiffError("cannot read the image's file system: \(error)")
            }
            guard count > 0 else { throw SkiffError("cannot read the image's file system: a file ends too early") }
            guard library.archive_write_data(archive, buffer, count) == count else {
                return try check(ARCHIVE_FATAL, archive)
            }
            offset += UInt64(count)
            bar.advance(Int64(count))
        }
    }

    private static func withCString(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Void) {
        (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { body(base) }
        }
    }
}
