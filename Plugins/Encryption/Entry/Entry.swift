import EncryptionPlugin
public import PluginAPI
import PluginKit

@c(skiff_plugin_entry)
public func entry(
    _ abi: UInt32, _ host: UnsafePointer<skiff_host>?, _ out: UnsafeMutablePointer<UnsafePointer<skiff_plugin>?>?
) -> Int32 {
    Kit.enter(abi, host, out) { Encryption() }
}
