package import Base
package import Core
import Linux
import PluginAPI

/// The parts of a command that can make a plugin take part.
package struct Triggers {
    /// Flags that were given or that a variable set, by name without dashes, with their values.
    package var flags: [PluginFlagUse] = []
    package var settings = Settings()
    /// `encrypted`, `overlay-section`.
    package var imageFacts: Set<String> = []
    /// Words of `--network`.
    package var networks: [String] = []
    /// Tables that only plugins have, with what needs them.
    package var tables: [(id: String, reason: String)] = []

    package init() {}

    package init(_ request: Request, _ settings: Settings, imageFacts: Set<String> = [], bindsImages: Bool = false) {
        (flags, self.settings, self.imageFacts) = (request.pluginFlags, settings, imageFacts)
        networks = request.networks.map(\.name)
        if !request.devices.isEmpty { tables.append((SKIFF_EXT_DEVICES, "--device")) }
        if bindsImages { tables.append((SKIFF_EXT_FILESYSTEM, "a bind from an image")) }
    }
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
            let values = triggers.flags.first { $0.isFlag(flag.name, of: manifest.id) }?.values ?? []
            // --nv=false is a flag that was not used.
            let isUsed = flag.kind == .bool ? values.last == "true" : !values.isEmpty
            if isUsed { return "--\(flag.name)" }
        }
        for setting in manifest.settings where setting.loads {
            let value = setting.directive.values(in: triggers.settings).first ?? ""
            if !["", "no"].contains(value) { return "\(setting.directive.name) = \(value)" }
        }
        if let name = triggers.networks.first(where: manifest.mayServe) { return "--network \(name)" }
        if let table = triggers.tables.first(where: { manifest.extensions.contains($0.id) }) { return table.reason }
        if let fact = manifest.imageFacts.first(where: triggers.imageFacts.contains) { return "image: \(fact)" }
        return nil
    }
}

extension InstalledPlugins {
    /// Checks the lines of skiff.conf that the plugins here declare.
    /// - Throws: for a value that a directive does not take: it must not mean something else.
    package func check(_ settings: Settings) throws(SkiffError) {
        if settings.pluginLines.isEmpty { return }
        for setting in enabled.flatMap(\.settings) { try settings.check(setting.directive) }
    }

    /// Returns messages about lines that would load a plugin in every container, and that no plugin here answers: the
    /// containers lack what the administrator wants in all of them.
    package func unansweredDirectives(_ settings: Settings) -> [PlanMessage] {
        var names: [String] = []
        for line in settings.pluginLines where !line.isOff && !names.contains(line.name) { names.append(line.name) }
        return names.compactMap { name in
            func loads(_ manifest: Manifest) -> Bool {
                manifest.settings.contains { $0.loads && $0.directive.name == name }
            }
            if enabled.contains(where: { $0.settings.contains { $0.directive.name == name } }) { return nil }
            let why: String
            if let entry = entries.first(where: { loads($0.manifest) }) {
                why = "the plugin \(entry.manifest.id) is disabled"
            } else if let broken = broken.first(where: { $0.outline.directives.contains(name) }) {
                why = "the plugin \(broken.id) cannot be used: \(broken.error)"
            } else if name.hasPrefix(PluginDirective.switchPrefix) {
                why = "no plugin here provides it"
            } else {
                return nil
            }
            let text = settings.pluginLines.first { $0.name == name && !$0.isOff }?.text ?? ""
            return .warning("\(name) = \(text) is not carried out: \(why)")
        }
    }

