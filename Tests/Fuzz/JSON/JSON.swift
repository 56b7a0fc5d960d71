import Base
import Packing

/// Labels and records of images are foreign text. Any bytes must be read or refused; what was read must come back the
/// same from its own text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let value = try? JSONReader.read(bytes) else { return 0 }
    guard let again = try? JSONReader.read(Array(value.text(indent: "\t").utf8)) else {
        preconditionFailure("what was written cannot be read")
    }
    #if FUZZ_CANARY
    precondition(value["data"]?["attributes"]?["apps"] == nil, "the planted bug: an image with applications")
    #endif
    precondition(again == value)
    guard let metadata = try? InspectMetadata(parsing: bytes) else { return 0 }
    precondition((try? InspectMetadata(parsing: Array(metadata.json.text().utf8))) == metadata)
    return 0
}
