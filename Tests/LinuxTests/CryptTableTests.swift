import Linux
import Testing

/// What a plugin may say about a volume that the kernel is to decrypt.
@Suite struct CryptTableTests {
    private static let limit = ByteRange(offset: 8192, size: 65536)

    private func isTaken(
        cipher: String = "aes-xts-plain64", key: Int = 64, sector: Int = 512, offset: Int64 = 12288, size: Int64 = 4096
    ) -> Bool {
        [UInt8](repeating: 1, count: key).withUnsafeBytes { key in
            CryptTable(
                cipher: cipher, key: key, sectorSize: sector, tweakOffset: 0,
                range: ByteRange(offset: offset, size: size), within: Self.limit) != nil
        }
    }

    @Test func whatCanBe() {
        #expect(isTaken() && isTaken(sector: 4096) && isTaken(key: 32))
        #expect(isTaken(offset: 8192, size: 65536) && isTaken(offset: 73216, size: 512))
    }

    @Test func whatCannot() {
        // A space in the name of the cipher would be another parameter of the kernel's table.
        for cipher in ["", "aes-xts-plain64 :64:logon:x", "aes\n", "aes\u{7F}", "äs"] {
            #expect(!isTaken(cipher: cipher))
        }
        for key in [0, 15, 129] { #expect(!isTaken(key: key)) }
        for sector in [0, 256, 513, 8192] { #expect(!isTaken(sector: sector)) }
        #expect(!isTaken(sector: 4096, size: 512) && !isTaken(size: 0) && !isTaken(size: -512))
        // Beyond the volume, also by sums that overflow.
        for (offset, size) in [
            (8191, 512), (0, 512), (-512, 512), (8192, 66048), (73728, 512), (Int64.max - 511, 512),
            (12288, Int64.max - 511),
        ] {
            #expect(!isTaken(offset: offset, size: size), "\(offset) \(size)")
        }
    }
}
