import CLinux
import Core
import Linux
import Testing

/// What an independent parser found in the vectors; Tests/Vectors/sif/README.md.
struct Expected: Sendable, CustomTestStringConvertible {
    let file: String
    let launch: String
    let architecture: Int
    let identifier: String
    let created: Int64
    let modified: Int64
    let free: Int64
    let dataOffset: Int64
    let dataSize: Int64
    let fileSize: Int
    let objects: [Row]
    var testDescription: String { file }
}

struct Row: Sendable, Equatable {
    let id: UInt32
    let type: SIFDataType
    let group: UInt32
    let link: SIFLink
    let numbers: [Int64]
    let name: String
    let extra: SIFExtra

    /// - Parameter numbers: offset, size, size with padding, created, modified, uid, gid.
    init(
        _ id: UInt32, _ type: SIFDataType, group: UInt32, _ link: SIFLink, _ numbers: Int64..., name: String,
        _ extra: SIFExtra
    ) {
        self.id = id
        self.type = type
        self.group = group
        self.link = link
        self.numbers = numbers
        self.name = name
        self.extra = extra
    }

    init(_ object: SIFDescriptor) {
        self.init(
            object.id, object.type, group: object.group, object.link, object.offset, object.size, object.paddedSize,
            object.created, object.modified, object.uid, object.gid, name: String(decoding: object.name, as: UTF8.self),
            object.extra)
    }
}

private func partition(_ filesystem: SIFFilesystem, _ role: SIFPartitionRole, _ architecture: String) -> SIFExtra {
    .partition(.init(filesystem: filesystem, role: role, architecture: SIFArchitecture(name: architecture) ?? .unknown))
}

private func signature(_ hash: Int32, _ fingerprint: String) -> SIFExtra {
    let digits = Array(fingerprint)
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    return .signature(.init(hash: .init(rawValue: hash), fingerprint: bytes))
}

private let zero = SIFFormat.zeroTime

