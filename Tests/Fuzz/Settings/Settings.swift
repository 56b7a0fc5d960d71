import Core
import Linux

/// `--config FILE` may name anything. Every input must be read or refused; what was read must survive being written.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSettings(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let settings = try? Settings(parsing: bytes, name: "fuzz") else { return 0 }
    #if FUZZ_CANARY
    precondition(settings.mountDev != .minimal, "the planted bug: a minimal /dev")
    #endif
    do {
        let text = try settings.text()
        let again = try Settings(parsing: text.bytes, name: "fuzz")
        precondition(again.bindPath == settings.bindPath && again.mountDev == settings.mountDev)
        let copy = try again.text()
        precondition(copy == text)
    } catch {
        preconditionFailure("what was written is not read back: \(error)")
    }
    return 0
}
