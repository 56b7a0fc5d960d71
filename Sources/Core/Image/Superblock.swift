import Linux

/// What the first 2048 bytes of a file or partition say about the file system in it; Docs/spec/squashfs-and-ext3.md §1.
///
/// Enough to refuse the wrong thing early with a text that users know; the driver that mounts it checks the rest.
enum Superblock {
    /// How many bytes every check needs. Anything shorter is not an image.
    static let size = 2048

    enum Answer: Equatable {
        /// The file system starts here, in bytes from the start of what was looked at.
        case found(offset: Int)
        case notMine
        /// It is that file system but unusable, with Apptainer's text.
        case broken(String)
    }

    /// - Parameter bytes: at least 2048; fewer are "not mine".
    static func squashfs(_ bytes: RawSpan) -> Answer {
        let start = afterLaunchLine(bytes)
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(bytes, at: start)
            // "hsqs", little-endian; Docs/spec/squashfs-and-ext3.md §1.1 has the fields.
            guard bytes.byteCount >= size, try reader.u32() == 0x7371_7368 else { return .notMine }
            try reader.seek(to: start + 20)
            let compression = try reader.u16()
            guard (1...6).contains(compression) else {
                return .broken("corrupted image: unknown compression algorithm value \(compression)")
            }
            return .found(offset: start)
        } catch {
            return .notMine
        }
    }

    /// ext3 as mke2fs makes it; ext2 and ext4 are refused by their feature words
    /// (Docs/spec/squashfs-and-ext3.md §1.2).
    static func ext3(_ bytes: RawSpan) -> Answer {
        let start = afterLaunchLine(bytes)
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(bytes, at: start)
            guard bytes.byteCount >= size else { return .notMine }
            try reader.skip(1080)
            guard try reader.u16() == 0xEF53 else { return .notMine }
            try reader.seek(to: start + 1116)
            let compatible = try reader.u32()
            let incompatible = try reader.u32()
            let readOnlyCompatible = try reader.u32()
            let hasJournal: UInt32 = 0x4
            // filetype, recover, meta_bg; sparse_super, large_file, btree_dir.
            guard compatible & hasJournal != 0, incompatible & ~0x16 == 0, readOnlyCompatible & ~0x7 == 0 else {
                return .broken("file is not a valid ext3 image")
            }
            return .found(offset: start)
        } catch {
            return .notMine
        }
    }

    /// Returns where the file system starts in an image of Singularity 2, whose first line runs it: after `
    /// run-singularity` and its newline. 0 without such a line.
    static func afterLaunchLine(_ bytes: RawSpan) -> Int {
        let text = Array(" run-singularity".utf8)
        guard let index = firstIndex(of: text, in: bytes), index > 0 else { return 0 }
        return index + text.count + 1
    }

    /// Whether the text that marks a SIF file is anywhere in the first 2048 bytes; if so, no other type is tried.
    static func mentionsSIF(_ bytes: RawSpan) -> Bool {
        firstIndex(of: SIFHeader.magic.dropLast(), in: bytes) != nil
    }

    private static func firstIndex(of text: some Collection<UInt8>, in bytes: RawSpan) -> Int? {
        bytes.withUnsafeBytes { raw in
            let area = raw.prefix(size)
            guard let first = text.first, area.count >= text.count else { return nil }
            return (0...area.count - text.count).first { index in
                area[index] == first && area[index...].starts(with: text)
            }
        }
    }
}
