import CLinux

/// Runs a call that takes a NUL-terminated text and answers -1 on failure; repeats it while a signal interrupts it.
/// - Throws: `EINVAL` for bytes that hold a NUL, which would name something else.
@inline(__always)
func checked<Result: FixedWidthInteger & SignedInteger>(
    _ bytes: [UInt8], _ call: (UnsafePointer<CChar>) -> Result
) throws(Errno) -> Result {
    if bytes.contains(ASCII.null) { throw .invalidArgument }
    return try checked { withTerminated(bytes, call) }
}

/// The same for a text, as the bytes that it stands for.
@inline(__always)
func checked<Result: FixedWidthInteger & SignedInteger>(
    _ text: String, _ call: (UnsafePointer<CChar>) -> Result
) throws(Errno) -> Result {
    try checked(text.bytes, call)
}

@inline(__always)
private func withTerminated<Result>(_ bytes: [UInt8], _ call: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { space in
        guard let base = space.baseAddress else { preconditionFailure("an allocation of at least one byte") }
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(space).copyMemory(from: $0) }
        base[bytes.count] = 0
        return call(base)
    }
}
