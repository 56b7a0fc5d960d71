import Core

/// SIF files are foreign. A header and a table of every shape must be read or refused, what was read must be inside the
/// numbers that a file can have, and written again it must read the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSIF(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard bytes.count >= SIFFormat.headerSize, let header = try? SIFHeader(bytes.span.bytes) else { return 0 }
    // The rest of the input is the table, wherever the header says that it is.
    guard header.tableSize <= bytes.count - SIFFormat.headerSize else { return 0 }
    let end = SIFFormat.headerSize + Int(header.tableSize)
    guard
        let image = try? SIFImage(
            header: header, table: bytes.span.bytes.extracting(SIFFormat.headerSize..<end))
    else { return 0 }
    for object in image.objects {
        precondition(object.id != 0 && object.offset >= 0 && object.size >= 0 && object.end >= object.offset)
        #if FUZZ_CANARY
        precondition(object.partition?.role != .overlay, "the planted bug: an overlay partition")
        #else
        _ = object.extra
        #endif
    }
    _ = image.primarySystem
    precondition((try? SIFHeader(header.encoded.span.bytes)) == header)
    guard let again = try? SIFImage(header: header, table: image.encodedTable.span.bytes) else {
        preconditionFailure("what was read cannot be read again")
    }
    precondition(again == image)
    return 0
}
