import CArgon2
import COpenSSL
import Glibc
import PluginAPI
import PluginKit

/// The key slots of a volume whose header was checked: "LUKS2 On-Disk Format Specification", §3.
struct LUKSSlots {
    let header: LUKSHeader
    /// Of the image, for messages.
    let path: String
    /// The volume in the image.
    let part: FilePart

    /// Returns the volume key.
    /// - Throws: `SKIFF_E_DENIED` when the secret opens no slot.
    func volumeKey(_ secret: SecretBytes) throws(PluginError) -> SecretBytes {
        for slot in header.keyslots where slot.derivation.isBearable {
            if let key = try key(of: slot, secret) { return key }
        }
        let skipped = header.keyslots.first { !$0.derivation.isBearable }
        let note = skipped.map { "; its key slot \($0.number) was not tried: it demands \($0.derivation.excess ?? "")" }
        throw PluginError(
            "cannot open \(path): the passphrase or key is wrong" + (note ?? ""), status: SKIFF_E_DENIED)
    }

    /// - Returns: nil when the secret is not that of the slot.
    private func key(of slot: LUKSHeader.Keyslot, _ secret: SecretBytes) throws(PluginError) -> SecretBytes? {
        let areaKey = try derive(slot, secret)
        let cipher = try areaKey.withBytes { key throws(PluginError) in
            try BlockCipher(
                slot.areaKeySize == Int(CE_XTS_KEY) ? CE_XTS_DECRYPT : CE_XTS_SHORT_DECRYPT, key: key, contexts: 1)
        }
        let key = try SecretBytes(count: LUKSHeader.keySize)
        // In pieces: all stripes at once would be more than many users may lock.
        let room = try SecretBytes(count: Self.pieceSize)
        let all = LUKSHeader.keySize * LUKSHeader.stripes
        for start in stride(from: 0, to: all, by: room.count) {
            let isMerged = try room.withMutableBytes { room throws(PluginError) in
                let piece = UnsafeMutableRawBufferPointer(rebasing: room.prefix(all - start))
                try read(slot, piece, at: start)
                return key.withMutableBytes { key in
                    guard let bytes = piece.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        let out = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    else { return false }
                    return ce_xts(cipher.pointer, UInt64(start / 512), 512, bytes, bytes, piece.count) == 1
                        && ce_merge_stripes(
                            slot.splitHash.number, bytes, piece.count / key.count, start + piece.count == all ? 1 : 0,
                            out, key.count) == 1
                }
            }
            guard isMerged else { throw Crypto.refusal("decrypt the key slot \(slot.number)") }
        }
        return try isVolumeKey(key, of: slot) ? key : nil
    }

    /// Whole sectors and stripes.
    private static let pieceSize = 32 << 10

    private func read(
        _ slot: LUKSHeader.Keyslot, _ piece: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(PluginError) {
        do throws(SystemError) {
            let place = part.offset + slot.area.lowerBound + UInt64(offset)
            try Host.read(part.descriptor, into: piece, at: Int64(clamping: place))
        } catch {
            throw PluginError("cannot open \(path): its key slot \(slot.number) cannot be read", error)
        }
    }

    private func derive(_ slot: LUKSHeader.Keyslot, _ secret: SecretBytes) throws(PluginError) -> SecretBytes {
        let result = try SecretBytes(count: slot.areaKeySize)
        switch slot.derivation {
        case .pbkdf2(let hash, let iterations):
            guard pbkdf2(hash, iterations, slot.salt, secret, result) else { throw Crypto.refusal("derive a key") }
        case .argon2(let kind, let time, let memory, let lanes):
            guard ca_open() != 0 else {
                throw PluginError(
                    "cannot open \(path): cannot open libargon2.so.1\nInstall the package libargon2-1",
                    status: SKIFF_E_SYSTEM)
            }
            var costs = ca_costs(
                memory: UInt32(clamping: memory), passes: UInt32(clamping: time), lanes: UInt32(clamping: lanes))
            let status = secret.withBytes { secret in
                result.withMutableBytes { out in
                    ca_derive(
                        kind == "argon2i" ? CA_ARGON2I : CA_ARGON2ID, &costs,
                        secret.baseAddress?.assumingMemoryBound(to: UInt8.self), secret.count, slot.salt,
                        slot.salt.count, out.baseAddress?.assumingMemoryBound(to: UInt8.self), out.count)
                }
            }
            guard status != ENOMEM else {
                throw PluginError(
                    "cannot open \(path): its key is derived with \(memory >> 10) MiB of memory, and there is not so much",
                    status: SKIFF_E_SYSTEM)
            }
            guard status == 0 else {
                throw PluginError(
                    "cannot open \(path): its key slot \(slot.number) demands \(slot.derivation.text), which cannot be",
                    status: SKIFF_E_INVALID)
            }
        }
        return result
    }

    private func isVolumeKey(_ key: SecretBytes, of slot: LUKSHeader.Keyslot) throws(PluginError) -> Bool {
        for digest in header.digests where digest.slots.contains(slot.number) {
            let found = try SecretBytes(count: digest.value.count)
            guard pbkdf2(digest.hash, digest.iterations, digest.salt, key, found) else {
                throw Crypto.refusal("derive a digest")
            }
            if found.withBytes({ $0.elementsEqual(digest.value) }) { return true }
        }
        return false
    }

    private func pbkdf2(
        _ hash: LUKSHash, _ iterations: UInt64, _ salt: [UInt8], _ secret: SecretBytes, _ result: SecretBytes
    ) -> Bool {
        secret.withBytes { secret in
            result.withMutableBytes { out in
                ce_pbkdf2(
                    hash.number, secret.baseAddress?.assumingMemoryBound(to: UInt8.self), secret.count, salt,
                    salt.count,
                    UInt32(clamping: iterations), out.baseAddress?.assumingMemoryBound(to: UInt8.self), out.count) == 1
            }
        }
    }
}

extension LUKSHash {
    fileprivate var number: ce_hash {
        switch self {
        case .sha1: CE_SHA1
        case .sha256: CE_SHA256
        case .sha512: CE_SHA512
        }
    }
}
