import Base
import CLinux
import Core
import Digest
import Linux
import TestSupport
import Testing

@testable import Signing

/// Files of Tests/Vectors.
enum Vectors {
    static let directory = repository + "/Tests/Vectors/"

    static func bytes(_ name: String) throws -> [UInt8] { try readFile(directory + name) }

    /// The key that signed most images.
    static let unitTestKey = "sif/keys/pgp-unit-test-public.asc"
}

/// An image file in memory only.
struct Image: ~Copyable {
    let file: OwnedFD
    let image: SIFImage

    init(_ bytes: [UInt8]) throws {
        let file = try memoryFile()
        try writeFully(file.raw, bytes, at: 0)
        image = try SIFImage(reading: file.raw)
        self.file = file
    }

    /// What verifying says; nil when the image is good.
    func failure(
        _ clearSigned: (any MessageVerifier)?, _ tasks: [VerificationTask] = [],
        report: (Verifier.Outcome) -> Void = { _ in }
    ) -> String? {
        do throws(VerificationError) {
            try Verifier(file.raw, image, clearSigned: clearSigned).verify(tasks, report: report)
            return nil
        } catch {
            return error.description
        }
    }
}

/// An empty file in memory.
func memoryFile() throws -> OwnedFD {
    let raw = skl_memfd_create("image", 0)
    guard raw >= 0 else { throw Errno.current }
    return OwnedFD(adopting: raw)
}

/// Keys that are at hand.
struct FixedKeys: KeySource {
    var origin = KeyOrigin.local
    let keys: PublicKeys

    init(_ vector: String, origin: KeyOrigin = .local) throws {
        self.origin = origin
        keys = try PublicKeys(Vectors.bytes(vector))
    }

    func key(_ keyID: String) throws(SkiffError) -> PublicKeys? { try keys.only(keyID) }
}

extension ClearSignVerifier {
    init(_ vector: String) throws { self.init([try FixedKeys(vector)]) }
}

/// Believes every clear-signed message, so that what follows can be tested without keys.
struct Gullible: MessageVerifier {
    var signer: Signer?

    func verify(_ bytes: [UInt8]) throws(MessageProblem) -> VerifiedMessage {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        return VerifiedMessage(text: Array(lines.dropFirst(3).first ?? []), signer: signer)
    }
}

/// Makes images whose signatures are only for `Gullible`.
enum Unsigned {
    static let hash = Array("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n".utf8)
    static let end = Array("\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----".utf8)

    /// Two objects in group 1, one in group 2, and a signature for each text and group.
    static func image(_ signatures: (group: UInt32, text: String)..., more: (inout SIFEditor) throws -> Void = { _ in })
        throws -> [UInt8]
    {
        let file = try memoryFile()
        var creation = SIFCreation()
        creation.isDeterministic = true
        var editor = try SIFEditor(creating: creation, on: file.raw)
        try editor.add(SIFNewObject(.generic), bytes: Array("one".utf8))
        try editor.add(SIFNewObject(.generic), bytes: Array("two".utf8))
        try editor.add(SIFNewObject(.generic, group: 2), bytes: Array("three".utf8))
        try more(&editor)
        for (group, text) in signatures {
            let extra = SIFExtra.signature(.init(hash: .sha256, fingerprint: [UInt8](repeating: 7, count: 20)))
            try editor.add(
                SIFNewObject(.signature, group: 0, link: .group(group), extra: extra),
                bytes: hash + Array(text.utf8) + end)
        }
        try editor.commit()
        return try readBytes(file.raw, at: 0, count: Int(try status(of: file.raw).size))
    }

    /// What a signer says of the objects of a group now.
    static func text(
        _ bytes: [UInt8], group: UInt32, _ algorithm: HashAlgorithm = .sha256, only: Set<UInt32>? = nil
    ) throws -> String {
        let image = try Image(bytes)
        let members = image.image.objects.filter { $0.group == group }
        let base = members.map(\.id).min() ?? 0
        func digest(_ bytes: [UInt8]) throws -> String {
            "\"\(algorithm.rawValue):\(hexadecimal(try MessageDigest.of(bytes, algorithm)))\""
        }
        var objects: [String] = []
        for object in members where only?.contains(object.id) ?? true {
            let fields = SignedFields.descriptor(object, relativeID: object.id - base)
            objects.append(
                "{\"relativeId\":\(object.id - base),\"descriptorDigest\":\(try digest(fields)),"
                    + "\"objectDigest\":\(try digest(readObject(object, of: image.file.raw)))}")
        }
        return "{\"version\":1,\"header\":{\"digest\":\(try digest(SignedFields.header(image.image.header)))},"
            + "\"objects\":[\(objects.joined(separator: ","))]}"
    }
}

extension [UInt8] {
    /// A copy with one byte flipped.
    func flipped(_ offset: Int) -> [UInt8] {
        var copy = self
        copy[offset] ^= 1
        return copy
    }
}
