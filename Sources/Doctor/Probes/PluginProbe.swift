import Base
import Core
import PluginHost

/// Plugins that are refused, and what the others need of this host (`skiff.doctor/1`).
struct PluginProbe {
    let installation: Installation
    let settings: Settings

    func findings() throws(SkiffError) -> [Finding] {
        let installed = InstalledPlugins(installation: installation)
        var found = installed.broken.map(Self.finding)
        for (plugin, answer) in try installed.examine(settings, installation) {
            switch answer {
            case .findings(let list): found += list.map(Finding.init)
            case .failed(let error):
                found.append(
                    Finding(
                        "plugin", .warning, "plugin \(plugin) cannot be examined: \(error.description)",
                        effect: "what it needs of this host is not known"))
            }
        }
        return found
    }

    private static func finding(_ broken: InstalledPlugins.Broken) -> Finding {
        Finding(
            "plugin", .warning, "plugin \(broken.id) is refused: \(broken.error.message)",
            effect: "its flags and commands do not work", cure: broken.error.hint)
    }
}

extension Finding {
    fileprivate init(_ finding: PluginFinding) {
        let level: Level =
            switch finding.level {
            case .fine: .fine
            case .note: .note
            case .warning: .warning
            case .fault: .fault
            }
        self.init(finding.probe, level, finding.fact, effect: finding.effect, cure: finding.cure)
    }
}
