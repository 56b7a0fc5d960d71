import Base
import CLinux
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost

/// `exec`, `run`, `shell`, `test`, and instances: request, image, plugins, plan, launch. The order of these lines is the architecture.
struct LaunchCommand {
    enum Explain { case no, text, json }

    let installation: Installation
    let settings: Settings
    let catalog: PluginCatalog

    func run(_ invocation: Invocation, _ action: Request.Action) throws(SkiffError) -> Never {
        let instance = InstanceLaunch(invocation: invocation)
        let limits = try LimitFlags(invocation: invocation, installation: installation).limits()
        if let name = try instance.enteredName() { try enter(name, instance, action, limits) }
        let name = try instance.newName()
        let explain = explanation(invocation)
        let scope = SystemdScope(settings, installation)
        try scope.enter(for: limits)
        if name != nil, explain == .no {
            try scope.enter(forInstanceOf: InstanceDirectory.ofCaller().user, limits)
        }
        var host = try HostFacts.current()
        // Nobody's terminal is shown to a program that has none.
        if name != nil { host.terminal = nil }
        let fetched = try ImageHelper(installation: installation, catalog: catalog).image(of: invocation)
        let request = try LaunchRequest(
            invocation: invocation, directory: host.directory, fetched: fetched?.path, limits: limits
        ).make(action)
        var planned = name.map { instance.planned($0, in: host.directory) }
        if explain == .no { planned = try planned?.leaveToKeeper() }
        try run(
            request, host, explain, isStep: false, instance: planned, temporary: fetched?.temporaryDirectory,
            keys: .first(of: invocation))
    }

    private func explanation(_ invocation: Invocation) -> Explain {
        switch invocation[.explain] {
        case nil: .no
        case "json": .json
        default: .text
        }
    }

    /// The container exists: no image is opened, and plugins take part only in so far as they are asked.
    private func enter(
        _ name: String, _ launch: InstanceLaunch, _ action: Request.Action, _ limits: [CgroupLimit]
    ) throws(SkiffError) -> Never {
        let directory = InstanceDirectory.ofCaller()
        let instance = try launch.running(name, in: directory)
        try SystemdScope(settings, installation).enter(joining: instance.conditions.limits)
        let host = try HostFacts.current()
        let request = try LaunchRequest(
            invocation: launch.invocation, directory: host.directory, fetched: instance.image, limits: limits
        ).make(action)
        var plan = try InstanceEntry(request, host, instance).plan()
        if let message = launch.missedFlags(of: instance) { plan.messages.append(message) }
        // That of the configuration is among the instance's own already.
        try LaunchPolicy(installation: installation, settings: Settings()).filter(&plan, for: request, isStep: false)
        explain(plan, explanation(launch.invocation))
        plan.report()
        KeySource.first(of: launch.invocation)?.close()
        var guardian: PluginGuard?
        let plugins =
            try catalog.join(instance, request, settings, installation) { (ids) throws(SkiffError) in
                let started = try PluginGuard.start(ids, standsForProgram: true)
                guardian = started
                return [started.socket]
            } ?? NoPlugins()
        let launcher = Launcher(
            plan: plan, plugins: plugins, installation: installation, isStep: false, guardian: guardian)
        end(as: try launcher.enter(instance, of: directory))
    }

    /// Ends the program with the plan as its answer, if that is what was asked for.
    private func explain(_ plan: Plan, _ explain: Explain) {
        switch explain {
        case .no: break
        case .text: answer(plan.text())
        case .json: answer(plan.json().text(indent: "  ") + "\n")
        }
    }

    /// `__launch FD`: the request that `skiff-image` wrote (Docs/decisions/008).
    func run(encoded request: Request) throws(SkiffError) -> Never {
        if let supervisor = request.inheritedRoot?.supervisor {
            Inheritance.claim(supervisor)
            try during("cannot use descriptor \(supervisor)") { () throws(Errno) in
                try setInherited(supervisor, false)
            }
        }
        if !request.pluginFlags.isEmpty {
            try catalog.plugins(for: request, Settings())?.refuseUnknownFlags(of: request)
        }
        try run(request, try HostFacts.current(), .no, isStep: true)
    }