let expectedVectors: [Expected] = [
    Expected(
        file: "apptainer-one-group-signed-pgp.sif", launch: "#!/usr/bin/env run-singularity\n", architecture: 1,
        identifier: "73e1c5c3-5c41-41ed-ad7c-2504d669f140", created: 1_593_475_316, modified: 1_651_170_413, free: 45,
        dataOffset: 32_768, dataSize: 13_687, fileSize: 46_455,
        objects: [
            Row(
                1, .partition, group: 1, .none, 32_768, 4, 4, 1_593_475_316, 1_593_475_316, 501, 20,
                name: ".", partition(.raw, .system, "386")),
            Row(
                2, .partition, group: 1, .none, 36_864, 4, 4_096, 1_593_475_316, 1_593_475_316, 501, 20,
                name: ".", partition(.squashfs, .primarySystem, "386")),
            Row(
                3, .signature, group: 0, .group(1), 45_056, 1_399, 4_474, 1_651_170_413, 1_651_170_413, 0, 0,
                name: "", signature(1, "f34371d0acd5d09eb9bd853a80600a5fa11bbd29")),
        ]),
    Expected(
        file: "encrypted-gocryptfs.sif", launch: "#!/usr/bin/env run-singularity\n", architecture: 2,
        identifier: "8f0c2a14-3b6e-4d7e-b1c5-6a9d0e2f4c73", created: 1_700_000_000, modified: 1_700_000_000, free: 46,
        dataOffset: 32_176, dataSize: 8_784, fileSize: 40_960,
        objects: [
            Row(
                1, .definition, group: 1, .none, 32_176, 19, 19, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", .none),
            Row(
                2, .partition, group: 1, .none, 32_768, 8_192, 8_765, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", partition(.gocryptfsSquashfs, .primarySystem, "amd64")),
        ]),
    Expected(
        file: "one-group-signed-dsse.sif", launch: "", architecture: 1,
        identifier: "00000000-0000-0000-0000-000000000000", created: zero, modified: zero, free: 45,
        dataOffset: 32_176, dataSize: 10_479, fileSize: 42_655,
        objects: [
            Row(
                1, .partition, group: 1, .none, 32_768, 4, 596, zero, zero, 0, 0,
                name: "", partition(.raw, .system, "386")),
            Row(
                2, .partition, group: 1, .none, 36_864, 4_096, 8_188, zero, zero, 0, 0,
                name: "", partition(.squashfs, .primarySystem, "386")),
            Row(
                3, .signature, group: 0, .group(1), 40_960, 1_695, 1_695, zero, zero, 0, 0,
                name: "", signature(1, "")),
        ]),
    Expected(
        file: "one-group-signed-legacy-all.sif", launch: "#!/usr/bin/env run-singularity\n", architecture: 1,
        identifier: "6ecc76b7-a497-4f7f-9ebd-8da2a04c6be1", created: 1_590_175_859, modified: 1_592_684_235, free: 44,
        dataOffset: 32_768, dataSize: 12_897, fileSize: 45_665,
        objects: [
            Row(
                1, .partition, group: 1, .none, 32_768, 4, 4, 1_590_175_859, 1_590_175_859, 1000, 1000,
                name: ".", partition(.raw, .system, "386")),
            Row(
                2, .partition, group: 1, .none, 36_864, 4, 4_096, 1_590_175_859, 1_590_175_859, 1000, 1000,
                name: ".", partition(.squashfs, .primarySystem, "386")),
            Row(
                3, .signature, group: 1, .object(1), 40_960, 609, 4_701, 1_592_684_227, 1_592_684_227, 1000, 1000,
                name: "part-signature", signature(2, "12045c8c0b1004d058de4beda20c27ee7ff7ba84")),
            Row(
                4, .signature, group: 1, .object(2), 45_056, 609, 4_096, 1_592_684_235, 1_592_684_235, 1000, 1000,
                name: "part-signature", signature(2, "12045c8c0b1004d058de4beda20c27ee7ff7ba84")),
        ]),
    Expected(
        file: "one-group-signed-legacy-group.sif", launch: "#!/usr/bin/env run-singularity\n", architecture: 1,
        identifier: "6ecc76b7-a497-4f7f-9ebd-8da2a04c6be1", created: 1_590_175_859, modified: 1_592_684_215, free: 45,
        dataOffset: 32_768, dataSize: 8_801, fileSize: 41_569,
        objects: [
            Row(
                1, .partition, group: 1, .none, 32_768, 4, 4, 1_590_175_859, 1_590_175_859, 1000, 1000,
                name: ".", partition(.raw, .system, "386")),
            Row(
                2, .partition, group: 1, .none, 36_864, 4, 4_096, 1_590_175_859, 1_590_175_859, 1000, 1000,
                name: ".", partition(.squashfs, .primarySystem, "386")),
            Row(
                3, .signature, group: 0, .group(1), 40_960, 609, 4_701, 1_592_684_215, 1_592_684_215, 1000, 1000,
                name: "part-signature", signature(2, "12045c8c0b1004d058de4beda20c27ee7ff7ba84")),
        ]),
    Expected(
        file: "one-group.sif", launch: "", architecture: 1,
        identifier: "00000000-0000-0000-0000-000000000000", created: zero, modified: zero, free: 46,
        dataOffset: 32_176, dataSize: 8_784, fileSize: 40_960,
        objects: [
            Row(
                1, .partition, group: 1, .none, 32_768, 4, 596, zero, zero, 0, 0,
                name: "", partition(.raw, .system, "386")),
            Row(
                2, .partition, group: 1, .none, 36_864, 4_096, 8_188, zero, zero, 0, 0,
                name: "", partition(.squashfs, .primarySystem, "386")),
        ]),
    Expected(
        file: "one-object-oci-blob.sif", launch: "", architecture: 0,
        identifier: "00000000-0000-0000-0000-000000000000", created: zero, modified: zero, free: 47,
        dataOffset: 32_176, dataSize: 847, fileSize: 33_023,
        objects: [
            Row(
                1, .ociBlob, group: 1, .none, 32_176, 847, 847, zero, zero, 0, 0,
                name: "", .digest(Array("sha256:a88b15e95042f7d5a1327c03c57e10bdc1cf5f5efc2968fc73c12b6f5b00c731".utf8))
            )
        ]),
    Expected(
        file: "two-groups-signed-pgp.sif", launch: "", architecture: 1,
        identifier: "00000000-0000-0000-0000-000000000000", created: zero, modified: zero, free: 43,
        dataOffset: 32_176, dataSize: 272_825, fileSize: 305_001,
        objects: [
            Row(
                1, .partition, group: 1, .none, 32_768, 4, 596, zero, zero, 0, 0,
                name: "", partition(.raw, .system, "386")),
            Row(
                2, .partition, group: 1, .none, 36_864, 4_096, 8_188, zero, zero, 0, 0,
                name: "", partition(.squashfs, .primarySystem, "386")),
            Row(
                3, .partition, group: 2, .none, 40_960, 262_144, 262_144, zero, zero, 0, 0,
                name: "", partition(.ext3, .system, "amd64")),
            Row(
                4, .signature, group: 0, .group(1), 303_104, 1_048, 1_048, zero, zero, 0, 0,
                name: "", signature(1, "12045c8c0b1004d058de4beda20c27ee7ff7ba84")),
            Row(
                5, .signature, group: 0, .group(2), 304_152, 849, 849, zero, zero, 0, 0,
                name: "", signature(1, "12045c8c0b1004d058de4beda20c27ee7ff7ba84")),
        ]),
    Expected(
        file: "worked-example.sif", launch: "#!/usr/bin/env run-singularity\n", architecture: 2,
        identifier: "01234567-89ab-4cde-8f01-23456789abcd", created: 1_700_000_000, modified: 1_700_000_000, free: 45,
        dataOffset: 32_176, dataSize: 4_688, fileSize: 36_864,
        objects: [
            Row(
                1, .definition, group: 1, .none, 32_176, 19, 19, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", .none),
            Row(
                2, .genericJSON, group: 1, .none, 32_195, 17, 17, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "inspect-metadata.json", .none),
            Row(
                3, .partition, group: 1, .none, 32_768, 4_096, 4_652, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", partition(.squashfs, .primarySystem, "amd64")),
        ]),
    Expected(
        file: "encrypted-luks2.sif.gz", launch: "#!/usr/bin/env run-singularity\n", architecture: 2,
        identifier: "5f6d0a3e-7c1b-4f3a-9f58-2f0d7a6b8c91", created: 1_700_000_000, modified: 1_700_000_000, free: 45,
        dataOffset: 32_176, dataSize: 16_782_304, fileSize: 16_814_480,
        objects: [
            Row(
                1, .definition, group: 1, .none, 32_176, 19, 19, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", .none),
            Row(
                2, .partition, group: 1, .none, 32_768, 16_781_312, 16_781_885, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", partition(.encryptedSquashfs, .primarySystem, "amd64")),
            Row(
                3, .cryptoMessage, group: 1, .object(2), 16_814_080, 400, 400, 1_700_000_000, 1_700_000_000, 0, 0,
                name: "", .cryptoMessage(format: .pem, message: .rsaOAEP)),
        ]),
]
