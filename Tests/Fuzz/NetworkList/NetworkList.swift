import BridgeNetPlugin
import PluginKit

/// Networks are described by files of administrators and of other programs. Any bytes must be read or refused; what was read must
/// come back the same from its own text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetworkList(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let value = try? JSON(parsing: bytes) else { return 0 }
    let again = try? JSON(parsing: Array(value.serialized.utf8))
    precondition(again == value, "what was written is not read back")
    guard let list = try? NetworkList(parsing: bytes, file: "fuzz") else { return 0 }
    do {
        _ = try InterfacePlan(list)
    } catch {
        #if FUZZ_CANARY
        precondition(!"\(error)".contains("is wrong"), "the planted bug: a network with a wrong address or route")
        #endif
    }
    return 0
}
