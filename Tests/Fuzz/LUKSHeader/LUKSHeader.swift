import EncryptionPlugin

/// The header of an encrypted image is anybody's. Any bytes must be refused or describe parts that lie inside of the volume, do not
/// overlap, and demand no more than is allowed of those that are used.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLUKSHeader(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let sum = [UInt8](repeating: 7, count: 32)
    _ = try? LUKSHeaderCopy(findIn: bytes) { _ in sum }
    // The bytes as the JSON of a header whose other part is right.
    var head = [UInt8](repeating: 0, count: 16384)
    head.replaceSubrange(0..<8, with: Array("LUKS".utf8) + [0xBA, 0xBE, 0, 2])
    (head[14], head[72...78]) = (0x40, ArraySlice("sha256\0".utf8))
    head.replaceSubrange(448..<480, with: sum)
    head.replaceSubrange(4096..<4096 + min(bytes.count, 12287), with: bytes.prefix(12287))
    guard let copy = try? LUKSHeaderCopy(findIn: head, digest: { _ in sum }) else { return 0 }
    let volume: UInt64 = 32 << 20
    let header: LUKSHeader
    do {
        header = try LUKSHeader(copy, volumeSize: volume)
    } catch {
        #if FUZZ_CANARY
        precondition(error != LUKSProblem("it has no key slot"), "the planted bug: no key slot")
        #endif
        return 0
    }
    precondition(header.dataSize > 0 && header.dataSize <= volume - header.dataOffset, "data outside of the volume")
    precondition(header.keysEnd <= header.dataOffset && header.dataOffset >= 32768, "keys in the data")
    for (index, slot) in header.keyslots.enumerated() {
        precondition(slot.area.lowerBound >= 32768, "a key slot in the header")
        precondition(!header.keyslots[..<index].contains { $0.area.overlaps(slot.area) }, "key slots overlap")
        if case .argon2(_, _, let memory, _) = slot.derivation, slot.derivation.isBearable {
            precondition(memory <= 1 << 20, "more than 1 GiB")
        }
    }
    return 0
}
