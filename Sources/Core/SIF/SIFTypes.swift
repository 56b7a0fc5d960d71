/// What a data object is; Docs/spec/sif.md §5.
package struct SIFDataType: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let definition = SIFDataType(rawValue: 0x4001)
    package static let environment = SIFDataType(rawValue: 0x4002)
    package static let labels = SIFDataType(rawValue: 0x4003)
    package static let partition = SIFDataType(rawValue: 0x4004)
    package static let signature = SIFDataType(rawValue: 0x4005)
    package static let genericJSON = SIFDataType(rawValue: 0x4006)
    package static let generic = SIFDataType(rawValue: 0x4007)
    package static let cryptoMessage = SIFDataType(rawValue: 0x4008)
    package static let sbom = SIFDataType(rawValue: 0x4009)
    package static let ociRootIndex = SIFDataType(rawValue: 0x400A)
    package static let ociBlob = SIFDataType(rawValue: 0x400B)
}

/// What the bytes of a partition are; Docs/spec/sif.md §5.1.
package struct SIFFilesystem: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let squashfs = SIFFilesystem(rawValue: 1)
    package static let ext3 = SIFFilesystem(rawValue: 2)
    package static let archive = SIFFilesystem(rawValue: 3)
    package static let raw = SIFFilesystem(rawValue: 4)
    /// squashfs inside LUKS2.
    package static let encryptedSquashfs = SIFFilesystem(rawValue: 5)
    /// squashfs encrypted by gocryptfs, in a squashfs: Apptainer only.
    package static let gocryptfsSquashfs = SIFFilesystem(rawValue: 6)

    package var isEncrypted: Bool { self == .encryptedSquashfs || self == .gocryptfsSquashfs }
}

/// What a partition is for; Docs/spec/sif.md §5.1.
package struct SIFPartitionRole: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let system = SIFPartitionRole(rawValue: 1)
    /// The root file system; at most one.
    package static let primarySystem = SIFPartitionRole(rawValue: 2)
    package static let data = SIFPartitionRole(rawValue: 3)
    package static let overlay = SIFPartitionRole(rawValue: 4)
}

/// What an object belongs to; Docs/spec/sif.md §6.
package enum SIFLink: Sendable, Hashable {
    case none
    case object(UInt32)
    case group(UInt32)

    /// The upper four bits, all set, mean "group"; the lower 28 are the number.
    static let groupMark: UInt32 = 0xF000_0000
    static let numberMask: UInt32 = 0x0FFF_FFFF

    package init(stored: UInt32) {
        let number = stored & Self.numberMask
        if number == 0 {
            self = .none
        } else {
            self = stored & Self.groupMark == Self.groupMark ? .group(number) : .object(number)
        }
    }

    var stored: UInt32 {
        switch self {
        case .none: 0
        case .object(let id): id
        case .group(let number): number | Self.groupMark
        }
    }
}

/// A UUID, in the order in which it is printed.
package struct SIFIdentifier: Sendable, Hashable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Deterministic images have this one.
    package static let zero = SIFIdentifier(high: 0, low: 0)

    package var bytes: [UInt8] {
        [high, low].flatMap { half in stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
    }

    package var description: String {
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += byte < 16 ? "0" : ""
            text += String(byte, radix: 16)
        }
        return text
    }
}

/// Limits and fixed numbers of the format; Docs/spec/sif.md §2, §4.
package enum SIFFormat {
    package static let headerSize = 128
    package static let descriptorSize = 585
    package static let descriptorsOffset: Int64 = 4096
    package static let defaultCapacity = 48
    package static let nameSize = 128
    package static let extraSize = 384
    package static let launchSize = 32
    /// More slots than this are taken for damage: the table would be 38 MB.
    package static let maximumCapacity: Int64 = 65536
    /// 0001-01-01T00:00:00Z, Go's zero time: "no time" in a deterministic image.
    package static let zeroTime: Int64 = -62_135_596_800
    package static let partitionAlignment: Int64 = 4096
    /// The line with which the kernel runs the file; Docs/spec/sif.md §2.
    package static let launchScript = "#!/usr/bin/env run-singularity\n"
}
