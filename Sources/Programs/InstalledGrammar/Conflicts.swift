import Base
import Grammar
package import PluginHost

extension InstalledPlugins {
    /// Warns of what `conflicts` finds for these plugins.
    package func tellConflicts(of ids: [String]) {
        for manifest in enabled where ids.contains(manifest.id) {
            for conflict in conflicts(of: manifest) { Log.warning("plugin \(manifest.id): \(conflict)") }
        }
    }

    /// Returns which names of a plugin somebody else has as well, skiff or another enabled plugin: the user who types one
    /// gets something else than its manifest says, or more.
    package func conflicts(of manifest: Manifest) -> [String] {
        var result: [String] = []
        for flag in manifest.grammarFlags {
            if flag.commands.contains(where: { Grammar.hasOwn(flag: flag.name, short: flag.short, of: $0) }) {
                result.append("the flag --\(flag.name), or its letter, is skiff's own, and the plugin does not get it")
            }
            for other in enabled where other.id != manifest.id {
                if other.grammarFlags.contains(where: { flag.isConfused(with: $0) }) {
                    result.append("the flag --\(flag.name), or its letter, is also one of the plugin \(other.id)")
                }
            }
        }
        let names = manifest.commands.map(\.name) + manifest.groups.map(\.name)
        for name in names {
            if Grammar.hasOwn(command: name) {
                result.append("the command \(name) is skiff's own, and the plugin does not get it")
            }
            for other in enabled where other.id != manifest.id {
                if (other.commands.map(\.name) + other.groups.map(\.name)).contains(name) {
                    result.append("the command \(name) is also one of the plugin \(other.id)")
                }
            }
        }
        return result
    }
}

extension PluginFlag {
    fileprivate func isConfused(with other: PluginFlag) -> Bool {
        guard commands.contains(where: other.commands.contains) else { return false }
        return name == other.name || short != nil && short == other.short
    }
}
