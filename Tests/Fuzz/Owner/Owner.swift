import Ownership

/// Attributes of a tree are foreign bytes: any value is a record or none.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOwner(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let owner = RecordedOwner(bytes, isSpecial: false) {
        precondition(RecordedOwner(owner.text, isSpecial: false) == owner, "a record changes when it is written again")
        #if FUZZ_CANARY
        precondition(owner.device == nil, "the planted bug: a device")
        #endif
    }
    if let owner = RecordedOwner(bytes, isSpecial: true) {
        precondition(RecordedOwner(owner.specialValue, isSpecial: true) == owner, "a special record changes")
    }
    return 0
}
