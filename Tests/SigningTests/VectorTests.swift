import Core
import Digest
import Testing

@testable import Signing

/// The images of others (Tests/Vectors/sif), whole and changed (Docs/spec/signing.md §2).
@Suite struct VectorTests {
    private static let groups = "sif/two-groups-signed-pgp.sif"

    @Test func bothGroupsAreGood() throws {
        let image = try Image(Vectors.bytes(Self.groups))
        var outcomes: [Verifier.Outcome] = []
        #expect(image.failure(try ClearSignVerifier(Vectors.unitTestKey)) { outcomes.append($0) } == nil)
        #expect(outcomes.map(\.verified) == [[1, 2], [3]])
        #expect(outcomes.map(\.signature) == [4, 5])
        #expect(outcomes.map(\.task) == [.group(1), .group(2)])
        let signer = Signer(
            fingerprint: bytes(hexadecimal: "12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84") ?? [],
            userID: "Unit Test <unit@test.com>", origin: .local)
        #expect(outcomes.map(\.signer) == [signer, signer])
    }

    @Test func singleGroupsAndObjectsAreTasks() throws {
        // The data of object 3 is not what was signed.
        let image = try Image(Vectors.bytes(Self.groups).flipped(50000))
        let keys = try ClearSignVerifier(Vectors.unitTestKey)
        #expect(image.failure(keys, [.group(1)]) == nil)
        #expect(image.failure(keys, [.object(2)]) == nil)
        #expect(image.failure(keys, [.group(2)]) == "integrity: data object integrity compromised: 3")
        #expect(image.failure(keys, [.object(3)]) == "integrity: data object integrity compromised: 3")
        #expect(image.failure(keys, [.group(3)]) == "integrity: group not found")
        #expect(image.failure(keys, [.object(9)]) == "integrity: object not found")
        // A signature is in no group.
        #expect(image.failure(keys, [.object(4)]) == "integrity: group not found")
    }

    /// Table slots of 585 bytes begin at 4096.
    private static func slot(_ id: Int, _ offset: Int) -> Int { 4096 + (id - 1) * 585 + offset }

