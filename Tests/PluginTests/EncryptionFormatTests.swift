import PluginKit
import TestSupport
import Testing

@testable import EncryptionPlugin

private let vectors = "\(repository)/Tests/Vectors/sif"

private func secret(_ text: String) throws -> SecretBytes { try secret(Array(text.utf8)) }

private func secret(_ bytes: [UInt8]) throws -> SecretBytes {
    try bytes.withUnsafeBytes { try SecretBytes(copying: $0) }
}

private func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch {
        return (error as? PluginError)?.message ?? "\(error)"
    }
}

/// The name of an object is anybody's text.
@Test func namesOfObjectsAreShownHarmless() {
    #expect(KeyListing.visible("key slot 1 é") == "key slot 1 é")
    #expect(KeyListing.visible("a\u{1B}]0;b\u{7}\n\u{9B}\u{202E}c") == "a?]0;b????c")
}

/// The secret memory of this process, as smaps tells it.
@Test func secretsAreKeptOutOfDumps() throws {
    let bytes = try SecretBytes(random: 100)
    let address = bytes.withBytes { UInt(bitPattern: $0.baseAddress) }
    let text = String(decoding: try Host.read("/proc/self/smaps"), as: UTF8.self)
    let areas = text.split(separator: "\n")
    let start = try #require(
        areas.firstIndex { line in
            let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            return ends.count == 2 && ends[0] <= address && address < ends[1]
        })
    let flags = try #require(areas[start...].first { $0.hasPrefix("VmFlags:") }).split(separator: " ")
    #expect(flags.contains("dd"), "not MADV_DONTDUMP")
    #expect(flags.contains("lo") == bytes.isLocked)
    #expect(try SecretBytes(count: 0).withBytes { $0.count } == 0)
    #expect(bytes.withBytes { Set($0).count } > 20, "random bytes differ")
}

@Test(arguments: [0, 1, 2, 3, 61, 62, 63, 64, 65, 190, 191])
func base64IsThatOfOpenSSL(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 250) }
    let scratch = try Scratch()
    try scratch.file("in", bytes)
    let text = String(decoding: Base64.text(bytes), as: UTF8.self)
    #expect(try succeed(["/usr/bin/openssl", "base64", "-A", "-in", "\(scratch.path)/in"]) == text)
    #expect(try Base64.bytes(text) == bytes)
}

