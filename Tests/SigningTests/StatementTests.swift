import Core
import Digest
import Testing

@testable import Signing

/// What signed texts say, when the signature itself is believed.
@Suite struct StatementTests {
    private static func failure(_ bytes: [UInt8], _ tasks: [VerificationTask] = [.group(1)]) throws -> String? {
        try Image(bytes).failure(Gullible(), tasks)
    }

    @Test(arguments: HashAlgorithm.allCases) func allAlgorithmsAreRead(algorithm: HashAlgorithm) throws {
        let bytes = try Unsigned.image()
        let text = try Unsigned.text(bytes, group: 1, algorithm)
        #expect(try Self.failure(Unsigned.image((1, text))) == nil)
        // Upper case and white space change nothing.
        let spaced = text.replacing(",", with: " ,\\t").replacing("\\t", with: "\t").replacing(":{", with: " : {")
        #expect(try Self.failure(Unsigned.image((1, spaced))) == nil)
    }

    @Test func everySignatureMustBeGood() throws {
        let bytes = try Unsigned.image()
        let good = try Unsigned.text(bytes, group: 1)
        let strong = try Unsigned.text(bytes, group: 1, .sha512)
        let bad = good.replacing("\"relativeId\":1", with: "\"relativeId\":2")
        #expect(try Self.failure(Unsigned.image((1, good), (1, strong))) == nil)
        #expect(
            try Self.failure(Unsigned.image((1, good), (1, bad), (1, strong)))
                == "integrity: object 2: object not signed")
        // Of two that fail, the first is told.
        #expect(
            try Self.failure(Unsigned.image((1, bad), (1, "{}"))) == "integrity: object 2: object not signed")
        #expect(
            try Self.failure(Unsigned.image((1, "{}"), (1, bad)))
                == "integrity: signature object 4 not valid: no objects are named")
    }

    @Test func groupsAreSignedWhole() throws {
        let bytes = try Unsigned.image()
        let part = try Unsigned.text(bytes, group: 1, only: [2])
        let image = try Unsigned.image((1, part))
        #expect(try Self.failure(image) == "integrity: object 1: object not signed")
        #expect(try Self.failure(image, [.object(2)]) == nil)
        #expect(try Self.failure(image, [.object(1)]) == "integrity: object 1: object not signed")
        #expect(try Self.failure(image, []) == "integrity: object 1: object not signed")
        #expect(try Self.failure(image, [.group(2)]) == "integrity: signature not found for object group 2")
        // One that came later.
        let whole = try Unsigned.text(bytes, group: 1)
        let grown = try Unsigned.image((1, whole)) { try $0.add(SIFNewObject(.generic), bytes: [1]) }
        #expect(try Self.failure(grown) == "integrity: object 4: object not signed")
        // One that is gone.
        let missing = whole.replacing(
            "\"objects\":[",
            with:
                "\"objects\":[{\"relativeId\":8,\"descriptorDigest\":\"\(Self.digest)\",\"objectDigest\":\"\(Self.digest)\"},"
        )
        #expect(try Self.failure(Unsigned.image((1, missing))) == "integrity: object 9: signed object not found")
    }

    private static let digest = "sha256:" + String(repeating: "0", count: 64)

    @Test func objectsInNoGroupAreRefused() throws {
        let text = try Unsigned.text(Unsigned.image(), group: 1)
        let loose = try Unsigned.image((1, text)) { try $0.add(SIFNewObject(.generic, group: 0), bytes: [1]) }
        #expect(try Self.failure(loose) == "integrity: non-signature object not associated with object group")
        #expect(try Self.failure(Unsigned.image((1, text)).with(groups: 0)) == "integrity: group not found")
        #expect(try Self.failure(Unsigned.image((1, text)).with(groups: 0), []) == "integrity: no groups found")
    }

    @Test(arguments: [
        ("", "not valid JSON"), ("[]", "no objects are named"), ("{\"objects\":[]}", "digest malformed"),
        ("{\"objects\":[],\"header\":{\"digest\":\"sha256\"}}", "digest malformed"),
        ("{\"objects\":[],\"header\":{\"digest\":\"sha256:00\"}}", "digest malformed"),
        ("{\"objects\":[],\"header\":{\"digest\":\"sha256:zz\"}}", "digest malformed"),
        ("{\"objects\":[],\"header\":{\"digest\":\"md5:00\"}}", "hash algorithm unsupported"),
        ("{\"objects\":[],\"header\":{\"digest\":\"\(digest):1\"}}", "digest malformed"),
        ("{\"objects\":[],\"header\":{\"digest\":\"\(digest)\"}} x", "not valid JSON"),
        ("{\"objects\":[{}],\"header\":{\"digest\":\"\(digest)\"}}", "an object has no relative ID"),
        ("{\"objects\":[{\"relativeId\":-1}],\"header\":{\"digest\":\"\(digest)\"}}", "an object has no relative ID"),
        (
            "{\"objects\":[{\"relativeId\":4294967296}],\"header\":{\"digest\":\"\(digest)\"}}",
            "an object has no relative ID"
        ),
        ("{\"objects\":[{\"relativeId\":0}],\"header\":{\"digest\":\"\(digest)\"}}", "digest malformed"),
    ]) func malformedTextsAreNotBelieved(text: String, expected: String) throws {
        let found = try Self.failure(Unsigned.image((1, text)))
        #expect(
            found?.hasPrefix("integrity: signature object 4 not valid: ") == true && found?.contains(expected) == true,
            "\(found ?? "")")
    }

    @Test func objectsNamedTwiceAreRefused() throws {
        let text = try Unsigned.text(Unsigned.image(), group: 1).replacing("\"relativeId\":1", with: "\"relativeId\":0")
        #expect(
            try Self.failure(Unsigned.image((1, text)))
                == "integrity: signature object 4 not valid: multiple objects with relative ID 0")
    }

    @Test func relativeIDsDoNotWrap() throws {
        let digests = "\"descriptorDigest\":\"\(Self.digest)\",\"objectDigest\":\"\(Self.digest)\""
        let text =
            "{\"header\":{\"digest\":\"\(Self.digest)\"},\"objects\":[{\"relativeId\":4294967295,\(digests)}]}"
        #expect(
            try Self.failure(Unsigned.image((1, text))) == "integrity: object 4294967295: signed object not found")
    }

    @Test func signersMustBeThoseOfTheDescriptor() throws {
        let bytes = try Unsigned.image((1, try Unsigned.text(Unsigned.image(), group: 1)))
        let image = try Image(bytes)
        func failure(_ fingerprint: [UInt8]) -> String? {
            image.failure(
                Gullible(signer: Signer(fingerprint: fingerprint, userID: "", origin: .local)), [.group(1)])
        }
        #expect(failure([UInt8](repeating: 7, count: 20)) == nil)
        let mismatch = "integrity: fingerprint in descriptor does not correspond to signing entity"
        #expect(failure([UInt8](repeating: 8, count: 20)) == mismatch)
        // A fingerprint of a newer kind of key begins the same way.
        #expect(failure([UInt8](repeating: 7, count: 32)) == mismatch)
        #expect(failure([]) == mismatch)
    }

    @Test func fingerprintsMustHaveSignedEveryGroup() throws {
        let unsigned = try Unsigned.image()
        let one = try Unsigned.text(unsigned, group: 1)
        let two = try Unsigned.text(unsigned, group: 2)
        let image = try Image(Unsigned.image((1, one), (2, two)))
        let ours = [UInt8](repeating: 7, count: 20)
        func isSigned(_ message: any MessageVerifier) -> String? {
            do throws(VerificationError) {
                try Verifier(image.file.raw, image.image, clearSigned: message).verify(signedBy: [hexadecimal(ours)])
                return nil
            } catch {
                return error.description
            }
        }
        #expect(isSigned(Gullible(signer: Signer(fingerprint: ours, userID: "", origin: .local))) == nil)
        // Nobody is named: nobody has signed.
        #expect(isSigned(Gullible()) == "image not signed by required entities")
    }

    @Test func whatIsNoSignatureIsNotRecognized() throws {
        let bytes = try Unsigned.image { editor in
            let extra = SIFExtra.signature(.init(hash: .sha256, fingerprint: []))
            try editor.add(
                SIFNewObject(.signature, group: 0, link: .group(1), extra: extra), bytes: Array("hello".utf8))
        }
        #expect(try Self.failure(bytes) == "integrity: signature format not recognized")
    }
}

extension [UInt8] {
    /// A copy whose objects all have the same stored group.
    func with(groups: UInt8) -> [UInt8] {
        var copy = self
        for slot in 0..<48 where copy[4096 + slot * 585 + 4] != 0 { copy[4096 + slot * 585 + 9] = groups }
        return copy
    }
}
