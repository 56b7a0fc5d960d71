import PluginKit
import TestSupport
import Testing

@testable import EncryptionPlugin

private func secret(_ text: String) throws -> SecretBytes {
    try Array(text.utf8).withUnsafeBytes { try SecretBytes(copying: $0) }
}

/// A volume that was written into a file behind 4096 other bytes.
private struct Written {
    let scratch: Scratch
    let size: UInt64

    init(_ plain: [UInt8], _ make: (VolumePlace) throws -> any VolumeWriter) throws {
        scratch = try Scratch()
        let file = try HostFile("\(scratch.file("image", [UInt8](repeating: 0x5A, count: 4096)))", .readWrite)
        let writer = try make(VolumePlace(descriptor: file.descriptor, offset: 4096))
        // Backwards and twice, as the order of threads is nobody's.
        let step = 3 * 4096
        for start in stride(from: 0, to: plain.count, by: step).reversed() {
            let part = Array(plain[start..<min(start + step, plain.count)])
            try [UInt8](repeating: 1, count: part.count).withUnsafeBytes { try writer.write($0, at: UInt64(start)) }
            try part.withUnsafeBytes { try writer.write($0, at: UInt64(start)) }
        }
        var back = [UInt8](repeating: 0, count: min(plain.count, 8192))
        try back.withUnsafeMutableBytes { try writer.read(into: $0, at: 0) }
        #expect(back == Array(plain.prefix(back.count)))
        size = try writer.finish(plainSize: UInt64(plain.count))
        try shell("tail -c +4097 \"$0\"/image | head -c \(size) >\"$0\"/volume", [scratch.path])
        #expect(try Host.read(file.descriptor, at: 0, count: 4096) == [UInt8](repeating: 0x5A, count: 4096))
    }

    /// The volume alone.
    var path: String { scratch.path + "/volume" }
}

private let content = (0..<40960).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

@Suite struct LUKSWriterTests {
    /// As cryptsetup itself sees it: the shape of Apptainer's images.
    @Test(.needs(.cryptsetup)) func luksDump() throws {
        let written = try Written(content) { try LUKSWriter($0, VolumeSecret(passphrase: try secret("a passphrase"))) }
        #expect(written.size == 16 << 20 + UInt64(content.count))
        let text = try succeed(["/usr/sbin/cryptsetup", "luksDump", written.path])
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for part in [
            "Version: 2", "offset: 16777216 [bytes]", "cipher: aes-xts-plain64", "sector: 512 [bytes]", "Key: 512 bits",
            "PBKDF: argon2id", "Memory: 131072", "Metadata area: 16384 [bytes]", "Keyslots area: 16744448 [bytes]",
        ] {
            #expect(words.contains(part), "\(part): \(text)")
        }
        try written.scratch.file("right", text: "a passphrase")
        try written.scratch.file("wrong", text: "a passphrase\n")
        for (name, status) in [("right", 0), ("wrong", 2)] as [(String, CInt)] {
            let result = try command([
                "/usr/sbin/cryptsetup", "luksOpen", "--test-passphrase", "--key-file",
                "\(written.scratch.path)/\(name)",
                written.path,
            ])
            #expect(result.status == status, "\(name): \(result)")
        }
    }

    /// The volume key that the header gives decrypts the data, which stands nowhere in clear.
    @Test func dataOpens() throws {
        let text = Array(String(repeating: "a plain text ", count: 3000).utf8.prefix(36864))
        let written = try Written(text) { try LUKSWriter($0, VolumeSecret(passphrase: try secret("p"))) }
        let file = try HostFile(written.path, .read)
        let memory = try HostFile(inMemory: "header")
        try Host.copy(
            file.descriptor, from: 0, to: memory.descriptor, at: 0, size: Int64(LUKSHeaderFile.dataOffset))
        let header = try LUKSHeaderFile(adopting: memory, size: LUKSHeaderFile.dataOffset)
        #expect(try header.unlock(secret("q"), [0]) == nil)
        let found = try #require(try header.unlock(secret("p"), [0]))
        #expect(found.slot == 0)
        var bytes = try Host.read(file.descriptor, at: Int64(LUKSHeaderFile.dataOffset), count: text.count)
        let cipher = try SectorCipher(.decrypting, key: found.key, sectorSize: 512, threads: 1)
        #expect(bytes.withUnsafeMutableBytes { cipher.run($0, at: 0) })
        #expect(bytes == text)
        #expect(try command(["/usr/bin/grep", "-c", "plain text", written.path]).status == 1)
    }

