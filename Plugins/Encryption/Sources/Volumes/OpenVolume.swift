import Glibc
import PluginAPI
import PluginKit

/// A volume whose blocks are read. Many threads at once; nothing is allocated.
final class OpenVolume: Sendable {
    private enum Cipher: Sendable {
        case sectors(SectorCipher)
        case blocks(GocryptfsCipher, split: UInt64, rest: UInt64)
    }

    let size: UInt64
    private let descriptor: Int32
    private let place: UInt64
    private let cipher: Cipher

    /// How many threads the image server has at most, and some more.
    private static let threads = 16

    /// - Parameter descriptor: the image, lent for the life of the volume.
    init(_ opened: OpenedVolume, _ descriptor: Int32) throws(PluginError) {
        (size, place, self.descriptor) = (opened.size, opened.place, descriptor)
        switch opened.kind {
        case .sectors(let size, let tweak):
            cipher = .sectors(
                try SectorCipher(
                    .decrypting, key: opened.key, sectorSize: size, firstUnit: tweak, threads: Self.threads))
        case .blocks(let id, let split, let rest):
            cipher = .blocks(
                try GocryptfsCipher(.decrypting, masterKey: opened.key, id: id, threads: Self.threads), split: split,
                rest: rest)
        }
    }

    /// Fills a buffer; `offset` and its size are multiples of 512, and its end is at most the size of the volume, rounded up.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int32 {
        guard offset % 512 == 0, buffer.count % 512 == 0,
            UInt64(buffer.count) <= (size + 511) / 512 * 512, offset <= (size + 511) / 512 * 512 - UInt64(buffer.count)
        else { return SKIFF_E_INVALID }
        switch cipher {
        case .sectors(let cipher): return readSectors(cipher, buffer, offset)
        case .blocks(let cipher, let split, let rest): return readBlocks(cipher, split, rest, buffer, offset)
        }
    }

    private func readSectors(_ cipher: SectorCipher, _ buffer: UnsafeMutableRawBufferPointer, _ offset: UInt64) -> Int32
    {
        let sector = UInt64(cipher.sectorSize)
        if offset % sector == 0, UInt64(buffer.count) % sector == 0 {
            guard fill(buffer, at: place + offset) else { return SKIFF_E_SYSTEM }
            return cipher.run(buffer, at: offset) ? SKIFF_OK : SKIFF_E_INTERNAL
        }
        // Parts of sectors of 4096 bytes, one by one.
        return byParts(of: sector, buffer, offset) { room, start in
            guard fill(room, at: place + start) else { return SKIFF_E_SYSTEM }
            return cipher.run(room, at: start) ? SKIFF_OK : SKIFF_E_INTERNAL
        }
    }

    private func readBlocks(
        _ cipher: GocryptfsCipher, _ split: UInt64, _ rest: UInt64, _ buffer: UnsafeMutableRawBufferPointer,
        _ offset: UInt64
    ) -> Int32 {
        let block = UInt64(GocryptfsFile.blockSize)
        return byParts(of: block, buffer, offset) { room, start in
            withUnsafeTemporaryAllocation(byteCount: GocryptfsFile.storedBlockSize, alignment: 64) { stored in
                let count = Int(min(block, size - start))
                let number = start / block
                let bytes = UnsafeMutableRawBufferPointer(rebasing: stored[..<(count + GocryptfsFile.overhead)])
                guard fillStored(bytes, at: GocryptfsFile.offset(ofBlock: number), split, rest) else {
                    return SKIFF_E_SYSTEM
                }
                let plain = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
                guard cipher.decrypt(number, UnsafeRawBufferPointer(bytes), into: plain) else { return SKIFF_E_INVALID }
                for index in count..<room.count { room[index] = 0 }
                return SKIFF_OK
            }
        }
    }

    /// Reads a range in pieces of `unit` bytes, of which the first and the last may be needed in part only.
    private func byParts(
        of unit: UInt64, _ buffer: UnsafeMutableRawBufferPointer, _ offset: UInt64,
        _ read: (UnsafeMutableRawBufferPointer, UInt64) -> Int32
    ) -> Int32 {
        withUnsafeTemporaryAllocation(byteCount: Int(unit), alignment: 64) { room in
            var done = 0
            while done < buffer.count {
                let at = offset + UInt64(done)
                let start = at / unit * unit
                let skip = Int(at - start)
                let count = min(Int(unit) - skip, buffer.count - done)
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                if count == Int(unit) {
                    let status = read(target, start)
                    if status != SKIFF_OK { return status }
                } else {
                    let status = read(room, start)
                    if status != SKIFF_OK { return status }
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[skip..<skip + count]))
                }
                done += count
            }
            return SKIFF_OK
        }
    }

    /// Reads bytes of the stored file, which may lie in two parts.
    private func fillStored(
        _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, _ split: UInt64, _ rest: UInt64
    ) -> Bool {
        if offset >= split { return fill(buffer, at: rest &+ (offset - split)) }
        let first = Int(min(UInt64(buffer.count), split - offset))
        guard fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<first]), at: place &+ offset) else { return false }
        return first == buffer.count || fill(UnsafeMutableRawBufferPointer(rebasing: buffer[first...]), at: rest)
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        var done = 0
        while done < buffer.count {
            let got = pread(
                descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done,
                off_t(truncatingIfNeeded: offset &+ UInt64(done)))
            if got < 0 && errno == EINTR { continue }
            if got <= 0 { return false }
            done += got
        }
        return true
    }
}
