import Core
import Linux

/// The parts of a SIF file that signatures cover, as the bytes that are hashed (Docs/spec/signing.md §2). The fields
/// have the order of the file; those that may change without harm are left out.
enum SignedFields {
    /// Returns 61 bytes: launch script, magic, version and UUID. The architecture between them is not covered.
    static func header(_ header: SIFHeader) -> [UInt8] {
        let encoded = header.encoded
        return Array(encoded[..<45] + encoded[48..<64])
    }

    /// Returns 557 bytes: everything but the absolute id, the group, the offset in the file and the modification time.
    ///
    /// - Parameter relativeID: counted from the lowest id of the object's group.
    static func descriptor(_ object: SIFDescriptor, relativeID: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: 557)
        writer.i32(object.type.rawValue)
        writer.u8(1)
        writer.u32(relativeID)
        writer.u32(object.storedLink)
        for number in [object.size, object.created, object.uid, object.gid] { writer.i64(number) }
        writer.padded(object.name, to: SIFFormat.nameSize)
        writer.padded(object.storedExtra, to: SIFFormat.extraSize)
        return writer.bytes
    }
}
