import Core
import HTTP
import Registry

/// What registries and remotes answer, and the files in which their users keep logins, mirrors and endpoints. The first
/// byte chooses the reader. Any bytes must be read or refused; what is written again must mean the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRegistryAnswer(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard let kind = bytes.first else { return 0 }
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    switch kind {
    case UInt8(ascii: "c"):
        for challenge in Challenge.parse(text) {
            precondition(!challenge.scheme.isEmpty)
            #if FUZZ_CANARY
            precondition(
                challenge.parameters["realm"] == nil, "the planted bug: a challenge that names a realm")
            #endif
        }
    case UInt8(ascii: "d"):
        guard var config = try? DockerConfig(parsing: Array(text.utf8)) else { break }
        config.set("registry.example", ("ann", "secret"))
        guard let again = try? DockerConfig(parsing: Array(config.text.utf8)) else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again.credential(for: "registry.example") == .password(user: "ann", "secret"))
    case UInt8(ascii: "m"):
        guard let mirrors = try? Mirrors(parsing: text, name: "fuzz"),
            let reference = try? RegistryReference("registry.example/a/b:1"),
            let endpoints = try? mirrors.endpoints(for: reference)
        else { break }
        precondition(!endpoints.isEmpty)
    case UInt8(ascii: "y"):
        guard let yaml = try? SimpleYAML(parsing: text) else { break }
        _ = yaml.written()
        guard let remotes = try? RemoteConfig(parsing: text) else { break }
        guard let again = try? RemoteConfig(parsing: remotes.text) else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(Set(again.remotes.keys) == Set(remotes.remotes.keys))
    case UInt8(ascii: "r"):
        if let range = ContentRange(text) { precondition(range.start >= 0 && range.end >= range.start) }
    default:
        guard let address = WebAddress(text) else { break }
        precondition(
            !address.host.isEmpty || address.authority.hasPrefix("[") || address.authority.hasPrefix(":"))
        if let next = address.following(text) { precondition(next.isSameOrigin(as: next)) }
    }
    return 0
}
