import Base
import Bundles
import Core

/// A bundle comes from whoever made the image. Any bytes must be read or refused, and what is read must be fit to be carried
/// out: paths lead nowhere but down from the root, and no word of it is more than one word.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBundleConfiguration(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let configuration = try? BundleConfiguration(parsing: bytes) else { return 0 }
    let places =
        configuration.mounts + configuration.devices + configuration.maskedPaths + configuration.readOnlyPaths
    for mount in places {
        precondition(mount.destination.utf8.first == 0x2F)
        precondition(!mount.destination.split(separator: "/").contains(".."))
        precondition(!mount.destination.utf8.contains(0) && !mount.name.isEmpty)
    }
    precondition(configuration.mounts.allSatisfy { $0.destination != "/" })
    #if FUZZ_CANARY
    // Those of the seeds have small letters, and few signs.
    let known = Set("abcdefghijklmnopqrstuvwxyz/_-.".utf8)
    precondition(
        places.allSatisfy { $0.destination.utf8.allSatisfy(known.contains) }, "the planted bug: a name with others")
    #endif
    for limit in configuration.limits {
        precondition(!limit.value.utf8.contains(0x0A) && !limit.subject.utf8.contains(0x0A))
    }
    for sysctl in configuration.sysctls { precondition(!sysctl.name.contains("/") && !sysctl.name.contains("..")) }
    if let process = configuration.process {
        precondition(!process.arguments.isEmpty)
        let sets = process.capabilities
        precondition(sets.ambient & ~(sets.permitted & sets.inheritable) == 0)
        precondition(sets.effective & ~sets.permitted == 0)
    }
    precondition(configuration.namespaces.contains { $0.kind == .mount })
    return 0
}
