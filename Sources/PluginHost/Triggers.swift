package import Core

/// What of a command can make a plugin take part.
package struct Triggers {
    /// Flags that were given or that a variable set, by name without dashes, with their values.
    package var flags: [(name: String, values: [String])] = []
    /// Values of a key of skiff.conf; empty when it is not set.
    package var configuration: (String) -> [String] = { _ in [] }
    /// A variable of the caller.
    package var environment: (String) -> String? = { _ in nil }
    /// `encrypted`, `overlay-section`.
    package var imageFacts: Set<String> = []
    /// Of the image's URI; empty for a path.
    package var scheme = ""

    package init() {}

    package init(_ request: Request) { flags = request.pluginFlags }
}

/// A plugin that takes part, and what made it.
package struct Picked: Sendable {
    package let manifest: Manifest
    /// `--nv`, `always use nv = yes`: for `--explain`.
    package let trigger: String
}

extension Registry {
    /// The enabled plugins that this command needs, in order. For an ordinary command: none.
    package func pick(_ triggers: Triggers) -> [Picked] {
        entries.lazy.filter(\.isEnabled).compactMap { entry in
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
        if let name = manifest.environment.first(where: { triggers.environment($0)?.isEmpty == false }) { return name }
        if let fact = manifest.imageFacts.first(where: triggers.imageFacts.contains) { return "image: \(fact)" }
        if manifest.schemes.contains(triggers.scheme) { return "\(triggers.scheme)://" }
        return nil
    }
}
