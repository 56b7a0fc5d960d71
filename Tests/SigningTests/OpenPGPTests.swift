import Base
import Core
import Digest
import Foundation
import Testing

@testable import Signing

/// Messages of many kinds of keys (Tests/Vectors/openpgp).
@Suite struct OpenPGPTests {
    private static let keys = "openpgp/keys.gpg"

    private static func text() throws -> [UInt8] {
        let message = try Vectors.bytes("openpgp/rsa.asc").split(separator: 0x0A, omittingEmptySubsequences: false)
        return Array(message[3])
    }

    /// The user id that signed, or why nobody has.
    private static func result(_ bytes: [UInt8], _ verifier: ClearSignVerifier? = nil) throws -> String {
        let verifier = try verifier ?? ClearSignVerifier(keys)
        let expected = try text()
        do throws(MessageProblem) {
            let message = try verifier.verify(bytes)
            let trimmed = message.text.filter { $0 != 0x0A && $0 != 0x0D }
            return trimmed == expected ? message.signer?.userID ?? "" : "another text"
        } catch {
            switch error {
            case .invalid(let reason): return reason
            case .notChecked(let error): return "not checked: \(error)"
            }
        }
    }

    @Test(arguments: [
        ("rsa", "RSA <rsa@example.org>"), ("ed25519", "Ed25519 <ed25519@example.org>"),
        ("ecdsa", "ECDSA <ecdsa@example.org>"), ("dsa", "DSA <dsa@example.org>"), ("sha512", "RSA <rsa@example.org>"),
        ("two", "RSA <rsa@example.org>"), ("subkey", "Subkey <subkey@example.org>"),
        ("broken", "openpgp: invalid data: signature doesn't have an issuer"),
        ("sha1", "openpgp: invalid data: hash algorithm or salt mismatch with cleartext message headers"),
        ("expired", "openpgp: key expired"), ("revoked", "openpgp: signature made by revoked key"),
        ("expired-signature", "openpgp: signature expired"),
        ("weak", "openpgp: invalid key: it has no self-signature that is good and of a hash that is safe"),
    ]) func messages(name: String, expected: String) throws {
        #expect(try Self.result(Vectors.bytes("openpgp/\(name).asc")) == expected)
    }

    @Test func subkeysSignForTheirPrimaryKey() throws {
        let message = try Vectors.bytes("openpgp/subkey.asc")
        let signer = try ClearSignVerifier(Self.keys).verify(message).signer
        #expect(signer?.fingerprint.count == 20)
        let list = String(decoding: try Vectors.bytes("openpgp/fingerprints"), as: UTF8.self)
        #expect(list.contains(hexadecimal(signer?.fingerprint ?? [], uppercase: true) + " Subkey"))
    }

