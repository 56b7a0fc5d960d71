import Core

/// Programs of an image, for which skiff must find the interpreter that the kernel would. None may trap, ask for more than
/// a table of segments, or give a path that no kernel would take.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzInterpreter(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let found = ProgramInterpreter.ofELF { offset, count in
        precondition(offset >= 0 && count <= 65536)
        guard let start = Int(exactly: offset), start < bytes.count else { return [] }
        return Array(bytes[start...].prefix(count))
    }
    precondition(found.count <= 2)
    let words = ProgramInterpreter.ofScript(Array(bytes.prefix(256)))
    precondition(words.map { (1...2).contains($0.count) && !$0[0].isEmpty } ?? true)
    for path in found + (words ?? []) { precondition(path.count <= 4096 && !path.contains(0)) }
    #if FUZZ_CANARY
    precondition(found.count < 2, "the planted bug: two interpreters")
    #endif
    return 0
}
