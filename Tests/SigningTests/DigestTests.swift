import Digest
import Testing

@Suite struct DigestTests {
    /// The examples of FIPS 180-4 for one block.
    @Test(arguments: [
        (HashAlgorithm.sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        ),
        (
            .sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (.sha512Truncated224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        (.sha512Truncated256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    ]) func digestsAreThoseOfTheStandard(algorithm: HashAlgorithm, expected: String) throws {
        let found = try MessageDigest.of(Array("abc".utf8), algorithm)
        #expect(hexadecimal(found) == expected && found.count == algorithm.size)
    }

    @Test func hexadecimalDigitsAreRead() {
        #expect(bytes(hexadecimal: "00ffAb") == [0, 255, 0xAB] && bytes(hexadecimal: "") == [])
        for wrong in ["0", "0g", "0x00", " 00", "+1"] { #expect(bytes(hexadecimal: wrong) == nil) }
    }
}