    @Test func slots() throws {
        let key = try SecretBytes(random: 64)
        let header = try LUKSHeaderFile(volumeKey: key)
        let costs = LUKSHeaderFile.Costs.randomSecret
        #expect(try header.add(secret("one"), costs, volumeKey: key) == 0)
        #expect(try header.add(secret("two"), costs, volumeKey: key) == 1)
        #expect(try header.unlock(secret("two"), [0, 1])?.slot == 1)
        try header.remove(0)
        #expect(try header.unlock(secret("one"), [1]) == nil)
        #expect(throws: PluginError.self) { try header.add(secret("three"), costs, volumeKey: SecretBytes(random: 64)) }
        #expect(throws: PluginError.self) { try header.remove(7) }
    }
}

@Suite(.needs(.unsquashfs)) struct GocryptfsWriterTests {
    /// The outer squashfs as its own tools see it, and the file in it as gocryptfs does.
    @Test(.needs(.gocryptfs), arguments: [4096, 40960, 3 << 20])
    func checkedByOthers(count: Int) throws {
        let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 9) }
        let written = try Written(plain) {
            try GocryptfsWriter($0, VolumeSecret(passphrase: try secret("a passphrase")))
        }
        #expect(written.size % 4096 == 0)
        let scratch = written.scratch
        let list = try succeed(["/usr/bin/unsquashfs", "-lln", written.path])
        let names = list.split(separator: "\n").compactMap { $0.split(separator: "/").last }.suffix(2)
        #expect(names.contains("gocryptfs.conf") && names.contains { $0.hasPrefix("squashfs-") }, "\(list)")
        try succeed(["/usr/bin/unsquashfs", "-q", "-n", "-d", "\(scratch.path)/outer", written.path])
        try scratch.file("passphrase", text: "a passphrase\n")
        let report = try command([
            "/usr/bin/gocryptfs", "-fsck", "-passfile", "\(scratch.path)/passphrase", "\(scratch.path)/outer",
        ])
        #expect(report.status == 0 && report.text.contains("no problems found"), "\(report)")
        let stored = try succeed(["/usr/bin/stat", "-c", "%s", "\(scratch.path)/outer/\(names.last ?? "")"])
        #expect(UInt64(stored.dropLast()) == GocryptfsFile.storedSize(plain: UInt64(count)))
    }

    @Test func passphrases() throws {
        for wrong in ["a\nb", String(repeating: "a", count: 2049)] {
            let place = VolumePlace(descriptor: -1, offset: 0)
            #expect(throws: PluginError.self) {
                _ = try GocryptfsWriter(place, VolumeSecret(passphrase: try secret(wrong)))
            }
        }
        // What no launch would take, no build makes.
        _ = try VolumeSecret(passphrase: try secret(String(repeating: "a", count: 4096)))
        #expect(throws: PluginError.self) {
            _ = try VolumeSecret(passphrase: try secret(String(repeating: "a", count: 4097)))
        }
    }
}

@Suite(.needs(.openssl)) struct VolumeSecretTests {
    /// What Apptainer expects behind the key: 64 bytes for LUKS2, a line of 32 hexadecimal digits for gocryptfs.
    @Test(arguments: [(VolumeFilesystem.luks, 64), (.gocryptfs, 32)])
    func wrapped(kind: VolumeFilesystem, count: Int) throws {
        let scratch = try Scratch()
        try shell(
            "cd \"$0\"; openssl genrsa -out key 2048; openssl rsa -in key -RSAPublicKey_out -out public", [scratch.path]
        )
        let key = try Host.read("\(scratch.path)/public").withUnsafeBytes { try RSAKey(publicKey: $0, name: "k") }
        let made = try VolumeSecret(wrappedBy: key, for: kind)
        let wrapped = try #require(made.message).withUnsafeBytes { try KeyMessage.wrapped(in: $0) }
        let opened = try Host.read("\(scratch.path)/key").withUnsafeBytes {
            try RSAKey(privateKey: $0, name: "k").unwrap(wrapped)
        }
        let bytes = opened.withBytes { Array($0) }
        #expect(bytes == made.secret.withBytes { Array($0) } && bytes.count == count)
        if kind == .gocryptfs { #expect(bytes.allSatisfy { "0123456789abcdef".utf8.contains($0) }) }
    }
}