    @Test(arguments: [
        ("architecture in the header", 45, nil), ("time of the header's change", 72, nil),
        ("time of a descriptor's change", slot(1, 49), nil), ("size with padding", slot(1, 33), nil),
        ("launch script", 3, "header integrity compromised"), ("UUID", 50, "header integrity compromised"),
        ("name", slot(1, 73), "data object descriptor integrity compromised: 1"),
        ("creation time", slot(1, 41), "data object descriptor integrity compromised: 1"),
        ("owner", slot(1, 57), "data object descriptor integrity compromised: 1"),
        ("group of the owner", slot(1, 65), "data object descriptor integrity compromised: 1"),
        ("extra", slot(1, 201), "data object descriptor integrity compromised: 1"),
        ("link", slot(1, 13), "data object descriptor integrity compromised: 1"),
        ("size", slot(2, 25), "data object descriptor integrity compromised: 2"),
        ("type", slot(2, 0), "data object descriptor integrity compromised: 2"),
        ("data of object 1", 32768, "data object integrity compromised: 1"),
        ("data of object 2", 36864 + 4095, "data object integrity compromised: 2"),
        ("data of object 3", 40960, "data object integrity compromised: 3"),
        ("between the objects", 32768 + 5, nil),
        (
            "fingerprint of the signature", slot(4, 205),
            "fingerprint in descriptor does not correspond to signing entity"
        ),
        ("signed text", 303104 + 80, "signature object 4 not valid: openpgp: invalid signature: "),
        ("type of the signature", slot(5, 0), "non-signature object not associated with object group"),
        ("link of the signature", slot(5, 13), "signature not found for object group 2"),
        ("group of object 3", slot(3, 9), "group 3"),
    ]) func changes(what: String, offset: Int, expected: String?) throws {
        let image = try Image(Vectors.bytes(Self.groups).flipped(offset))
        let found = image.failure(try ClearSignVerifier(Vectors.unitTestKey))
        if let expected {
            #expect(
                found?.hasPrefix("integrity: ") == true && found?.contains(expected) == true, "\(what): \(found ?? "")")
        } else {
            #expect(found == nil, "\(what)")
        }
    }

    /// Ids count from the lowest of the group: moved together they stay good.
    @Test func renumberedObjectsAreGood() throws {
        var bytes = try Vectors.bytes(Self.groups)
        for id in 1...2 { bytes[Self.slot(id, 5)] += 16 }
        #expect(try Image(bytes).failure(ClearSignVerifier(Vectors.unitTestKey)) == nil)
        bytes[Self.slot(2, 5)] += 1
        #expect(
            try Image(bytes).failure(ClearSignVerifier(Vectors.unitTestKey))
                == "integrity: object 19: object not signed")
    }

    @Test func objectsBehindTheEndAreNotWhatWasSigned() throws {
        var bytes = try Vectors.bytes(Self.groups)
        // The offset of object 2, far behind the end of the file.
        bytes[Self.slot(2, 21)] = 0x7F
        #expect(
            try Image(bytes).failure(ClearSignVerifier(Vectors.unitTestKey))
                == "integrity: data object integrity compromised: 2")
    }

    @Test(arguments: [
        ("one-group.sif", "integrity: signature not found for object group 1"),
        ("worked-example.sif", "integrity: signature not found for object group 1"),
        ("one-object-oci-blob.sif", "integrity: signature not found for object group 1"),
        ("one-group-signed-dsse.sif", "integrity: key material not provided for DSSE envelope signature"),
        // Those of old tools do not count.
        ("one-group-signed-legacy-group.sif", "integrity: signature not found for object group 1"),
        ("one-group-signed-legacy-all.sif", "integrity: signature not found for object group 1"),
        (
            "apptainer-one-group-signed-pgp.sif",
            "integrity: signature object 3 not valid: openpgp: signature made by unknown entity"
        ),
    ]) func others(name: String, expected: String) throws {
        #expect(try Image(Vectors.bytes("sif/" + name)).failure(ClearSignVerifier(Vectors.unitTestKey)) == expected)
    }

    @Test func ownersAndNamesOfOldWritersAreCovered() throws {
        let keys = try ClearSignVerifier("sif/keys/pgp-singularityce-tests-public.asc")
        #expect(try Image(Vectors.bytes("sif/apptainer-one-group-signed-pgp.sif")).failure(keys) == nil)
    }

    @Test func withoutKeysThereIsNoAnswer() throws {
        #expect(
            try Image(Vectors.bytes(Self.groups)).failure(nil)
                == "integrity: key material not provided for PGP clear-sign signature")
        #expect(
            try Image(Vectors.bytes(Self.groups)).failure(ClearSignVerifier([]))
                == "integrity: signature object 4 not valid: openpgp: signature made by unknown entity")
    }

    @Test(arguments: [
        (["12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84"], true), (["12045c8c0b1004d058de4beda20c27ee7ff7ba84"], true),
        (["12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84", "12045c8c0b1004d058de4beda20c27ee7ff7ba84"], true),
        (["0x12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84"], false), ([""], false), (["A20C27EE7FF7BA84"], false),
        (["12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84", ""], false),
        (["12045C8C0B1004D058DE4BEDA20C27EE7FF7BA84", "F34371D0ACD5D09EB9BD853A80600A5FA11BBD29"], false),
    ]) func fingerprintsAreDemanded(fingerprints: [String], isGood: Bool) throws {
        let image = try Image(Vectors.bytes(Self.groups))
        let verifier = Verifier(image.file.raw, image.image, clearSigned: try ClearSignVerifier(Vectors.unitTestKey))
        do throws(VerificationError) {
            try verifier.verify(signedBy: fingerprints)
            #expect(isGood)
        } catch {
            #expect(!isGood && error.description == "image not signed by required entities")
        }
    }
}