    /// - Parameter temporary: a directory that holds only the image, and is not needed once the image is open.
    private func run(
        _ request: Request, _ host: HostFacts, _ explain: Explain, isStep: Bool, instance: PlannedInstance? = nil,
        temporary: String? = nil, keys: KeySource? = nil
    ) throws(SkiffError) -> Never {
        defer { if let temporary { try? removeTree(temporary) } }
        let image = try openImage(request.image, writable: request.writable)
        if let temporary { try? removeTree(temporary) }
        var facts = try ImageFacts(image, request, settings, host)
        if facts.encryption == nil { keys?.close() }
        var host = host
        host.look(for: request, settings, &facts, installation)
        let policy = LaunchPolicy(installation: installation, settings: settings)
        // The tree of a build is not an image yet.
        if !request.buildConfiguration { try policy.check(image) }
        host.grantedCapabilities = try policy.grantedCapabilities(host)
        // Only a launch that can need a plugin reads manifests and opens libraries.
        var imageFacts: Set<String> = image.overlays.isEmpty ? [] : ["overlay-section"]
        if facts.encryption != nil { imageFacts.insert("encrypted") }
        let images = try BoundImages(request, settings, host)
        let installed = catalog.plugins(
            for: request, settings, imageFacts: imageFacts, bindsImages: images.needService)
        let (sif, section, isFile) = (image.sif, image.root, image.kind != .directory)
        let file = image.descriptor.raw
        var guardian: PluginGuard?
        let plugins =
            try installed?.phases(
                for: request, settings, installation, imageFacts: imageFacts, bindsImages: images.needService,
                complete: { known in
                    known.describe(request, host, facts)
                    known.isExplained = explain != .no
                    if facts.encryption != nil { known.keySource = keys }
                    if isFile { known.imageFile = SessionImage(file, objects: sif?.objects, root: section) }
                    // The file stays open until the launch has ended.
                    known.metadata = {
                        sif?.metadata.flatMap { try? readObject($0, of: file) }.map { String(bytes: $0) }
                    }
                },
                beforeLoading: { (ids) throws(SkiffError) in
                    installed?.tellConflicts(of: ids)
                    if let record = instance?.record {
                        record.begin()
                        return [file] + images.descriptors
                    }
                    let started = try PluginGuard.start(ids, standsForProgram: !isStep)
                    guardian = started
                    return [started.socket, file] + images.descriptors
                }) ?? NoPlugins()
        let capability = request.userMapping == .root ? RootCapability.current(host, ProgramPath(settings)) : nil
        let warnings = facts.encryption?.warning(of: image.path).map { [$0] } ?? []
        var plan: Plan
        do throws(SkiffError) {
            plan = try PlanBuilder(
                request: request, settings: settings, host: host, image: facts, plugins: plugins,
                capability: capability, images: images,
                messages: (installed?.unansweredDirectives(settings) ?? []) + images.messages + warnings
            ).build()
        } catch {
            plugins.stopped(status: -1)
            throw error
        }
        plan.instance = instance
        do throws(SkiffError) {
            try policy.filter(&plan, for: request, isStep: isStep)
        } catch {
            plugins.stopped(status: -1)
            throw error
        }
        if explain != .no { plugins.stopped(status: -1) }
        self.explain(plan, explain)
        plan.report()
        let launcher = Launcher(
            plan: plan, plugins: plugins, installation: installation, isStep: isStep, guardian: guardian)
        end(as: try launcher.run(image: image.descriptor.raw))
    }

    private func answer(_ text: String) -> Never {
        try? writeAnswer(text)
        leave(0)
    }
}