    @Test func messagesAreCutOutOfWhatStandsAround() throws {
        let message = try Vectors.bytes("openpgp/rsa.asc")
        let signer = "RSA <rsa@example.org>"
        #expect(try Self.result(Array(message.dropLast())) == signer)
        #expect(try Self.result(Array("before\n".utf8) + message + Array("behind\n".utf8)) == signer)
        #expect(
            try Self.result(Array(String(decoding: message, as: UTF8.self).replacing("\n", with: "\r\n").utf8))
                == signer)
        // Two messages: the first counts.
        #expect(try Self.result(message + Vectors.bytes("openpgp/ed25519.asc")) == signer)
        #expect(try Self.result(Array("x".utf8) + message) == "clearsigned message not found")
    }

    @Test func changedMessagesAreNotGood() throws {
        let message = String(decoding: try Vectors.bytes("openpgp/rsa.asc"), as: UTF8.self)
        let wrong = "openpgp: invalid signature: it was not made of this text with this key"
        func result(_ old: String, _ new: String) throws -> String {
            let changed = message.replacing(old, with: new)
            #expect(changed != message)
            return try Self.result(Array(changed.utf8))
        }
        #expect(try result("\"version\":1", "\"version\":2") == wrong)
        #expect(try result("}\n-----BEGIN PGP SIGNATURE", "}\n\n-----BEGIN PGP SIGNATURE") == wrong)
        #expect(try result("Hash: SHA256", "Hash: SHA512") == wrong)
        #expect(try result("Hash: SHA256", "Comment: SHA256") == "clearsigned message not found")
        #expect(try result("Hash: SHA256", "Hash: SHA256\nComment: x") == "clearsigned message not found")
        #expect(try result("-----BEGIN PGP SIGNATURE-----", "") == "clearsigned message not found")
        #expect(try result("-----END PGP SIGNATURE-----", "") == "clearsigned message not found")
        // White space at the ends of lines is not signed.
        #expect(try result("}\n-----BEGIN PGP SIGNATURE", "} \t\n-----BEGIN PGP SIGNATURE") == "RSA <rsa@example.org>")
    }

    /// The key id lies where everybody can change it, beside a fingerprint that is signed.
    @Test func signaturesNameOneIssuer() throws {
        let message = String(decoding: try Vectors.bytes("openpgp/rsa.asc"), as: UTF8.self)
        let parts = message.components(separatedBy: "-----BEGIN PGP SIGNATURE-----\n\n")
        let lines = try #require(parts.last).split(separator: "\n").prefix { !$0.hasPrefix("=") && !$0.hasPrefix("-") }
        var packet = Array(try #require(Data(base64Encoded: lines.joined())))
        let id = try #require(bytes(hexadecimal: try Self.keyID("RSA")))
        let other = try #require(bytes(hexadecimal: try Self.keyID("Ed25519")))
        let place = try #require(packet.indices.dropLast(9).last { Array(packet[$0..<$0 + 9]) == [16] + id })
        packet.replaceSubrange(place + 1..<place + 9, with: other)
        let forged =
            parts[0] + "-----BEGIN PGP SIGNATURE-----\n\n"
            + Data(packet).base64EncodedString() + "\n-----END PGP SIGNATURE-----\n"
        let result = try Self.result(Array(forged.utf8))
        #expect(result == "openpgp: invalid data: signature names two issuers")
        // With the key alone that is named there it is not good either.
        let alone = try #require(try PublicKeys(Vectors.bytes(Self.keys)).only(Self.keyID("Ed25519")))
        let cut = try #require(ClearSignedMessage(in: Array(forged.utf8)))
        #expect(try alone.check(cut).signatures.map(\.status) != [0])
    }

    private static func keyID(_ name: String) throws -> String {
        let list = String(decoding: try Vectors.bytes("openpgp/fingerprints"), as: UTF8.self)
        return String(list.split(separator: "\n").first { $0.contains(" \(name) ") }?.prefix(40).suffix(16) ?? "")
    }

    @Test func theFirstSourceWithTheKeyDecides() throws {
        struct Recorded: KeySource {
            let origin: KeyOrigin
            let keys: PublicKeys?
            func key(_ keyID: String) throws(SkiffError) -> PublicKeys? { try keys?.only(keyID) }
        }
        let all = try PublicKeys(Vectors.bytes(Self.keys))
        let none = try PublicKeys([])
        func origin(_ sources: [Recorded]) throws -> KeyOrigin? {
            let verifier = ClearSignVerifier(sources)
            let message = try verifier.verify(try Vectors.bytes("openpgp/rsa.asc"))
            return message.signer?.origin
        }
        let (empty, local, remote) = (
            Recorded(origin: .global, keys: none), Recorded(origin: .local, keys: all),
            Recorded(origin: .keyserver, keys: all)
        )
        #expect(try origin([empty, local, remote]) == .local)
        #expect(try origin([empty, Recorded(origin: .local, keys: nil), remote]) == .keyserver)
        #expect(try origin([Recorded(origin: .global, keys: all), local]) == .global)
        // Of two signatures the first whose key somebody has.
        let unit = try FixedKeys(Vectors.unitTestKey)
        let two = try Vectors.bytes("openpgp/two.asc")
        #expect(try Self.result(two, ClearSignVerifier([unit])) == "openpgp: signature made by unknown entity")
    }

    @Test func keyringsAreReadOrRefused() throws {
        #expect(try PublicKeys([]).only("4D5FBA0B89D43369") == nil)
        let armored = try PublicKeys(Vectors.bytes(Vectors.unitTestKey))
        #expect(try armored.only("A20C27EE7FF7BA84") != nil && armored.only("a20c27ee7ff7ba84") != nil)
        // A key for encryption only verifies nothing.
        let all = try Vectors.bytes(Self.keys)
        #expect(try PublicKeys(all).only(Self.keyID("RSA")) != nil)
        #expect(try PublicKeys(all).only(Self.keyID("Encryption")) == nil)
        #expect(try PublicKeys(all).only("0000000000000000") == nil)
        let problem = "it holds no OpenPGP keys"
        for bytes in [
            Array("hello".utf8), Array(repeating: UInt8(0), count: 100), try Vectors.bytes("openpgp/rsa.asc"),
        ] {
            #expect { try PublicKeys(bytes) } throws: { "\($0)".contains(problem) }
        }
    }

    @Test func missingKeyringFilesAreEmpty() throws {
        let missing = KeyringFile("/nonexistent/pgp-public", .local)
        #expect(try missing.key("4D5FBA0B89D43369") == nil)
        let file = KeyringFile(Vectors.directory + Self.keys, .global)
        #expect(try file.key("0000000000000000") == nil)
        let broken = KeyringFile(Vectors.directory + "openpgp/README.md", .local)
        #expect { try broken.key("4D5FBA0B89D43369") } throws: {
            "\($0)".hasPrefix("cannot read keyring") && "\($0)".contains("openpgp/README.md: it holds no OpenPGP keys")
        }
        let folder = KeyringFile(Vectors.directory, .local)
        #expect { try folder.key("4D5FBA0B89D43369") } throws: { "\($0)".contains("is a directory") }
    }
}

@Suite struct KeyserverTests {
    @Test(arguments: [
        ("https://keys.example.org", "https://keys.example.org/"), ("http://a:80/keys/", "http://a:80/keys"),
        ("hkps://keys.example.org", "https://keys.example.org/"), ("hkp://a", "http://a:11371/"),
        ("hkp://a/b", "http://a:11371/b"), ("hkp://a:80", "http://a:80/"), ("hkp://[::1]", "http://[::1]:11371/"),
    ]) func addressesAreThoseOfTheProtocol(uri: String, expected: String) {
        #expect(Keyserver(uri)?.address.description == expected)
    }

    @Test func otherAddressesAreRefused() {
        for uri in ["", "keys.example.org", "ldap://a", "hkp://", "https://a b"] {
            #expect(Keyserver(uri) == nil, "\(uri)")
        }
    }

    @Test func lookupsAskForOneKey() throws {
        let request = try #require(Keyserver("http://a/keys", authorization: "Bearer x")?.lookup("0xA20C27EE7FF7BA84"))
        #expect(
            request.address.description == "http://a/keys/pks/lookup?exact=on&op=get&search=0xA20C27EE7FF7BA84")
        #expect(request["authorization"] == "Bearer x")
        #expect(Keyserver("http://a")?.lookup("x&y")?.address.description.hasSuffix("search=x%26y") == true)
    }
}
