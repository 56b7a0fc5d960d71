package import Base
package import Core
import Linux
import PluginAPI

/// The plugins that took part in the start of an instance and want to know who enters it (`joining` of `skiff.container/2`).
final class JoiningPlugins: PluginPhases {
    private let instance: String
    private let sessions: [Session]

    fileprivate init(_ instance: String, _ sessions: [Session]) {
        (self.instance, self.sessions) = (instance, sessions)
    }

    /// None that the launch would have to wait for.
    var participants: [PluginParticipant] { [] }
    func configure() throws(SkiffError) {}
    func prepare(_ draft: inout PlanDraft) throws(SkiffError) {}
    func mounts(_ draft: inout PlanDraft) throws(SkiffError) {}
    func environment(_ draft: inout PlanDraft) throws(SkiffError) {}
    func entered() throws(SkiffError) {}
    func preExec() throws(SkiffError) {}
    func started(pid: Int32, pidfd: Int32) {}
    func stopped(status: Int32) {}

    func joining(_ place: ContainerPlace) throws(SkiffError) {
        for session in sessions {
            defer {
                session.endHelpers()
                session.undo()
                session.freeState()
            }
            try session.call("joining", session.plugin.container.joining, in: place)
        }
        try ProcessCare.current?.lookAtAll()
    }
}

extension PluginCatalog {
    /// Returns the plugins that are asked before a program enters an instance, loaded; nil for none.
    /// - Parameter beforeLoading: called with their ids; returns descriptors that they must leave alone.
    /// - Throws: when one of them is not there any more: what it would say is unknown.
    package func join(
        _ instance: Instance, _ request: Request, _ settings: Settings, _ installation: Installation,
        beforeLoading: ([String]) throws(SkiffError) -> [CInt]
    ) throws(SkiffError) -> (any PluginPhases)? {
        let ids = instance.conditions.plugins
        if ids.isEmpty { return nil }
        let installed = plugins(for: ids.map { .plugin($0) })
        var manifests: [Manifest] = []
        for id in ids {
            guard let manifest = installed.enabled.first(where: { $0.id == id }) else {
                throw SkiffError(
                    "cannot enter instance \(instance.name): the plugin \(id), which took part in its start, is not "
                        + "installed, or disabled",
                    hint: "'plugin list --all' tells which plugins there are")
            }
            manifests.append(manifest)
        }
        let descriptors = try beforeLoading(ids)
        ProcessCare.current = try ProcessCare(ids, descriptors: descriptors)
        var facts = SessionFacts(request: request, installation: installation)
        facts.configuration = InstalledPlugins.configuration(settings, manifests)
        facts.isPrivileged = Trust.ofThisProcess.isPrivileged
        facts.isRootless = effectiveUID() != 0 || instance.conditions.user != nil
        (facts.command, facts.image, facts.instance) = (request.action.rawValue, instance.image, instance.name)
        var sessions: [Session] = []
        for manifest in manifests {
            let plugin = try Loader(directory: installed.directory).load(manifest)
            try manifest.lookAtProcess(after: "load")
            sessions.append(Session(plugin: plugin, facts: facts))
        }
        return JoiningPlugins(instance.name, sessions)
    }
}
