package import Base
import Linux

/// The header and the used slots of a SIF file: everything but the bytes of its objects.
///
/// Reading is strict about what could lead a reader astray (Docs/spec/sif.md §12); whether an object lies inside the
/// file is checked only when its bytes are read, because listing a damaged file must work.
package struct SIFImage: Sendable, Equatable {
    package var header: SIFHeader
    /// In the order of the table.
    package internal(set) var objects: [SIFDescriptor]
    /// Table position of each of `objects`.
    var slots: [Int]

    init(header: SIFHeader) {
        self.header = header
        objects = []
        slots = []
    }

    /// Reads header and table of an open file: one pread for the usual layout.
    package init(reading file: CInt) throws(SkiffError) {
        try self.init(reading: file, start: try Self.start(of: file))
    }

    /// Returns the start of a file, up to the end of a header and table of the usual size: what every reader begins
    /// with.
    package static func start(of file: CInt) throws(SkiffError) -> [UInt8] {
        try during("reading global header") { () throws(Errno) in
            try readBytes(
                file, at: 0,
                count: Int(SIFFormat.descriptorsOffset) + SIFFormat.defaultCapacity * SIFFormat.descriptorSize)
        }
    }

    /// - Parameter start: the first bytes of the file, which hold the header and perhaps the table.
    package init(reading file: CInt, start: [UInt8]) throws(SkiffError) {
        let header = try SIFHeader(start.span.bytes)
        // Both are checked: at most 38 MB from an offset that is not negative.
        let size = Int(header.tableSize)
        let offset = Int(header.descriptorsOffset)
        let (end, overflow) = offset.addingReportingOverflow(size)
        if !overflow, end <= start.count {
            try self.init(header: header, table: start.span.bytes.extracting(offset..<end))
            return
        }
        let table = try during("reading descriptors") { () throws(Errno) in
            try readBytes(file, at: header.descriptorsOffset, count: size)
        }
        guard table.count == size else {
            throw SkiffError("reading descriptors: \(table.isEmpty ? "EOF" : "unexpected EOF")")
        }
        try self.init(header: header, table: table.span.bytes)
    }

    /// - Parameter table: all slots.
    package init(header: SIFHeader, table: RawSpan) throws(SkiffError) {
        self.init(header: header)
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(table)
            for slot in 0..<Int(header.descriptorsTotal) {
                guard let object = try SIFDescriptor(&reader) else { continue }
                objects.append(object)
                slots.append(slot)
            }
        } catch {
            throw SkiffError("reading descriptors: unexpected EOF")
        }
        try checkObjects()
    }

    private func checkObjects() throws(SkiffError) {
        for object in objects {
            guard object.id != 0 else { throw SkiffError("invalid SIF descriptor: object without an ID") }
            guard object.offset >= 0, object.size >= 0, !object.offset.addingReportingOverflow(object.size).overflow
            else {
                throw SkiffError(
                    "invalid SIF descriptor: object \(object.id) has offset \(object.offset) and size \(object.size)")
            }
        }
        let ids = objects.map(\.id).sorted()
        for (id, next) in zip(ids, ids.dropFirst()) where id == next {
            throw SkiffError("invalid SIF descriptor: multiple objects with ID \(id)")
        }
    }
}

extension SIFImage {
    package func object(id: UInt32) throws(SkiffError) -> SIFDescriptor {
        if id == 0 { throw SkiffError("invalid object ID") }
        guard let object = objects.first(where: { $0.id == id }) else { throw SkiffError("object not found") }
        return object
    }

    /// The root file system; nil when there is none, or two and therefore no answer (Docs/spec/sif.md §12).
    package var primarySystem: SIFDescriptor? {
        var found: SIFDescriptor?
        for object in objects where object.isPrimarySystem {
            if found != nil { return nil }
            found = object
        }
        return found
    }

    /// Where the next object goes when nothing is aligned; Docs/spec/sif.md §7. Numbers are checked by the reader and
    /// the writer.
    var dataEnd: Int64 { objects.map(\.end).max() ?? header.dataOffset }

    /// The whole table, free slots as zeros.
    package var encodedTable: [UInt8] {
        let size = Int(header.tableSize)
        var writer = ByteWriter(capacity: size)
        for (object, slot) in zip(objects, slots) {
            writer.padded([], to: slot * SIFFormat.descriptorSize - writer.bytes.count)
            object.encode(into: &writer)
        }
        writer.padded([], to: size - writer.bytes.count)
        return writer.bytes
    }
}

extension SIFImage {
    /// The name of the object that holds what an image says about itself, as JSON.
    package static let metadataName = "inspect-metadata.json"

    package var metadata: SIFDescriptor? {
        let name = Array(Self.metadataName.utf8)
        return objects.first { $0.type == .genericJSON && $0.name == name }
    }
}

/// Returns the bytes of an object, all of them or an error; `EOF` is Apptainer's text for an object past the end of the
/// file.
package func readObject(_ object: SIFDescriptor, of file: CInt, limit: Int = 64 << 20) throws(SkiffError) -> [UInt8] {
    guard object.size <= Int64(limit) else {
        throw SkiffError("cannot read object \(object.id): \(object.size) bytes are more than the \(limit) allowed")
    }
    let bytes = try during("cannot read object \(object.id)") { () throws(Errno) in
        // The size is only the file's claim; memory is allocated for what the file really has.
        let available = max(0, try status(of: file).size - object.offset)
        return try readBytes(file, at: object.offset, count: Int(min(object.size, available)))
    }
    guard Int64(bytes.count) == object.size else { throw SkiffError("unexpected EOF") }
    return bytes
}
