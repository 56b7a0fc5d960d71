import Core
import OCI

/// Indexes, manifests and configs come from anywhere. Any bytes must be read or refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzImageManifest(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let document = try? OCIManifestDocument(parsing: bytes) {
        switch document {
        case .index(let entries):
            _ = try? OCIManifestDocument.select(entries, .host, "fuzz")
        case .manifest(let manifest):
            precondition(manifest.layers.allSatisfy { $0.size >= 0 && $0.digest.hex.utf8.count == 64 })
            #if FUZZ_CANARY
            precondition(!manifest.layers.isEmpty, "the planted bug: a manifest without layers")
            #endif
            _ = try? manifest.tarLayers("fuzz")
        }
    }
    if let config = try? OCIConfig(parsing: bytes) {
        _ = config.createdSeconds
        let scripts = OCIScripts(config)
        // Whatever the image says, a word stays a word: no line of the scripts begins with what it brought.
        precondition(scripts.environment.hasPrefix("#!/bin/sh\n"))
        precondition(scripts.runscript.hasSuffix("eval \"set ${SINGULARITY_OCI_RUN}\"\nexec \"$@\"\n"))
    }
    return 0
}
