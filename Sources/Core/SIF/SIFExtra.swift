import Linux

/// The part of a descriptor that depends on its type; Docs/spec/sif.md §5.
package enum SIFExtra: Sendable, Equatable {
    case none
    case partition(Partition)
    case signature(Signature)
    case cryptoMessage(format: CryptoFormat, message: CryptoMessage)
    case sbom(SBOMFormat)
    /// `sha256:` and 64 digits: the digest of the object's bytes.
    case digest([UInt8])

    package struct Partition: Sendable, Equatable {
        package var filesystem: SIFFilesystem
        package var role: SIFPartitionRole
        package var architecture: SIFArchitecture
        package init(filesystem: SIFFilesystem, role: SIFPartitionRole, architecture: SIFArchitecture) {
            self.filesystem = filesystem
            self.role = role
            self.architecture = architecture
        }
    }

    package struct Signature: Sendable, Equatable {
        package var hash: HashType
        /// 20 bytes of an OpenPGP key; empty for a signature that names none.
        package var fingerprint: [UInt8]
        package init(hash: HashType, fingerprint: [UInt8]) {
            self.hash = hash
            self.fingerprint = fingerprint
        }
    }

    package struct HashType: RawRepresentable, Sendable, Hashable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let sha256 = HashType(rawValue: 1)
        package static let sha384 = HashType(rawValue: 2)
        package static let sha512 = HashType(rawValue: 3)
        package static let blake2s256 = HashType(rawValue: 4)
        package static let blake2b256 = HashType(rawValue: 5)
    }

    package struct CryptoFormat: RawRepresentable, Sendable, Hashable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let openPGP = CryptoFormat(rawValue: 1)
        package static let pem = CryptoFormat(rawValue: 2)
    }

    package struct CryptoMessage: RawRepresentable, Sendable, Hashable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let clearSignature = CryptoMessage(rawValue: 0x100)
        package static let rsaOAEP = CryptoMessage(rawValue: 0x200)
    }

    package struct SBOMFormat: RawRepresentable, Sendable, Hashable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
    }

    /// Length of an OpenPGP v4 fingerprint.
    package static let fingerprintSize = 20
    private static let entitySize = 256

    /// - Parameter stored: the field without trailing zeros: what is missing reads as zero, so this cannot fail.
    init(type: SIFDataType, stored: [UInt8]) {
        func number(at offset: Int) -> Int32 {
            var bits: UInt32 = 0
            for index in 0..<4 where offset + index < stored.count {
                bits |= UInt32(stored[offset + index]) << UInt32(8 * index)
            }
            return Int32(bitPattern: bits)
        }
        switch type {
        case .partition:
            let architecture = UInt32(bitPattern: number(at: 8)) & 0xFF_FFFF
            self = .partition(
                Partition(
                    filesystem: SIFFilesystem(rawValue: number(at: 0)), role: SIFPartitionRole(rawValue: number(at: 4)),
                    architecture: SIFArchitecture(rawValue: architecture)))
        case .signature:
            var entity = Array(stored.dropFirst(4).prefix(Self.fingerprintSize))
            if entity.allSatisfy({ $0 == 0 }) {
                entity = []
            } else {
                entity += repeatElement(0, count: Self.fingerprintSize - entity.count)
            }
            self = .signature(Signature(hash: HashType(rawValue: number(at: 0)), fingerprint: entity))
        case .cryptoMessage:
            self = .cryptoMessage(
                format: CryptoFormat(rawValue: number(at: 0)), message: CryptoMessage(rawValue: number(at: 4)))
        case .sbom: self = .sbom(SBOMFormat(rawValue: number(at: 0)))
        case .ociRootIndex, .ociBlob: self = .digest(Array(stored.prefix { $0 != 0 }))
        default: self = .none
        }
    }

    /// The field without trailing zeros.
    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 32)
        switch self {
        case .none: break
        case .partition(let facts):
            writer.i32(facts.filesystem.rawValue)
            writer.i32(facts.role.rawValue)
            writer.u16(UInt16(truncatingIfNeeded: facts.architecture.rawValue))
        case .signature(let facts):
            writer.i32(facts.hash.rawValue)
            writer.append(Array(facts.fingerprint.prefix(Self.entitySize)))
        case .cryptoMessage(let format, let message):
            writer.i32(format.rawValue)
            writer.i32(message.rawValue)
        case .sbom(let format): writer.i32(format.rawValue)
        case .digest(let text): writer.append(Array(text.prefix(SIFFormat.extraSize)))
        }
        let last = writer.bytes.lastIndex { $0 != 0 }
        return Array(writer.bytes.prefix(last.map { $0 + 1 } ?? 0))
    }
}
