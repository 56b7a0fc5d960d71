import CBridgeNet

/// Questions for names come from containers. Any bytes must be answered as what they are, or passed on.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNameQuestion(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    _ = names
    let count = min(size, Int(bn_longest_question))
    // Of exactly this size, so that a byte too many is seen.
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    var answer = [UInt8](repeating: 0, count: Int(bn_longest_question))
    let length = bn_names_answer(bytes, count, &answer)
    if length == 0 { return 0 }
    precondition(length <= 512 && answer[..<2] == bytes[..<2] && answer[2] & 0x80 != 0, "no answer to this question")
    #if FUZZ_CANARY
    precondition(answer[7] < 2, "the planted bug: a question for both addresses")
    #endif
    return 0
}

/// `web` with an address of each family.
private let names: Bool = {
    var (four, six) = (bn_address(), bn_address())
    (four.size, six.size) = (4, 16)
    return bn_names_add("web", &four, 1, -1) == 0 && bn_names_add("web", &six, 1, -1) == 0
}()
