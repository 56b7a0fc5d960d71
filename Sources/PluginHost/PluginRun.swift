package import Base
package import Core
import Linux
import PluginAPI

/// The plugins of one command, loaded, and their phases in order. The core sees this as `PluginPhases`.
package final class PluginRun: PluginPhases {
    private(set) var sessions: [Session]
    private var picked: [Picked]
    private var networks = ServedNetworks()
    /// Brings in plugins that turn out to be needed when the plan is closed.
    private let supplement: (registry: InstalledPlugins, loader: Loader, facts: SessionFacts)?
    /// Plugins whose `prepare` was called and whose `stopped` was not, in order.
    private var prepared: [Session] = []

    /// Loads the plugins that the command needs. With none of them this does nothing at all.
    ///
    /// - Throws: when one of them cannot be used, because the user asked for what it does.
    package init(
        _ picked: [Picked], from registry: InstalledPlugins, facts: SessionFacts, trust: Trust = .ofThisProcess
    )
        throws(SkiffError)
    {
        if !picked.isEmpty { UndoJournal.sweep(facts.undoDirectory) }
        let loader = Loader(directory: registry.directory, trust: trust)
        var sessions: [Session] = []
        for item in picked {
            let plugin = try loader.load(item.manifest)
            try item.manifest.lookAtProcess(after: "load")
            let session = Session(plugin: plugin, facts: facts)
            session.number = UInt8(clamping: sessions.count)
            sessions.append(session)
        }
        self.sessions = sessions
        self.picked = picked
        supplement = (registry, loader, facts)
    }

    /// One plugin from anywhere, for the checker.
    init(_ manifest: Manifest, directory: String, facts: SessionFacts) throws(SkiffError) {
        let plugin = try Loader(directory: directory, trust: Trust(isPrivileged: false)).load(manifest)
        sessions = [Session(plugin: plugin, facts: facts)]
        picked = [Picked(manifest: manifest, trigger: "check")]
        supplement = nil
    }

    /// Loads further plugins until one gives an answer, which is kept then.
    func supply<Answer>(
        _ table: String, because reason: String, _ ask: (Session) throws(SkiffError) -> Answer?
    ) throws(SkiffError) -> Answer? {
        guard let supplement else { return nil }
        var registry = supplement.registry
        registry.readAll()
        let known = picked.map(\.manifest.id)
        for manifest in registry.enabled where manifest.extensions.contains(table) && !known.contains(manifest.id) {
            let session = Session(plugin: try supplement.loader.load(manifest), facts: supplement.facts)
            session.number = UInt8(clamping: sessions.count)
            guard let answer = try ask(session) else { continue }
            sessions.append(session)
            picked.append(Picked(manifest: manifest, trigger: reason))
            return answer
        }
        return nil
    }

    /// Whether a call failed without a reason.
    var failedSilently: Bool { sessions.contains(where: \.plugin.hasFailedSilently) }

    package var participants: [PluginParticipant] {
        zip(sessions, picked).map { session, item in
            PluginParticipant(
                id: item.manifest.id, version: item.manifest.version, trigger: item.trigger,
                phases: PluginPhase.allCases.filter(session.plugin.phases.has), holdsStart: session.plugin.holdsStart,
                isAskedToJoin: session.plugin.container.joining != nil)
        }
    }

    package func configure() throws(SkiffError) {
        for session in sessions {
            try session.during(.configure) { () throws(SkiffError) in
                try FlagHandlers.call(session)
                try call(session, .configure, session.plugin.phases.configure)
            }
            try session.plugin.manifest.lookAtProcess(after: "configure")
        }
        if let facts = sessions.first?.facts { networks = try ServedNetworks(facts.request.networks, sessions) }
    }

    package func prepare(_ draft: inout PlanDraft) throws(SkiffError) {
        try fill(.prepare, &draft, \.prepare) { prepared.append($0) }
        do throws(SkiffError) {
            try networks.prepare(&draft)
        } catch {
            stopped(status: -1)
            throw error
        }
    }

    package func attach(_ place: ContainerPlace) throws(SkiffError) -> [NetworkResult] {
        if networks.isEmpty { return [] }
        try ProcessCare.current?.renew(ownsChildren: false)
        return try networks.attach(place)
    }

    package func mounts(_ draft: inout PlanDraft) throws(SkiffError) {
        try fill(.mounts, &draft, \.mounts)
        do throws(SkiffError) {
            try DeviceNames.add(to: &draft, sessions)
        } catch {
            stopped(status: -1)
            throw error
        }
    }

    package func environment(_ draft: inout PlanDraft) throws(SkiffError) {
        try fill(.environment, &draft, \.environment)
        do throws(SkiffError) {
            try ProcessCare.current?.lookAtAll()
        } catch {
            stopped(status: -1)
            throw error
        }
    }

    package var messageLink: Int32? {
        get { sessions.first?.messageLink }
        set { for session in sessions { session.messageLink = newValue } }
    }

    package func entered() throws(SkiffError) { try inChild(.entered, \.entered) }
    package func preExec() throws(SkiffError) { try inChild(.preExec, \.pre_exec) }

    /// The state that is put back after calls has copies of the caller's standard streams.
    package func callerIsLeft() { try? ProcessCare.current?.renew(ownsChildren: false) }

    package func started(pid: Int32, pidfd: Int32) {
        for session in sessions {
            guard let slot = session.plugin.phases.started else { continue }
            try? ProcessCare.current?.renew(ownsChildren: false)
            attempt(session, .started) { slot(session.plugin.object, session.pointer, pid, pidfd) }
        }
    }

    package func stopped(status: Int32) {
        // Each once: a failure inside a phase has called it already when the core gets here.
        let order = prepared.reversed()
        prepared = []
        networks.detach()
        try? waitForServers { false }
        for session in order {
            session.endHelpers()
            session.undo()
            defer { session.freeState() }
            guard let slot = session.plugin.phases.stopped else { continue }
            try? ProcessCare.current?.renew(ownsChildren: false)
            attempt(session, .stopped) { slot(session.plugin.object, session.pointer, status) }
        }
    }

    private typealias Slot = @convention(c) (UnsafePointer<skiff_plugin>?, OpaquePointer?) -> Int32

    /// Runs a phase that writes into the plan. On failure, what was prepared is stopped in reverse order before the
    /// error is reported.
    private func fill(
        _ phase: PluginPhase, _ draft: inout PlanDraft, _ slot: KeyPath<skiff_phases, Slot?>,
        before: (Session) -> Void = { _ in }
    ) throws(SkiffError) {
        do throws(SkiffError) {
            for session in sessions {
                before(session)
                try session.during(phase, &draft) { () throws(SkiffError) in
                    try call(session, phase, session.plugin.phases[keyPath: slot])
                }
                try look(after: phase, of: session)
            }
        } catch {
            stopped(status: -1)
            throw error
        }
    }

    private func inChild(_ phase: PluginPhase, _ slot: KeyPath<skiff_phases, Slot?>) throws(SkiffError) {
        let interested = sessions.filter { $0.plugin.phases[keyPath: slot] != nil }
        if interested.isEmpty { return }
        try ProcessCare.current?.renew(ownsChildren: true)
        for session in interested {
            try session.during(phase) { () throws(SkiffError) in
                try call(session, phase, session.plugin.phases[keyPath: slot])
            }
            if interested.count > 1 { try look(after: phase, of: session) }
        }
        try ProcessCare.current?.lookAtAll()
    }

    private func look(after phase: PluginPhase, of session: Session) throws(SkiffError) {
        // A look at everything follows.
        if phase == .environment, sessions.count == 1 { return }
        try session.plugin.manifest.lookAtProcess(after: phase.rawValue)
    }

    private func call(_ session: Session, _ phase: PluginPhase, _ slot: Slot?) throws(SkiffError) {
        guard let slot else { return }
        try session.plugin.call(phase.rawValue) { slot(session.plugin.object, session.pointer) }
    }

    /// Runs a phase whose failure no longer changes anything.
    private func attempt(_ session: Session, _ phase: PluginPhase, _ body: () -> Int32) {
        do throws(SkiffError) {
            try session.during(phase) { () throws(SkiffError) in _ = try session.plugin.call(phase.rawValue, body) }
            try look(after: phase, of: session)
        } catch {
            Log.warning(error.description)
        }
    }
}

extension skiff_place {
    init(_ place: ContainerPlace) {
        self.init(
            struct_size: UInt32(MemoryLayout<skiff_place>.size), pid: place.pid, pidfd: place.pidfd,
            user_fd: place.user ?? -1, network_fd: place.network ?? -1, ipc_fd: place.ipc ?? -1,
            uts_fd: place.uts ?? -1, pid_fd: place.pidNamespace ?? -1)
    }
}
