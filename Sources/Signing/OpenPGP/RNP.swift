import Base
import CRNP
import Synchronization

/// librnp, opened at the first use, one user at a time.
struct RNP: ~Copyable {
    let functions: skl_rnp

    private static let turn = Mutex(())

    /// - Throws: what `body` throws, and when the library is missing.
    static func use<Result>(_ body: (borrowing RNP) throws(SkiffError) -> Result) throws(SkiffError) -> Result {
        guard let library = skl_rnp_library() else {
            throw SkiffError("cannot check signatures: cannot open librnp.so.0", hint: "Install the package librnp0")
        }
        let rnp = RNP(functions: library.pointee)
        return try turn.withLock { _ throws(SkiffError) in
            // Its messages are shown only with --debug.
            let isSilent = Log.level < Log.Level.debug.rawValue
            if isSilent { skl_rnp_silence() }
            defer { if isSilent { skl_rnp_speak() } }
            return try body(rnp)
        }
    }

    /// Returns the text that a function of the library returns, and frees the original; nil when there is none.
    func text(_ get: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> rnp_result_t?) -> String? {
        var pointer: UnsafeMutablePointer<CChar>?
        guard get(&pointer) == SKL_RNP_SUCCESS, let pointer else { return nil }
        defer { functions.buffer_destroy(pointer) }
        return String(cString: pointer)
    }

    /// Returns the object that a function of the library makes, which the caller has to destroy, or nil after an error,
    /// when the library's pointer may be non-null and dangling.
    func object(_ get: (UnsafeMutablePointer<OpaquePointer?>) -> rnp_result_t?) -> OpaquePointer? {
        var pointer: OpaquePointer?
        return get(&pointer) == SKL_RNP_SUCCESS ? pointer : nil
    }

    /// Returns the answer to a yes-or-no question, or nil when the library has none.
    func flag(_ get: (UnsafeMutablePointer<Bool>) -> rnp_result_t?) -> Bool? {
        var value = false
        return get(&value) == SKL_RNP_SUCCESS ? value : nil
    }

    /// Returns what was written to an output in memory.
    func bytes(_ output: OpaquePointer) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard functions.output_memory_get_buf(output, &bytes, &count, false) == SKL_RNP_SUCCESS, let bytes else {
            return []
        }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    /// Calls `body` with an input over the bytes.
    func withInput<Result>(
        _ bytes: [UInt8], _ body: (OpaquePointer) throws(SkiffError) -> Result
    ) throws(SkiffError) -> Result {
        // The input has a copy of its own.
        let made = bytes.withUnsafeBufferPointer { buffer in
            object { functions.input_from_memory($0, buffer.baseAddress, buffer.count, true) }
        }
        guard let input = made else { throw Self.outOfMemory }
        defer { _ = functions.input_destroy(input) }
        return try body(input)
    }

    static var outOfMemory: SkiffError { SkiffError("cannot check signatures: librnp has no memory") }
}