    /// Returns the plugins that a launch needs, loaded.
    ///
    /// - Parameters:
    ///   - imageFacts: `encrypted`, `overlay-section`.
    ///   - bindsImages: whether binds come out of images that are not squashfs.
    ///   - complete: adds what is known of the host and the image.
    ///   - beforeLoading: called with their ids, if there are any; returns descriptors that they must leave alone.
    package func phases(
        for request: Request, _ settings: Settings, _ installation: Installation, imageFacts: Set<String> = [],
        bindsImages: Bool = false, trust: Trust = .ofThisProcess, complete: (inout SessionFacts) -> Void = { _ in },
        beforeLoading: ([String]) throws(SkiffError) -> [CInt] = { _ in [] }
    ) throws(SkiffError) -> any PluginPhases {
        try check(settings)
        try refuseUnservedNetworks(of: request)
        let picked = pick(Triggers(request, settings, imageFacts: imageFacts, bindsImages: bindsImages))
        if let device = request.devices.first,
            !picked.contains(where: { $0.manifest.extensions.contains(SKIFF_EXT_DEVICES) })
        {
            throw DeviceNames.unserved(device)
        }
        if imageFacts.contains("encrypted"),
            !picked.contains(where: { $0.manifest.extensions.contains(SKIFF_EXT_CRYPTO) })
        {
            throw EncryptedVolume.unserved(request.image)
        }
        if picked.isEmpty { return NoPlugins() }
        let ids = picked.map(\.manifest.id)
        let descriptors = try beforeLoading(ids)
        // Only in a process that nobody else uses.
        if CallRecord.current != nil { ProcessCare.current = try ProcessCare(ids, descriptors: descriptors) }
        var facts = SessionFacts(request: request, installation: installation)
        facts.configuration = Self.configuration(settings, picked.map(\.manifest))
        facts.isPrivileged = trust.isPrivileged
        facts.isRootless = effectiveUID() != 0 || request.userMapping == .userNamespace
        let path = trust.isPrivileged ? ProgramPath(settings, own: ProgramPath.system) : ProgramPath(settings)
        facts.findProgram = path.find
        facts.command = request.action.rawValue
        complete(&facts)
        return try PluginRun(picked, from: self, facts: facts, trust: trust)
    }

    /// Returns what answers plugins that ask for a directive: their own by type and with their defaults, others as they
    /// stand.
    package static func configuration(_ settings: Settings, _ manifests: [Manifest]) -> (String) -> [String] {
        let directives = manifests.flatMap(\.settings).map(\.directive)
        return { name in
            directives.first { $0.name == name }?.values(in: settings) ?? settings.values(of: name)
        }
    }

    /// For a request that another program parsed: a flag that had a plugin there but has none here must not be lost.
    package func refuseUnknownFlags(of request: Request) throws(SkiffError) {
        let enabled = enabled
        let lost = request.pluginFlags.first { use in
            !enabled.contains { plugin in plugin.flags.contains { use.isFlag($0.name, of: plugin.id) } }
        }
        guard let lost else { return }
        throw SkiffError(
            "cannot use --\(lost.name): no plugin that may be loaded here has this flag",
            hint: "plugin list --all tells why one is refused")
    }

    /// Runs a command that a manifest adds; its handler may write to stdout. Returns in a process of its own.
    ///
    /// - Parameters:
    ///   - words: what follows the name and its flags.
    ///   - flags: those of the command that were given.
    package func runCommand(
        _ name: String, _ words: [String], flags: [PluginFlagUse], _ settings: Settings, _ installation: Installation
    )
        throws(SkiffError)
    {
        guard let manifest = enabled.first(where: { $0.commands.contains { $0.name == name } }),
            let command = manifest.commands.first(where: { $0.name == name })
        else { throw SkiffError("cannot run \(name): no plugin has this command") }
        try check(settings)
        _ = try PluginGuard.start([manifest.id], standsForProgram: true)
        var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: installation)
        facts.request.pluginFlags = flags
        facts.configuration = Self.configuration(settings, [manifest])
        facts.describeOwnCommand(name, settings)
        UndoJournal.sweep(facts.undoDirectory)
        let session = Session(plugin: try Loader(directory: directory).load(manifest), facts: facts)
        defer {
            session.edits.closeAll()
            session.endHelpers()
            session.undo()
            session.freeState()
        }
        if manifest.extensions.contains(SKIFF_EXT_CRYPTO) {
            try hideProcess()
            session.key = LentKey(KeySource.first(.init(flags)), for: .opening)
            session.newKey = LentKey(KeySource.Flags(flags, prefix: LentKey.new).source, for: .replacing)
        }
        try session.during(.configure) { () throws(SkiffError) in
            try FlagHandlers.call(session)
            try FlagHandlers.call(session, command, words)
        }
    }
}

extension SessionFacts {
    fileprivate mutating func describeOwnCommand(_ name: String, _ settings: Settings) {
        (command, isOwnCommand) = (name, true)
        let trust = Trust.ofThisProcess
        isPrivileged = trust.isPrivileged
        isRootless = effectiveUID() != 0
        directory = try? currentDirectory()
        home = environmentValue("HOME")
        findProgram =
            ProgramPath(settings, own: trust.isPrivileged ? ProgramPath.system : environmentValue("PATH")).find
    }
}
