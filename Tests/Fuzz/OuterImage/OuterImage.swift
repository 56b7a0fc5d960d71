import EncryptionPlugin

/// The squashfs around a file of gocryptfs is anybody's. Any bytes must be refused, or the file must lie inside of them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOuterImage(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let read = { (offset: UInt64, count: Int) throws(OuterImage.Malformed) -> [UInt8] in
        precondition(offset <= UInt64(size) && count <= size - Int(offset), "read outside of the volume")
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }
    guard let image = try? OuterImage(size: UInt64(size), read: read) else { return 0 }
    precondition(image.split <= image.storedSize, "more blocks than content")
    precondition(image.start <= UInt64(size) && image.split <= UInt64(size) - image.start, "blocks outside")
    let rest = image.storedSize - image.split
    precondition(rest == 0 || image.rest <= UInt64(size) && rest <= UInt64(size) - image.rest, "an end outside")
    _ = try? GocryptfsConfiguration(parsing: image.configuration)
    #if FUZZ_CANARY
    precondition(!image.configuration.contains(UInt8(ascii: "~")), "the planted bug: a configuration with a tilde")
    #endif
    return 0
}