@Test(arguments: ["A", "AA", "AAA", "AA=", "A===", "AA==A", "AA=A", "AAAA=", "A A", "AA-_", "=", "===="])
func brokenBase64(text: String) throws { #expect(try Base64.bytes(text) == nil) }

@Test func firstBlockOfPEM() throws {
    func block(_ text: String) throws -> (String, Bool, [UInt8])? {
        let found = try Array(text.utf8).withUnsafeBytes { try PEMBlock(firstOf: $0) }
        return found.map { ($0.label, $0.isEncrypted, $0.content.withBytes { Array($0) }) }
    }
    let two =
        "note\r\n-----BEGIN A-----\r\n QUJD\r\nREVG\r\n-----END A-----\r\n-----BEGIN B-----\nQQ==\n-----END B-----\n"
    let first = try #require(try block(two))
    #expect(first.0 == "A" && !first.1 && first.2 == Array("ABCDEF".utf8))
    let old =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nQQ==\n-----END RSA PRIVATE KEY-----"
    #expect(try block(old)?.1 == true)
    #expect(try block("-----BEGIN ENCRYPTED PRIVATE KEY-----\nQQ==\n-----END ENCRYPTED PRIVATE KEY-----")?.1 == true)
    for broken in [
        "", "QUJD", "-----BEGIN A-----\nQUJD\n", "-----BEGIN A-----\nQUJD\n-----END B-----\n",
        "-----BEGIN A-----\n*\n-----END A-----", "-----BEGIN -----", "-----BEGIN A-----\nQQ=\n-----END A-----",
    ] {
        #expect(try block(broken) == nil, "\(broken)")
    }
    #expect(try block(String(repeating: "\n", count: PEMBlock.longest + 1)) == nil)
}

/// Keys as Apptainer and OpenSSL have them, and what is none.
@Suite(.needs(.openssl)) struct RSAKeyTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try shell(
            """
            cd "$0"
            openssl genrsa -out pkcs8 2048
            openssl rsa -in pkcs8 -traditional -out pkcs1
            openssl rsa -in pkcs8 -RSAPublicKey_out -out public1
            openssl rsa -in pkcs8 -pubout -out public8
            openssl rsa -in pkcs8 -aes128 -passout pass:abc -traditional -out locked1
            openssl rsa -in pkcs8 -aes128 -passout pass:abc -out locked8
            openssl ecparam -name prime256v1 -genkey -noout -out curve
            openssl genrsa -out short 512
            """, [scratch.path])
    }

    private func key(_ name: String, isPrivate: Bool) throws -> RSAKey {
        try Host.read("\(scratch.path)/\(name)").withUnsafeBytes {
            isPrivate ? try RSAKey(privateKey: $0, name: name) : try RSAKey(publicKey: $0, name: name)
        }
    }

    @Test(arguments: ["public1", "public8"], ["pkcs1", "pkcs8"])
    func wrapped(publicName: String, privateName: String) throws {
        let original = try SecretBytes(random: 64)
        let object = KeyMessage.text(try key(publicName, isPrivate: false).wrap(original))
        // The size that Apptainer's objects have with such a key.
        #expect(object.count == 400)
        let found = try object.withUnsafeBytes { try KeyMessage.wrapped(in: $0) }
        let again = try key(privateName, isPrivate: true).unwrap(found)
        #expect(again.withBytes { Array($0) } == original.withBytes { Array($0) })
    }

    /// By the steps of Docs/spec/encryption.md §3.2.
    @Test func opensslUnwraps() throws {
        let object = KeyMessage.text(try key("public1", isPrivate: false).wrap(try secret("a secret")))
        try scratch.file("object", object)
        let text = try shell(
            """
            cd "$0"
            openssl asn1parse -in object | grep -q 'OCTET STRING'
            grep -v -e ----- object | openssl base64 -d | tail -c 256 >wrapped
            openssl pkeyutl -decrypt -inkey pkcs1 -in wrapped -pkeyopt rsa_padding_mode:oaep \
                -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
            """, [scratch.path])
        #expect(text == "a secret")
    }

    /// Longer secrets take several blocks of k - 66 bytes; an empty one takes one.
    @Test(arguments: [0, 1, 190, 191, 380, 1000]) func blocks(count: Int) throws {
        let original = try SecretBytes(random: count)
        let wrapped = try key("public1", isPrivate: false).wrap(original)
        #expect(wrapped.count == max(1, (count + 189) / 190) * 256)
        let again = try key("pkcs8", isPrivate: true).unwrap(wrapped)
        #expect(again.withBytes { Array($0) } == original.withBytes { Array($0) })
    }

    @Test(arguments: [
        ("locked1", true, "a passphrase protects it"), ("locked8", true, "a passphrase protects it"),
        ("curve", true, "is no RSA key"), ("short", true, "it has 512 bits"), ("pkcs1", false, "it is a private key"),
        ("public8", true, "it is a public key"),
    ])
    func refused(name: String, isPrivate: Bool, reason: String) throws {
        #expect(message { _ = try key(name, isPrivate: isPrivate) }.contains(reason))
    }

    @Test func misfits() throws {
        let wrapped = try key("public1", isPrivate: false).wrap(try secret("a secret"))
        let other = try Scratch()
        try shell("openssl genrsa -out \"$0/other\" 2048", [other.path])
        let stranger = try Host.read("\(other.path)/other").withUnsafeBytes {
            try RSAKey(privateKey: $0, name: "other")
        }
        #expect(message { _ = try stranger.unwrap(wrapped) }.contains("was not encrypted for that key"))
        let owner = try key("pkcs1", isPrivate: true)
        for broken in [
            [], Array(wrapped.dropLast()), wrapped + wrapped.dropFirst(), [UInt8](repeating: 0, count: 256 * 17),
        ] {
            #expect(message { _ = try owner.unwrap(broken) }.contains("was not encrypted for that key"))
        }
    }
}

@Test func keyMessageOfTheVector() throws {
    let scratch = try Scratch()
    try shell(
        "zcat \"$0\" | tail -c +16814081 | head -c 400 >\"$1\"",
        [
            "\(vectors)/encrypted-luks2.sif.gz", "\(scratch.path)/object",
        ])
    let object = try Host.read("\(scratch.path)/object")
    let wrapped = try object.withUnsafeBytes { try KeyMessage.wrapped(in: $0) }
    #expect(KeyMessage.text(wrapped) == object)
    let key = try Host.read("\(vectors)/keys/encrypted-luks2-throwaway-private.pem").withUnsafeBytes {
        try RSAKey(privateKey: $0, name: "throwaway")
    }
    let found = try key.unwrap(wrapped)
    #expect(found.count == 64)
    try scratch.file("secret", found.withBytes { Array($0) })
    let digest = try succeed(["/usr/bin/sha256sum", "\(scratch.path)/secret"])
    #expect(digest.hasPrefix("a7ae4ecc43b9775e85d97335888861b7612207e2d23dd151b80fd86d86dc33f9"))
    for end in [0, 1, 30, 200, object.count - 30] {
        #expect(
            message { _ = try object[..<end].withUnsafeBytes { try KeyMessage.wrapped(in: $0) } }.contains("damaged"))
    }
}

