public import PluginAPI
import PluginKit

/// `--hello-swift[=NAME]`: greets from the host, and shows the container what the host is.
final class Hello: Plugin {
    let id = "org.skiff.hello-swift"
    let version = "0.1.0"
    let name = "HelloSwift"
    let phases: Set<PluginPhase> = [.mounts, .environment]

    func mounts(_ session: Session) throws(PluginError) {
        try session.bind(
            "/etc/os-release", at: "/run/host/os-release", readOnly: true, group: .files, missing: .warn,
            reason: "--hello-swift: what the host is")
    }

    /// Without a handler the flag is asked for; its values are checked already.
    func environment(_ session: Session) throws(PluginError) {
        guard let name = try session.flag("hello-swift").last else { return }
        try session.change("HELLO", .set(name), reason: "--hello-swift")
    }
}

@c(skiff_plugin_entry)
public func entry(
    _ abi: UInt32, _ host: UnsafePointer<skiff_host>?, _ out: UnsafeMutablePointer<UnsafePointer<skiff_plugin>?>?
) -> Int32 {
    Kit.enter(abi, host, out) { Hello() }
}
