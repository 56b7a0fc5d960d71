import Base
import Core
import Linux

/// Refuses a truncated image file. Where a transport names neither size nor digest, only the image itself tells its
/// length.
///
/// - Parameter size: the size of the file, in bytes.
func checkLength(of image: borrowing ImageSource, _ size: Int64) throws(SkiffError) {
    guard let needed = try neededLength(of: image), needed > size else { return }
    throw SkiffError("it ends after \(size) of \(needed) bytes")
}

private func neededLength(of image: borrowing ImageSource) throws(SkiffError) -> Int64? {
    if let sif = image.sif {
        return sif.objects.map { $0.offset.addingReportingOverflow($0.size).partialValue }.max()
    }
    guard let root = image.root else { return nil }
    do throws(Errno) {
        let bytes = try readBytes(image.descriptor.raw, at: root.range.offset, count: 2048)
        guard let length = root.filesystem == .squashfs ? squashfsLength(bytes) : ext3Length(bytes) else { return nil }
        let (end, isTooFar) = root.range.offset.addingReportingOverflow(length)
        return isTooFar ? .max : end
    } catch {
        throw SkiffError("cannot read its superblock", errno: error)
    }
}

/// Returns bytes_used of the superblock; Docs/spec/squashfs-and-ext3.md §1.1.
private func squashfsLength(_ bytes: [UInt8]) -> Int64? {
    var reader = ByteReader(bytes.span.bytes)
    do throws(ByteReader.Truncated) {
        try reader.skip(40)
        return Int64(clamping: try reader.u64())
    } catch {
        return nil
    }
}

/// Returns the length by s_blocks_count and s_log_block_size of the superblock, which begins at byte 1024.
private func ext3Length(_ bytes: [UInt8]) -> Int64? {
    var reader = ByteReader(bytes.span.bytes)
    do throws(ByteReader.Truncated) {
        try reader.skip(1028)
        let blocks = Int64(try reader.u32())
        try reader.skip(16)
        let shift = try reader.u32()
        // Blocks of 1, 2 or 4 KiB, up to 64 KiB on machines with such pages.
        guard shift <= 6 else { return nil }
        return blocks << Int64(10 + shift)
    } catch {
        return nil
    }
}
