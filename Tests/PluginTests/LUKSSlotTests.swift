import PluginAPI
import PluginKit
import TestSupport
import Testing

@testable import EncryptionPlugin

private func secret(_ bytes: [UInt8]) throws -> SecretBytes {
    try bytes.withUnsafeBytes { try SecretBytes(copying: $0) }
}

private func bytes(_ secret: SecretBytes) -> [UInt8] { secret.withBytes { Array($0) } }

@Suite struct LUKSSlotTests {
    /// Whatever cryptsetup makes a slot of: the volume key is that which it shows itself.
    @Test(
        .needs(.cryptsetup),
        arguments: [
            "--pbkdf argon2id --pbkdf-memory 1024 --pbkdf-parallel 4 --pbkdf-force-iterations 4",
            "--pbkdf argon2i --pbkdf-memory 32 --pbkdf-parallel 1 --pbkdf-force-iterations 4 --sector-size 4096",
            "--pbkdf pbkdf2 --pbkdf-force-iterations 1000",
            "--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --hash sha512",
            "--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --hash sha1 --keyslot-cipher aes-xts-plain64 --keyslot-key-size 256",
            "--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --luks2-metadata-size 64k --luks2-keyslots-size 1M",
        ])
    func slotsOfCryptsetup(flags: String) throws {
        let scratch = try Scratch()
        // Those of the volume are not those of another slot.
        let slot = flags.split(separator: /\ --(sector|luks2)/)[0]
        try shell(
            """
            cd "$0"; printf 'the \\000 secret\\n' >secret; printf other >other; truncate -s 20M volume
            cryptsetup() { /usr/sbin/cryptsetup --batch-mode "$@"; }
            cryptsetup luksFormat --type luks2 --key-size 512 --key-file other --key-slot 7 \(flags) volume
            cryptsetup luksAddKey --key-file other --key-slot 2 \(slot) volume secret
            cryptsetup luksDump --dump-volume-key --volume-key-file key --key-file secret volume
            """, [scratch.path])
        let file = try HostFile(scratch.path + "/volume", .read)
        let unlocking = LUKSUnlocking(
            path: "volume", part: FilePart(descriptor: file.descriptor, offset: 0, size: 20 << 20))
        let shown = try HostFile(scratch.path + "/key", .read)
        let key = try Host.read(shown.descriptor, at: 0, count: 100)
        #expect(key.count == 64)
        for text in ["the \0 secret\n", "other"] {
            #expect(bytes(try unlocking.unlock(try secret(Array(text.utf8))).key) == key, "\(text)")
        }
        for text in ["", "the \0 secret", "Other"] {
            let problem = #expect(throws: PluginError.self) { try unlocking.unlock(try secret(Array(text.utf8))) }
            #expect(problem?.status == SKIFF_E_DENIED && problem?.message?.contains("is wrong") == true)
        }
        withExtendedLifetime(file) {}
    }

    @Test func whatIsKeptComesBack() throws {
        let kept: [(KeptSecret, [[UInt8]])] = [
            (.secret(try secret(Array("a \0 passphrase".utf8))), []), (.secret(try secret([])), []),
            (
                .key(try secret(Array(repeating: 7, count: 1700)), wrapped: [[1, 2, 3], [], [4]]),
                [[1, 2, 3], [], [4]]
            ),
        ]
        for (value, wrapped) in kept {
            let again = try #require(try value.withBytes { bytes throws(PluginError) in try KeptSecret(bytes) })
            switch (value, try #require(again)) {
            case (.secret(let old), .secret(let new)): #expect(bytes(old) == bytes(new))
            case (.key(let old, _), .key(let new, let messages)):
                #expect(bytes(old) == bytes(new) && messages == wrapped)
            default: Issue.record("another kind")
            }
        }
        // What has no room is unwrapped before.
        let large = KeptSecret.key(
            try secret(Array(repeating: 7, count: 4000)), wrapped: [Array(1...99)])
        #expect(try large.withBytes { bytes throws(PluginError) in bytes.count } == nil)
        for broken in [[], [1], [5, 0, 0, 0, 1], [1, 0, 0, 0, 9, 1], [0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]] {
            #expect(try broken.withUnsafeBytes { try KeptSecret($0) } == nil)
        }
    }
}
