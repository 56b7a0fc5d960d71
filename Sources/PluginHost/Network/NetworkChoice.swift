import Base
import Core

extension Manifest {
    /// Whether the plugin is asked for a network.
    func mayServe(_ network: String) -> Bool { networks.contains(network) || networks.contains("*") }
}

extension InstalledPlugins {
    /// Refuses networks that no enabled plugin may serve.
    func refuseUnservedNetworks(of request: Request) throws(SkiffError) {
        for network in request.networks.map(\.name) where !enabled.contains(where: { $0.mayServe(network) }) {
            throw SkiffError(
                "cannot set up network \(network): no plugin here provides it", hint: networkHint(network))
        }
    }

    private func networkHint(_ network: String) -> String {
        if let off = entries.first(where: { $0.manifest.mayServe(network) })?.manifest.id {
            return "The plugin \(off) may, but is disabled; 'plugin enable \(off)' changes that"
        }
        if let plugin = broken.first(where: { $0.outline.networks.contains { $0 == network || $0 == "*" } }) {
            return "The plugin \(plugin.id) may, but cannot be used: \(plugin.error)"
        }
        return
            "Install a plugin with networks, as org.skiff.bridge-net; --network none gives a container that reaches nothing, "
            + "and without --net it has the network of the host"
    }
}
