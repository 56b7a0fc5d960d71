import Testing

@testable import Digest

/// Of FIPS 180-4's examples and RFC 1321's.
@Suite struct DigestTests {
    @Test(arguments: [
        (HashAlgorithm.sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (.sha384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
        (
            .sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (.sha512Truncated224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        (.sha512Truncated256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    ]) func digestsAreThoseOfTheStandard(algorithm: HashAlgorithm, expected: String) throws {
        let digest = try MessageDigest.of(Array("abc".utf8), algorithm)
        #expect(hexadecimal(digest) == expected && digest.count == algorithm.size)
    }

    @Test func emptyInputHasADigest() throws {
        #expect(
            try SHA256.text(of: []) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(try MD5().hexadecimal() == "d41d8cd98f00b204e9800998ecf8427e")
    }

    @Test func checksumIsThatOfTheStandard() throws {
        var checksum = try MD5()
        try "message digest".utf8.withContiguousStorageIfAvailable { try checksum.update(UnsafeRawBufferPointer($0)) }
        #expect(try checksum.hexadecimal() == "f96b697d7cb7938d525a2f31aaf161d0")
    }

    /// However the bytes are cut, also around the 64 and 128 bytes of a block.
    @Test(arguments: [1, 63, 64, 65, 127, 128, 129, 1000]) func piecesMakeTheSameDigest(size: Int) throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var pieces = try SHA256()
        let long = try MessageDigest(.sha512)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            try pieces.update(piece)
            try piece.withUnsafeBytes { try long.update($0) }
        }
        #expect(try pieces.text() == SHA256.text(of: bytes))
        #expect(try long.finish() == MessageDigest.of(bytes, .sha512))
    }

    @Test func hexadecimalComesBack() {
        let all = (0...255).map { UInt8($0) }
        #expect(bytes(hexadecimal: hexadecimal(all)) == all)
        #expect(bytes(hexadecimal: hexadecimal(all, uppercase: true)) == all)
        #expect(hexadecimal([0, 10, 255]) == "000aff" && bytes(hexadecimal: "") == [])
    }

    @Test(arguments: ["0", "0g", "0x", " 00", "00 ", "-1", "ü", "０0"]) func othersAreNoHexadecimal(text: String) {
        #expect(bytes(hexadecimal: text) == nil)
    }
}