@Suite(.needs(.unsquashfs)) struct GocryptfsTests {
    /// Decrypts a whole file by its blocks.
    private func decrypt(_ stored: [UInt8], _ masterKey: SecretBytes) throws -> [UInt8] {
        let id = try #require(GocryptfsFile.id(ofHeader: stored.prefix(GocryptfsFile.headerSize)))
        let cipher = try GocryptfsCipher(.decrypting, masterKey: masterKey, id: id, threads: 1)
        let size = try #require(GocryptfsFile.plainSize(stored: UInt64(stored.count)))
        #expect(GocryptfsFile.storedSize(plain: size) == UInt64(stored.count))
        var plain = [UInt8](repeating: 1, count: Int(size))
        for start in stride(from: 0, to: plain.count, by: GocryptfsFile.blockSize) {
            let number = UInt64(start / GocryptfsFile.blockSize)
            let end = min(start + GocryptfsFile.blockSize, plain.count)
            let place = Int(GocryptfsFile.offset(ofBlock: number))
            let block = Array(stored[place..<place + end - start + GocryptfsFile.overhead])
            let done = plain.withUnsafeMutableBytes { all in
                block.withUnsafeBytes {
                    cipher.decrypt(number, $0, into: UnsafeMutableRawBufferPointer(rebasing: all[start..<end]))
                }
            }
            guard done else { throw PluginError("block \(number) was changed") }
        }
        return plain
    }

    private func encrypt(_ plain: [UInt8], _ masterKey: SecretBytes) throws -> [UInt8] {
        if plain.isEmpty { return [] }
        let id = try Crypto.randomBytes(GocryptfsFile.idSize)
        let cipher = try GocryptfsCipher(.encrypting, masterKey: masterKey, id: id, threads: 1)
        var stored = GocryptfsFile.header(id: id)
        for start in stride(from: 0, to: plain.count, by: GocryptfsFile.blockSize) {
            let block = Array(plain[start..<min(start + GocryptfsFile.blockSize, plain.count)])
            var made = [UInt8](repeating: 0, count: block.count + GocryptfsFile.overhead)
            let iv = try Crypto.randomBytes(16)
            let done = block.withUnsafeBytes { block in
                iv.withUnsafeBytes { iv in
                    made.withUnsafeMutableBytes {
                        cipher.encrypt(UInt64(start / GocryptfsFile.blockSize), iv: iv, block, into: $0)
                    }
                }
            }
            #expect(done)
            stored += made
        }
        return stored
    }

    @Test func vector() throws {
        let scratch = try Scratch()
        try succeed([
            "/usr/bin/unsquashfs", "-q", "-n", "-o", "32768", "-d", "\(scratch.path)/outer",
            "\(vectors)/encrypted-gocryptfs.sif",
        ])
        let text = try Host.read("\(scratch.path)/outer/gocryptfs.conf")
        let configuration = try GocryptfsConfiguration(parsing: text)
        let masterKey = try configuration.masterKey(passphrase: try secret("skiff test passphrase"))
        let stored = try Host.read("\(scratch.path)/outer/squashfs-1234567890")
        try scratch.file("plain", try decrypt(stored, masterKey))
        let digest = try succeed(["/usr/bin/sha256sum", "\(scratch.path)/plain"])
        #expect(digest.hasPrefix("b63bf58bdc4e7e1b85a487cd40a6e37f9ba9779e8ecfbbc14f820282738a5841"))
        for wrong in ["", "skiff test passphrase\n", "skiff test Passphrase"] {
            let text = message { _ = try configuration.masterKey(passphrase: try secret(wrong)) }
            #expect(text.contains("passphrase or key is wrong"))
        }
        #expect(GocryptfsFile.id(ofHeader: [0, 3] + stored[2..<18]) == nil)
        #expect(GocryptfsFile.id(ofHeader: stored.prefix(17)) == nil)
        for place in [2, 17, 18, 40, stored.count - 1] {
            var changed = stored
            changed[place] ^= 1
            #expect(throws: (any Error).self) { _ = try decrypt(changed, masterKey) }
        }
        let again = try GocryptfsConfiguration(parsing: configuration.text)
        #expect(again == configuration)
    }

    /// gocryptfs itself decrypts what was written here, and a block in another's place is found.
    @Test(.needs(.gocryptfs), arguments: [0, 1, 4095, 4096, 4097, 100_000]) func decryptedByGocryptfs(count: Int) throws
    {
        let scratch = try Scratch()
        let passphrase = try secret("a passphrase")
        let masterKey = try SecretBytes(random: 32)
        let configuration = try GocryptfsConfiguration.make(passphrase: passphrase, masterKey: masterKey)
        #expect(
            try configuration.masterKey(passphrase: passphrase).withBytes { Array($0) }
                == masterKey.withBytes { Array($0) })
        let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5) }
        let stored = try encrypt(plain, masterKey)
        #expect(UInt64(stored.count) == GocryptfsFile.storedSize(plain: UInt64(count)))
        try scratch.directory("cipher")
        try scratch.file("cipher/gocryptfs.conf", configuration.text)
        try scratch.file("cipher/squashfs-1", stored)
        try scratch.file("passphrase", Array("a passphrase\n".utf8))
        let report = try command([
            "/usr/bin/gocryptfs", "-fsck", "-passfile", "\(scratch.path)/passphrase", "\(scratch.path)/cipher",
        ])
        #expect(report.status == 0 && report.text.contains("no problems found"), "\(report)")
        if count > 0 {
            #expect(try decrypt(stored, masterKey) == plain)
        }
    }

    @Test func blocksKeepTheirPlaces() throws {
        let masterKey = try SecretBytes(random: 32)
        var stored = try encrypt([UInt8](repeating: 7, count: 8192), masterKey)
        let (first, second) = (18..<18 + 4128, 18 + 4128..<18 + 2 * 4128)
        let block = Array(stored[first])
        stored[first] = stored[second]
        stored[18 + 4128..<18 + 2 * 4128] = block[...]
        #expect(throws: (any Error).self) { _ = try decrypt(stored, masterKey) }
        // A hole.
        stored.replaceSubrange(18..<18 + 2 * 4128, with: [UInt8](repeating: 0, count: 2 * 4128))
        #expect(try decrypt(stored, masterKey) == [UInt8](repeating: 0, count: 8192))
    }

    @Test(arguments: [0, 1, 17, 18, 19, 18 + 32, 18 + 4128 + 32] as [UInt64]) func sizes(stored: UInt64) {
        let isWhole = stored == 0
        #expect((GocryptfsFile.plainSize(stored: stored) != nil) == isWhole)
        #expect(GocryptfsFile.storedSize(plain: .max) == nil)
        #expect(GocryptfsFile.plainSize(stored: .max) != nil)
    }

    private static func configuration(
        n: String = "65536", r: String = "8", p: String = "1", length: String = "32", version: String = "2",
        flags: String = "\"HKDF\",\"GCMIV128\",\"PlaintextNames\"", key: Int = 64, salt: Int = 32
    ) -> String {
        let (key, salt) = (Base64.text(.init(repeating: 1, count: key)), Base64.text(.init(repeating: 2, count: salt)))
        return """
            {"Creator":"x","EncryptedKey":"\(String(decoding: key, as: UTF8.self))","ScryptObject":{
            "Salt":"\(String(decoding: salt, as: UTF8.self))","N":\(n),"R":\(r),"P":\(p),"KeyLen":\(length)},
            "Version":\(version),"FeatureFlags":[\(flags)]}
            """
    }

    @Test(arguments: [
        (configuration(), ""), (configuration(n: "1048576"), ""), (configuration(n: "2097152"), "asks for 2048 MiB"),
        (configuration(n: "4611686018427387904"), "more than 16 EiB"),
        (configuration(r: "9223372036854775807"), "more than 16 EiB"),
        (configuration(p: "1000"), "too much time"), (configuration(p: "9223372036854775807"), "too much time"),
        (configuration(n: "65535"), "no power of two"), (configuration(n: "1"), "no power of two"),
        (configuration(n: "-2"), "N is no number"), (configuration(r: "0"), "R is no number"),
        (configuration(p: "1e3"), "P is no number"), (configuration(length: "16"), "another length of keys"),
        (configuration(version: "1"), "version 1"), (configuration(version: "\"2\""), "version none"),
        (configuration(flags: "\"HKDF\",\"GCMIV128\""), "without PlaintextNames"),
        (configuration(flags: "\"HKDF\",\"GCMIV128\",\"PlaintextNames\",\"AESSIV\""), "the feature AESSIV"),
        (configuration(flags: ""), "without GCMIV128"), (configuration(key: 63), "wrong length"),
        (configuration(salt: 7), "wrong length"), ("{", "damaged"), ("[]", "version none"), ("", "damaged"),
        (String(repeating: "[", count: 1000), "nested too deep"),
        (String(repeating: " ", count: (64 << 10) + 1), "it has 65537 bytes"),
    ])
    func configurations(text: String, reason: String) {
        let found = message { _ = try GocryptfsConfiguration(parsing: Array(text.utf8)) }
        #expect(reason.isEmpty ? found.isEmpty : found.contains(reason), "\(found)")
    }
}

