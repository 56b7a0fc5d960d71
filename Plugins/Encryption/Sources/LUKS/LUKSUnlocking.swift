import COpenSSL
import PluginAPI
import PluginKit

/// Opens a LUKS2 volume: checks its header, and has `skiff-luks` find the volume key.
struct LUKSUnlocking {
    let session: Session
    /// Of the image, for messages.
    let path: String
    /// The volume in the image.
    let part: FilePart

    /// No header that anybody makes is larger, in bytes.
    private static let longestKeys: UInt64 = 256 << 20
    private static let program = "skiff-luks"

    /// What the secret opens.
    ///
    /// - Parameter secret: asked for when the header is known to be one that can be opened.
    func unlock(_ secret: () throws(PluginError) -> SecretBytes) throws(PluginError) -> KeptVolume {
        let (header, file) = try prepare()
        let usable = header.keyslots.filter(\.derivation.isBearable)
        let key = try volumeKey(file, usable.map(\.number), header, try secret())
        return KeptVolume(
            .sectors(size: header.sectorSize, firstTweak: header.tweakOffset),
            place: part.offset + header.dataOffset, size: header.dataSize, key: key)
    }

    /// Returns the header, and a file in memory that libcryptsetup takes for the whole volume: it has the chosen copy of the header
    /// and the key slots, and nothing else.
    func prepare() throws(PluginError) -> (header: LUKSHeader, file: HostFile) {
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
            return (header, try file(header, copy))
        } catch {
            throw PluginError("cannot open \(path): \(error.reason)", status: SKIFF_E_INVALID)
        }
    }

    private func head() throws(LUKSProblem) -> [UInt8] {
        let count = Int(min(part.size, UInt64(LUKSHeaderCopy.reach)))
        do throws(SystemError) {
            return try Host.read(part.descriptor, at: Int64(clamping: part.offset), count: count)
        } catch {
            throw LUKSProblem("its header cannot be read: error \(error.number)")
        }
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

    private func volumeKey(
        _ file: HostFile, _ slots: [Int], _ header: LUKSHeader, _ secret: SecretBytes
    ) throws(PluginError) -> SecretBytes {
        let (input, output) = (try Pipe(), try Pipe())
        try input.fill(secret)
        let program = try session.directory("libexec") + "/" + Self.program
        guard Host.permits(.execute, program) else {
            throw PluginError("cannot open \(path): \(program) is missing\nReinstall skiff", status: SKIFF_E_SYSTEM)
        }
        let status = try session.run(
            program, [Self.program, "unlock"] + slots.map(String.init),
            descriptors: [3: file.descriptor, 4: input.reading, 5: output.writing])
        switch status {
        case 0: break
        case 2:
            let skipped = header.keyslots.first { !$0.derivation.isBearable }
            let note = skipped.map {
                "; its key slot \($0.number) was not tried: it demands \($0.derivation.excess ?? "")"
            }
            throw PluginError(
                "cannot open \(path): the passphrase or key is wrong" + (note ?? ""), status: SKIFF_E_DENIED)
        case 3:
            throw PluginError(
                "cannot open \(path): libcryptsetup does not take its LUKS2 header, which is damaged",
                status: SKIFF_E_INVALID)
        case 4:
            throw PluginError(
                "cannot open \(path): its key is derived with \(memory(header)), and there is not so much, or RLIMIT_MEMLOCK "
                    + "allows no locked memory", status: SKIFF_E_SYSTEM)
        case 127:
            throw PluginError(
                "cannot open \(path): \(Self.program) cannot be started\nInstall the package libcryptsetup12",
                status: SKIFF_E_SYSTEM)
        default:
            throw PluginError(
                "cannot open \(path): \(Self.program) ended with status \(status)", status: SKIFF_E_SYSTEM)
        }
        return try output.take(LUKSHeader.keySize)
    }

    private func memory(_ header: LUKSHeader) -> String {
        let most = header.keyslots.compactMap { slot -> UInt64? in
            if case .argon2(_, _, let memory, _) = slot.derivation { memory } else { nil }
        }.max()
        return most.map { "\($0 >> 10) MiB of memory" } ?? "memory"
    }
}
