import PluginHost

/// Plugin manifests are foreign text. Every input must be parsed or refused; none may trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzManifest(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    _ = ManifestOutline(bytes)
    do throws(ManifestError) {
        let manifest = try Manifest(parsing: bytes)
        #if FUZZ_CANARY
        precondition(manifest.flags.isEmpty, "the planted bug: a manifest with a flag")
        #else
        precondition(!manifest.id.isEmpty && manifest.settings.allSatisfy { !$0.directive.name.isEmpty })
        #endif
    } catch {
        _ = error.described(in: "fuzz")
    }
    return 0
}