@Suite struct SectorCipherTests {
    private func bytes(_ digits: String) -> [UInt8] {
        stride(from: 0, to: digits.utf8.count, by: 2).compactMap {
            UInt8(digits.dropFirst($0).prefix(2), radix: 16)
        }
    }

    private func run(_ cipher: SectorCipher, _ bytes: [UInt8], at offset: UInt64) -> [UInt8]? {
        var bytes = bytes
        return bytes.withUnsafeMutableBytes { cipher.run($0, at: offset) } ? bytes : nil
    }

    /// IEEE 1619, vector 10: 512 bytes as unit 0xff.
    @Test func vectorOfIEEE1619() throws {
        let key = try secret(
            bytes(
                "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383279502884197169399375105820974944592"
            ))
        let plain = (0..<512).map { UInt8(truncatingIfNeeded: $0) }
        let cipher = try SectorCipher(.encrypting, key: key, sectorSize: 512, threads: 1)
        let sealed = try #require(run(cipher, plain, at: 255 * 512))
        #expect(sealed.prefix(16) == bytes("1c3b3a102f770386e4836c99e370cf9b")[...])
        #expect(sealed.suffix(13) == bytes("fda9fcea70b9c6e693e148c151")[...])
        let other = try SectorCipher(.decrypting, key: key, sectorSize: 512, firstUnit: 255, threads: 1)
        #expect(run(other, sealed, at: 0) == plain)
    }

