import CLinux
import Core
import Digest
import Foundation
import Linux
import TestSupport

/// Encrypted images that tests run: those of `Tests/Vectors/sif`, and one for the plugin of `Fixtures/crypto.c`.
final class EncryptedImages: Sendable {
    static let shared = Result { try EncryptedImages() }

    /// Of both images of gocryptfs and LUKS2, as `Tests/Vectors/sif/README.md` says.
    static let passphrase = "skiff test passphrase"
    /// That of the LUKS2 image, which is worth nothing elsewhere.
    static let volumeKey: [UInt8] = [
        0x31, 0xDC, 0xE9, 0x90, 0xF8, 0x8B, 0x13, 0xE7, 0xF1, 0xC6, 0x98, 0x5C, 0x63, 0x70, 0x80, 0xF6,
        0xE1, 0x9F, 0x53, 0xAE, 0x90, 0x9C, 0xC8, 0x1F, 0x43, 0x25, 0x09, 0xB9, 0xC8, 0xB3, 0x50, 0x25,
        0xE6, 0xD9, 0x99, 0x97, 0x6E, 0x6D, 0x29, 0xD4, 0xBA, 0xE5, 0xCD, 0xBA, 0x5F, 0x02, 0x57, 0xA6,
        0xD1, 0x79, 0xF8, 0x69, 0x0B, 0xB7, 0x4B, 0xAF, 0xA7, 0xCF, 0x67, 0xFF, 0xF6, 0xBB, 0xD3, 0x5C,
    ]
    /// The key file for the LUKS2 image.
    let privateKey: String
    let publicKey: String
    let luks: String
    let gocryptfs: String
    /// `Images.shared`'s SIF, encrypted by xor with "sesame".
    let xor: String
    /// Where the root file system lies in it, and how it begins when it is plain.
    let xorOffset: Int64
    let plainStart: [UInt8]

    private static let key = Array("sesame".utf8)

    private init() throws {
        let folder = try Images.shared.get().folder + "/encrypted"
        let vectors = Stage.repository + "/Tests/Vectors/sif/"
        try makeDirectories(folder)
        (luks, gocryptfs, xor) = (folder + "/luks.sif", folder + "/gocryptfs.sif", folder + "/xor.sif")
        (privateKey, publicKey) = (folder + "/private.pem", folder + "/public.pem")
        let script = """
            set -e
            gunzip -c '\(vectors)encrypted-luks2.sif.gz' >'\(luks)'
            cp '\(vectors)encrypted-gocryptfs.sif' '\(gocryptfs)'
            cp '\(vectors)keys/encrypted-luks2-throwaway-private.pem' '\(privateKey)'
            cp '\(vectors)keys/encrypted-luks2-throwaway-public.pem' '\(publicKey)'
            chmod 644 '\(folder)'/*
            chmod 755 '\(folder)'
            """
        let copied = try Command(["/bin/sh", "-c", script], as: .current).run()
        guard copied.isSuccess else { throw HarnessError("cannot copy the encrypted images: \(copied)") }
        let sif = try Images.shared.get().sif
        let image = try ImageSource.open(sif, writable: false)
        guard let root = image.root else { throw HarnessError("\(sif) has no root file system") }
        let plain = try readBytes(image.descriptor.raw, at: root.range.offset, count: Int(root.range.size))
        let part = folder + "/xor.part"
        try writeFile(part, Self.encrypted(plain), mode: 0o644)
        plainStart = Array(plain.prefix(64))
        for words in [
            ["sif", "new", xor],
            [
                "sif", "add", "--datatype", "4", "--partfs", "5", "--parttype", "2", "--partarch",
                SIFArchitecture.host.name == "amd64" ? "2" : "4", "--groupid", "1", xor, part,
            ],
        ] {
            let made = try skiffCommand(words, as: .current).run()
            guard made.isSuccess else { throw HarnessError("cannot make \(xor): \(made)") }
        }
        try unlink(part)
        xorOffset = try ImageSource.open(xor, writable: false).root?.range.offset ?? 0
    }

    /// Writes a copy of the LUKS2 image with another JSON in both copies of its header, whose checksums are right.
    func writeLUKS(to path: String, changing change: (String) throws -> String) throws {
        var bytes = try readFile(luks)
        let (partition, size, json) = (32768, 16384, 4096)
        for start in [partition, partition + size] {
            let old = bytes[start + json..<start + size].prefix { $0 != 0 }
            let new = Array(try change(String(decoding: old, as: UTF8.self)).utf8)
            guard new.count < size - json else { throw HarnessError("a JSON of \(new.count) bytes") }
            let room = new + [UInt8](repeating: 0, count: size - json - new.count)
            bytes.replaceSubrange(start + json..<start + size, with: room)
            for index in start + 448..<start + 512 { bytes[index] = 0 }
            let sum = try MessageDigest.of(Array(bytes[start..<start + size]), .sha256)
            bytes.replaceSubrange(start + 448..<start + 480, with: sum)
        }
        try writeFile(path, bytes, mode: 0o644)
    }

    private static func encrypted(_ plain: [UInt8]) -> [UInt8] {
        let key = (0..<32).map { Self.key[$0 % Self.key.count] }
        func mixed(_ bytes: [UInt8]) -> [UInt8] { bytes.enumerated().map { $1 ^ key[$0 % 32] } }
        var head = Array("XORCRYPT".utf8)
        head += withUnsafeBytes(of: UInt64(plain.count).littleEndian) { Array($0) }
        head += mixed(Array("right key".utf8))
        return head + [UInt8](repeating: 0, count: 512 - head.count) + mixed(plain)
    }
}
