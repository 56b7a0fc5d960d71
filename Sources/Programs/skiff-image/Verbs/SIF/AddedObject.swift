import Base
import Core
import Grammar

/// The flags of `sif add`; Docs/spec/sif.md §11, Docs/spec/cli.md §8.
struct AddedObject {
    private let flags: FlagValues

    init(_ flags: FlagValues) { self.flags = flags }

    /// - Throws: with siftool's texts. The digest of OCI objects is empty: their bytes are not read yet.
    func described() throws(SkiffError) -> SIFNewObject {
        let type = try dataType()
        var object = SIFNewObject(
            type, group: UInt32(truncatingIfNeeded: flags[.groupID] ?? 0), link: link,
            name: flags[.filename] ?? "", extra: try extra(type))
        if flags.isGiven(.alignment) { object.alignment = Int64(flags[.alignment] ?? 0) }
        return object
    }

    private func dataType() throws(SkiffError) -> SIFDataType {
        let number = flags[.datatype] ?? 0
        guard (1...11).contains(number) else { throw SkiffError("-datatype flag is required with a valid range") }
        return SIFDataType(rawValue: 0x4000 + Int32(number))
    }

    private var link: SIFLink {
        let id = UInt32(truncatingIfNeeded: flags[.link] ?? 0)
        return id == 0 ? .none : .object(id)
    }

    private func extra(_ type: SIFDataType) throws(SkiffError) -> SIFExtra {
        switch type {
        case .partition: try partition()
        case .signature: try signature()
        case .cryptoMessage: .cryptoMessage(format: .init(rawValue: 0), message: .init(rawValue: 0))
        case .sbom: try sbom()
        default: .none
        }
    }

    private func partition() throws(SkiffError) -> SIFExtra {
        let filesystem = try int32(.partfs)
        let role = try int32(.parttype)
        let architecture = try int32(.partarch)
        guard filesystem != 0, role != 0, architecture != 0 else {
            throw SkiffError("with partition datatype, --partfs, --parttype and --partarch must be passed")
        }
        return .partition(
            .init(
                filesystem: SIFFilesystem(rawValue: filesystem), role: SIFPartitionRole(rawValue: role),
                architecture: SIFArchitecture(code: Int(architecture)) ?? .unknown))
    }

    private func signature() throws(SkiffError) -> SIFExtra {
        let fingerprint = try decodedHexadecimal(flags[.signentity] ?? "")
        let hash = try int32(.signhash)
        guard (1...5).contains(hash) else { throw SkiffError("invalid hash type: \(hash)") }
        guard fingerprint.count == SIFExtra.fingerprintSize else {
            throw SkiffError(
                "invalid signing entity fingerprint length: got \(fingerprint.count), want \(SIFExtra.fingerprintSize)")
        }
        return .signature(.init(hash: .init(rawValue: hash), fingerprint: fingerprint))
    }

    private func sbom() throws(SkiffError) -> SIFExtra {
        let name = flags[.sbomformat] ?? ""
        if name.isEmpty { throw SkiffError("with SBOM datatype, --sbomformat must be passed") }
        guard let format = SIFExtra.SBOMFormat(name: name) else { throw SkiffError("invalid SBOM format: \(name)") }
        return .sbom(format)
    }

    private func int32(_ flag: FlagKey<Int>) throws(SkiffError) -> Int32 {
        let number = flags[flag] ?? 0
        guard let value = Int32(exactly: number) else {
            throw SkiffError(
                "invalid argument \"\(number)\" for \"--\(flag.name)\" flag: strconv.ParseInt: parsing \"\(number)\": value out of range"
            )
        }
        return value
    }

    /// Returns the bytes of pairs of digits, checked from the front as Go's encoding/hex does.
    private func decodedHexadecimal(_ text: String) throws(SkiffError) -> [UInt8] {
        let problem = "failed to decode signing entity fingerprint: encoding/hex: "
        var nibbles: [UInt8] = []
        for byte in text.utf8 {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                let code = String(byte, radix: 16, uppercase: true)
                let shown = printable(Array(String(Unicode.Scalar(byte)).utf8))
                throw SkiffError(
                    problem + "invalid byte: U+\(String(repeating: "0", count: 4 - code.count))\(code) '\(shown)'")
            }
            nibbles.append(UInt8(digit))
        }
        if nibbles.count % 2 != 0 { throw SkiffError(problem + "odd length hex string") }
        return stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
    }
}
