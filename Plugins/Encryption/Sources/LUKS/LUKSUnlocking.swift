import PluginAPI
import PluginKit

/// Opens a LUKS2 volume: reads its header, and finds the volume key.
struct LUKSUnlocking {
    /// Of the image, for messages.
    let path: String
    /// The volume in the image.
    let part: FilePart

    /// No header that anybody makes is larger, in bytes.
    private static let longestKeys: UInt64 = 256 << 20

    func unlock(_ secret: SecretBytes) throws(PluginError) -> OpenedVolume {
        let (header, _) = try header()
        let key = try LUKSSlots(header: header, path: path, part: part).volumeKey(secret)
        return OpenedVolume(
            .sectors(size: header.sectorSize, firstTweak: header.tweakOffset),
            place: part.offset + header.dataOffset, size: header.dataSize, key: key)
    }

    /// Returns the header, and a file in memory that libcryptsetup takes for the whole volume: it has the chosen copy of the header
    /// and the key slots, and nothing else.
    func prepare() throws(PluginError) -> (header: LUKSHeader, file: HostFile) {
        let (header, copy) = try header()
        do throws(LUKSProblem) {
            return (header, try file(header, copy))
        } catch {
            throw problem(error)
        }
    }

    func header() throws(PluginError) -> (LUKSHeader, LUKSHeaderCopy) {
        try Crypto.open()
        do throws(LUKSProblem) {
            let start = try head()
            let copy = try LUKSHeaderCopy(findIn: start) { (bytes) throws(LUKSProblem) in
                guard let digest = Crypto.sha256(bytes) else { throw LUKSProblem("libcrypto refuses") }
                return digest
            }
            let header = try LUKSHeader(copy, volumeSize: part.size)
            if let slot = header.keyslots.first, !header.keyslots.contains(where: \.derivation.isBearable) {
                throw LUKSProblem("its key slot \(slot.number) demands \(slot.derivation.excess ?? "too much")")
            }
            guard header.keysEnd <= Self.longestKeys else { throw LUKSProblem("its key slots are too large") }
            return (header, copy)
        } catch {
            throw problem(error)
        }
    }

    private func problem(_ error: LUKSProblem) -> PluginError {
        PluginError("cannot open \(path): \(error.reason)", status: SKIFF_E_INVALID)
    }

    private func head() throws(LUKSProblem) -> [UInt8] {
        do throws(SystemError) {
            // Both copies where the first one says how long they are, and otherwise all that they may be.
            let first = try read(LUKSBinaryHeader.length)
            let size = LUKSBinaryHeader(first, .first, at: 0).map { 2 * $0.size }
            return try read(size ?? LUKSHeaderCopy.reach)
        } catch {
            throw LUKSProblem("its header cannot be read: error \(error.number)")
        }
    }

    private func read(_ count: Int) throws(SystemError) -> [UInt8] {
        try Host.read(part.descriptor, at: Int64(clamping: part.offset), count: Int(min(part.size, UInt64(count))))
    }

    private func file(_ header: LUKSHeader, _ copy: LUKSHeaderCopy) throws(LUKSProblem) -> HostFile {
        do throws(SystemError) {
            let file = try HostFile(inMemory: "luks-header")
            // libcryptsetup wants to see the beginning of the data, too.
            try Host.setLength(file.descriptor, Int64(clamping: header.dataOffset + UInt64(header.sectorSize)))
            let keys = header.keyslots.map(\.area.lowerBound).min() ?? header.keysEnd
            try copyRange(file, UInt64(copy.offset)..<UInt64(copy.offset + copy.binary.size))
            try copyRange(file, keys..<header.keysEnd)
            return file
        } catch {
            throw LUKSProblem("its header cannot be copied: error \(error.number)")
        }
    }

    private func copyRange(_ file: HostFile, _ range: Range<UInt64>) throws(SystemError) {
        try Host.copy(
            part.descriptor, from: Int64(clamping: part.offset + range.lowerBound), to: file.descriptor,
            at: Int64(clamping: range.lowerBound), size: Int64(clamping: range.upperBound - range.lowerBound))
    }
}