    /// The tweak of a larger sector counts 512 bytes, as dm-crypt has it.
    @Test(arguments: [512, 1024, 2048, 4096]) func tweaks(size: Int) throws {
        let key = try SecretBytes(random: 64)
        let plain = [UInt8](repeating: 9, count: 4 * size)
        let all = try SectorCipher(.encrypting, key: key, sectorSize: size, threads: 1)
        let sealed = try #require(run(all, plain, at: 0))
        let third = try SectorCipher(
            .encrypting, key: key, sectorSize: size, firstUnit: UInt64(2 * size / 512), threads: 1)
        #expect(run(third, Array(plain[..<size]), at: 0) == Array(sealed[2 * size..<3 * size]))
        let back = try SectorCipher(.decrypting, key: key, sectorSize: size, threads: 1)
        #expect(run(back, Array(sealed[size...]), at: UInt64(size)) == Array(plain[size...]))
        #expect(run(back, Array(sealed.dropLast()), at: 0) == nil && run(back, sealed, at: 1) == nil)
    }

    @Test func refusals() throws {
        #expect(
            message {
                _ = try SectorCipher(.encrypting, key: try SecretBytes(random: 64), sectorSize: 8192, threads: 1)
            }
            .contains("sectors of 8192 bytes"))
        #expect(
            message { _ = try SectorCipher(.encrypting, key: try SecretBytes(random: 32), sectorSize: 512, threads: 1) }
                .contains("a key of 32 bytes"))
    }

    /// More threads than contexts wait for each other and disturb nobody.
    @Test func manyThreads() async throws {
        let key = try SecretBytes(random: 64)
        let cipher = try SectorCipher(.encrypting, key: key, sectorSize: 512, threads: 2)
        let expected = try #require(run(cipher, [UInt8](repeating: 3, count: 65536), at: 4096))
        let answers = await withTaskGroup(of: [UInt8]?.self, returning: [[UInt8]?].self) { group in
            for _ in 0..<32 {
                group.addTask {
                    var bytes = [UInt8](repeating: 3, count: 65536)
                    return bytes.withUnsafeMutableBytes { cipher.run($0, at: 4096) } ? bytes : nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 32 && answers.allSatisfy { $0 == expected })
    }
}
