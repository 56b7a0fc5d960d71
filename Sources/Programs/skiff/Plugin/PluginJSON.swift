import Base
import Core
import PluginHost

/// `plugin list --json` and `plugin inspect --json`: for programs.
extension PluginCommands {
    /// One object for each plugin; with `all`, those that are hidden and those that cannot be used, too.
    func listJSON(all: Bool) -> String {
        var objects = registry.entries.filter { all || !$0.manifest.isHidden }.map { entry in
            JSONText.members([
                "id": .string(entry.manifest.id), "name": .string(entry.manifest.name),
                "version": .string(entry.manifest.version),
                "state": .string(entry.isEnabled ? "enabled" : "disabled"), "hidden": .bool(entry.manifest.isHidden),
                "file": .string(entry.file),
            ])
        }
        if all {
            objects += registry.broken.map { broken in
                .members([
                    "id": broken.id.isEmpty ? nil : .string(broken.id), "state": .string("broken"),
                    "file": .string(broken.file), "reason": .string(broken.error.description),
                ])
            }
        }
        return JSONText.array(objects).text(indent: "  ") + "\n"
    }

    func inspectJSON(_ name: String) throws(SkiffError) -> String {
        let manifest = try find(name, to: "inspect").manifest
        return json(manifest).text(indent: "  ") + "\n"
    }

    private func json(_ manifest: Manifest) -> JSONText {
        .members([
            "id": .string(manifest.id), "name": .string(manifest.name), "description": .string(manifest.description),
            "version": .string(manifest.version), "license": .string(manifest.license),
            "interface": .string(manifest.interface), "library": .string(manifest.library),
            "hidden": .bool(manifest.isHidden), "privileged": .string(manifest.privileged.rawValue),
            "phases": .strings(manifest.phases.map(\.rawValue)), "extensions": .strings(manifest.extensions),
            "after": .strings(manifest.after), "before": .strings(manifest.before),
            "priority": .integer(Int64(manifest.priority)), "flags": .array(manifest.flags.map(\.json)),
            "commands": .array(
                manifest.commands.map { command in
                    .members([
                        "name": .string(command.name), "usage": .string(command.usage), "help": .string(command.help),
                        "description": command.description.isEmpty ? nil : .string(command.description),
                    ])
                }),
            "networks": .strings(manifest.networks), "targets": .strings(manifest.targets),
            "schemes": .array(
                manifest.schemes.map { scheme in
                    .members([
                        "name": .string(scheme), "push": .bool(manifest.pushSchemes.contains(scheme)),
                    ])
                }),
            "configuration": .array(
                manifest.settings.map { setting in
                    .members([
                        "name": .string(setting.directive.name), "type": .string(setting.directive.kind.rawValue),
                        "default": setting.directive.standard.map { .string($0) },
                        "help": .string(setting.directive.comment), "loads": .bool(setting.loads),
                    ])
                }),
        ])
    }
}

extension ManifestFlag {
    fileprivate var json: JSONText {
        .members([
            "name": .string(name), "short": short.map { .string($0) }, "type": .string(kind.rawValue),
            "default": defaultValue.map { .string($0) }, "no-value": impliedValue.map { .string($0) },
            "values": values.isEmpty ? nil : .strings(values),
            "suggestions": suggestions.isEmpty ? nil : .strings(suggestions),
            "min": range.map { .integer(Int64($0.lowerBound)) }, "max": range.map { .integer(Int64($0.upperBound)) },
            "help": .string(help), "variables": .strings(environment), "commands": .strings(commands),
            "hidden": .bool(isHidden),
        ])
    }
}
