package import Base
package import Core
import Linux

/// All probes, in the order in which a launch would meet what they look at. None of them changes anything, but that
/// `removesLeftovers` removes what processes that have ended left behind.
package struct Examination {
    private let installation: Installation
    private let settings: Settings
    private let removesLeftovers: Bool

    package init(_ installation: Installation, _ settings: Settings, removesLeftovers: Bool) {
        (self.installation, self.settings, self.removesLeftovers) = (installation, settings, removesLeftovers)
    }

    package func findings() throws(SkiffError) -> [Finding] {
        let host = try HostFacts.current()
        let programs = ProgramPath(settings)
        var found = KernelProbe.findings()
        found += NamespaceProbe(isRoot: host.isAdministrator).findings()
        found += DeviceProbe(isRoot: host.isAdministrator).findings()
        found += IdentityProbe(host: host, programs: programs).findings()
        found += ControlGroupProbe(host: .look(), uid: host.uid, asksSystemd: settings.systemdCgroups).findings()
        found += ProgramProbe(programs: programs).findings()
        found += GraphicsProbe().findings()
        found += PlaceProbe(host: host).findings()
        found += try PluginProbe(installation: installation, settings: settings).findings()
        found += EnvironmentProbe(home: host.homeDirectory).findings()
        return found + LeftoverProbe(isRemoving: removesLeftovers).findings()
    }
}
