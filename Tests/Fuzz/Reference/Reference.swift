import Core
import Registry

/// References come from command lines, definition files and registries' answers, and become URLs and file names. Any
/// text must be read or refused, and what was read must not be able to leave its place.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReference(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
    if let reference = try? RegistryReference(text) {
        precondition(!(reference.registry + reference.repository).contains { "@?# %\\\n\t".contains($0) })
        precondition(!reference.repository.split(separator: "/").contains(".."))
        precondition(reference.tag.map(RegistryReference.isTag) ?? true)
        guard let again = try? RegistryReference(reference.description) else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again == reference)
        #if FUZZ_CANARY
        precondition(reference.digest == nil, "the planted bug: a reference with a digest")
        #endif
    }
    _ = try? RegistryReference(text, needsRegistry: true)
    if let uri = ImageURI(text) {
        precondition(uri.description == text)
        precondition(!uri.outputName.contains("/"))
    }
    if let library = try? LibraryReference(text) {
        precondition((library.path + library.tag).allSatisfy { !"?#@% ".contains($0) })
        precondition(library.path.split(separator: "/").count <= 3)
    }
    if let hub = try? HubReference(text) { precondition(!hub.path.contains("?") && !hub.registry.isEmpty) }
    return 0
}
