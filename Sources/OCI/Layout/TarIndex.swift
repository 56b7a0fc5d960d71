import Archive
import Base
import Digest
import Linux

/// The members of a tar archive by name, so that they can be read in place. An archive that is compressed as a whole is
/// decompressed once, into an unnamed file; any other is never unpacked.
struct TarIndex {
    /// The members by their cleaned paths.
    private var members: [[UInt8]: Blob] = [:]
    /// Symbolic links, as docker save makes them for equal layers.
    private var links: [[UInt8]: [UInt8]] = [:]
    private let path: String

    /// More members than any image has layers and manifests.
    private static let mostMembers = 1 << 17

    /// - Parameter temporary: the directory for the decompressed archive, if one is needed.
    init(_ archive: Blob, path: String, temporary: String) throws(SkiffError) {
        self.path = path
        let file = try Self.decompressed(archive, path, temporary)
        do {
            let reader = try TarReader(FileTar(file))
            while let entry = try reader.next() {
                guard members.count + links.count < Self.mostMembers else { throw TarError("it has too many members") }
                take(entry, file, reader.contentOffset)
            }
        } catch let error as SkiffError {
            throw error
        } catch {
            throw SkiffError("cannot read \(path): \(error)")
        }
    }

    private mutating func take(_ entry: TarEntry, _ file: Blob, _ offset: Int64) {
        let name = Self.clean(entry.path)
        switch entry.kind {
        case .file:
            // The bytes at this offset are not the content of a sparse or truncated member.
            guard offset >= 0, entry.size <= file.size - min(offset, file.size) else { return }
            members[name] = Blob(file: file.file, offset: file.offset + offset, size: entry.size)
        case .hardLink(let target): members[name] = members[Self.clean(target)]
        case .symlink(let target):
            let parent = name.lastIndex(of: 0x2F).map { Array(name[..<$0]) } ?? []
            links[name] = Self.clean(target.first == 0x2F ? target : parent + [0x2F] + target)
        default: break
        }
    }

    private static func clean(_ path: [UInt8]) -> [UInt8] {
        Array(LayerMerge.clean(path).joined(separator: [0x2F]))
    }

    func has(_ name: String) -> Bool { find(name) != nil }

    func blob(_ name: String) throws(SkiffError) -> Blob {
        guard let found = find(name) else { throw SkiffError("cannot read \(path): it has no \(name)") }
        return found
    }

    private func find(_ name: String) -> Blob? {
        var name = Self.clean(Array(name.utf8))
        for _ in 0..<8 {
            if let found = members[name] { return found }
            guard let target = links[name] else { return nil }
            name = target
        }
        return nil
    }

    /// Returns the archive itself, or its decompressed content in another file.
    private static func decompressed(_ archive: Blob, _ path: String, _ temporary: String) throws(SkiffError) -> Blob {
        var input = BlobInput(archive, path, try SHA256())
        var decoder = try LayerDecoder(head: try input.head())
        if decoder.isPlain { return archive }
        let limits = LayerLimits()
        let output = try temporaryFile(in: temporary)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var size: Int64 = 0
        while true {
            let count = try decoder.fill(buffer, from: &input, path)
            if count == 0 { break }
            let raw = output.raw
            try during(
                "cannot decompress \(path) to \(temporary)",
                hint: "Set APPTAINER_TMPDIR to a directory with more room"
            ) { () throws(Errno) in
                try writeFully(raw, UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: size)
            }
            size += Int64(count)
            try limits.check(size, of: archive.size, path)
        }
        return Blob(file: SharedFile(output, path: path), offset: 0, size: size)
    }

    /// Returns an unnamed file, which is removed with its last descriptor.
    static func temporaryFile(in directory: String) throws(SkiffError) -> OwnedFD {
        let name = "\(directory)/archive-\(uniqueName())"
        return try during("cannot make \(name)") { () throws(Errno) in
            let file = try open(name, [.readWrite, .create, .exclusive], mode: 0o600)
            try unlink(name)
            return file
        }
    }
}

/// An uncompressed archive in a file; skipped bytes are not read.
private final class FileTar: TarSource {
    private let blob: Blob
    private var position: Int64 = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 64)

    init(_ blob: Blob) { self.blob = blob }
    deinit { buffer.deallocate() }

    func next() throws -> UnsafeRawBufferPointer {
        let wanted = Int(min(Int64(buffer.count), blob.size - position))
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        let got = try readFully(blob.file.raw, into: target, at: blob.offset + position)
        position += Int64(got)
        return UnsafeRawBufferPointer(rebasing: target[..<got])
    }

    func skip(_ count: Int64) -> Int64 {
        let skipped = max(0, min(count, blob.size - position))
        position += skipped
        return skipped
    }
}
