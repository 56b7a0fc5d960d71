package import Base
package import Core
import Linux

/// The parts of a command that can make a plugin take part.
package struct Triggers {
    /// Flags that were given or that a variable set, by name without dashes, with their values.
    package var flags: [PluginFlagUse] = []
    /// Values of a key of skiff.conf; empty when it is not set.
    package var configuration: (String) -> [String] = { _ in [] }
    /// `encrypted`, `overlay-section`.
    package var imageFacts: Set<String> = []

    package init() {}

    package init(_ request: Request) { flags = request.pluginFlags }
}

/// A plugin that takes part, and its trigger.
package struct Picked: Sendable {
    package let manifest: Manifest
    /// `--nv`, `always use nv = yes`: for `--explain`.
    package let trigger: String
}

extension InstalledPlugins {
    /// Returns the enabled plugins that this command needs, in order; none for an ordinary command.
    package func pick(_ triggers: Triggers) -> [Picked] {
        entries.filter(\.isEnabled).compactMap { entry in
            trigger(of: entry.manifest, in: triggers).map { Picked(manifest: entry.manifest, trigger: $0) }
        }
    }

    private func trigger(of manifest: Manifest, in triggers: Triggers) -> String? {
        for flag in manifest.flags {
            let values = triggers.flags.first { $0.name == flag.name }?.values ?? []
            // --nv=false is a flag that was not used.
            let isUsed = flag.kind == .bool ? values.last == "true" : !values.isEmpty
            if isUsed { return "--\(flag.name)" }
        }
        for key in manifest.configurationKeys {
            if let value = triggers.configuration(key).last, !["", "no"].contains(value) { return "\(key) = \(value)" }
        }
        if let fact = manifest.imageFacts.first(where: triggers.imageFacts.contains) { return "image: \(fact)" }
        return nil
    }
}

extension InstalledPlugins {
    /// Whether a launch can need a plugin at all. If not, no manifest is read: an unused plugin costs nothing.
    package static func isNeeded(by request: Request, _ settings: Settings, imageFacts: Set<String> = []) -> Bool {
        !request.pluginFlags.isEmpty || !settings.alwaysUsed.isEmpty || !imageFacts.isEmpty
    }

    /// Returns the `always use …` directives that no plugin here answers: the containers lack what the administrator
    /// wants in all of them.
    package func unansweredDirectives(_ settings: Settings) -> [PlanMessage] {
        settings.alwaysUsed.compactMap { name in
            if enabled.contains(where: { $0.configurationKeys.contains(name) }) { return nil }
            let why =
                entries.first { $0.manifest.configurationKeys.contains(name) }.map {
                    "the plugin \($0.manifest.id) is disabled"
                }
                ?? broken.first { $0.outline.configurationKeys.contains(name) }.map {
                    "the plugin \($0.id) cannot be used: \($0.error)"
                }
            return .warning("\(name) = yes is not carried out: \(why ?? "no plugin here provides it")")
        }
    }

    /// Returns the plugins that a launch needs, loaded.
    ///
    /// - Parameters:
    ///   - imageFacts: `encrypted`, `overlay-section`.
    ///   - complete: adds what is known of the host and the image.
    package func phases(
        for request: Request, _ settings: Settings, _ installation: Installation, imageFacts: Set<String> = [],
        trust: Trust = .ofThisProcess, complete: (inout SessionFacts) -> Void = { _ in }
    ) throws(SkiffError) -> any PluginPhases {
        var triggers = Triggers(request)
        triggers.configuration = settings.values(of:)
        triggers.imageFacts = imageFacts
        let picked = pick(triggers)
        if picked.isEmpty { return NoPlugins() }
        var facts = SessionFacts(request: request, installation: installation)
        facts.configuration = settings.values(of:)
        facts.isPrivileged = trust.isPrivileged
        facts.isRootless = effectiveUID() != 0 || request.userMapping == .userNamespace
        let path = trust.isPrivileged ? ProgramPath(settings, own: ProgramPath.system) : ProgramPath(settings)
        facts.findProgram = path.find
        facts.command = request.action.rawValue
        complete(&facts)
        return try PluginRun(picked, from: self, facts: facts, trust: trust)
    }

    /// For a request that another program parsed: a flag that had a plugin there but has none here must not be lost.
    package func refuseUnknownFlags(of request: Request) throws(SkiffError) {
        let known = Set(enabled.flatMap { $0.flags.map(\.name) })
        guard let lost = request.pluginFlags.first(where: { !known.contains($0.name) }) else { return }
        throw SkiffError(
            "cannot use --\(lost.name): no plugin that may be loaded here has this flag",
            hint: "plugin list --all tells why one is refused")
    }

    /// Runs a command that a manifest adds, with the words after its name; its handler may write to stdout.
    package func runCommand(_ name: String, _ words: [String], _ settings: Settings, _ installation: Installation)
        throws(SkiffError)
    {
        guard let manifest = enabled.first(where: { $0.commands.contains { $0.name == name } }),
            let command = manifest.commands.first(where: { $0.name == name })
        else { throw SkiffError("cannot run \(name): no plugin has this command") }
        var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: installation)
        facts.configuration = settings.values(of:)
        facts.isPrivileged = Trust.ofThisProcess.isPrivileged
        let session = Session(plugin: try Loader(directory: directory).load(manifest), facts: facts)
        try session.during(.configure) { () throws(SkiffError) in
            try FlagHandlers.call(session, command, words)
        }
    }
}
