package import Base

extension InstalledPlugins {
    /// Returns the enabled plugins that fetch images of a scheme, in the order in which they are asked.
    package func plugins(serving scheme: String) -> [Manifest] { enabled.filter { $0.schemes.contains(scheme) } }

    /// Whether any plugin, enabled, disabled or unusable, has this scheme.
    package func knows(scheme: String) -> Bool {
        entries.contains { $0.manifest.schemes.contains(scheme) }
            || broken.contains { $0.outline.schemes.contains(scheme) }
    }

    /// Returns the error for a scheme that no enabled plugin has. The words are Apptainer's.
    package func refusal(of scheme: String) -> SkiffError {
        let hint: String
        if let off = entries.first(where: { $0.manifest.schemes.contains(scheme) }) {
            let id = off.manifest.id
            hint = "The plugin \(id) serves \(scheme)://, but is disabled; 'plugin enable \(id)' changes that"
        } else if let plugin = broken.first(where: { $0.outline.schemes.contains(scheme) }) {
            hint = "The plugin \(plugin.id) serves \(scheme)://, but cannot be used: \(plugin.error)"
        } else if !broken.isEmpty {
            hint = "No plugin that can be used serves \(scheme)://; 'plugin list --all' shows those that cannot"
        } else {
            hint = "No installed plugin serves \(scheme)://"
        }
        return SkiffError("Unsupported transport type: \(scheme)", hint: hint)
    }
}
