import Core

/// The names in a manifest that cannot be used, because it has a mistake or somebody else could have written it. They
/// serve only to tell a user of such a name which plugin it belongs to and why that does not work; nothing is loaded
/// for them.
package struct ManifestOutline: Sendable {
    package struct Flag: Sendable, Equatable {
        package var name = ""
        package var short: String?
        package var environment: [String] = []
        package var commands: [String] = []
    }

    package private(set) var flags: [Flag] = []
    package private(set) var commands: [String] = []
    package private(set) var schemes: [String] = []
    package private(set) var networks: [String] = []
    private var settings: [(name: String, loads: Bool)] = []

    /// Directives of skiff.conf that would load the plugin.
    package var directives: [String] { settings.filter(\.loads).map(\.name) }

    package init() {}

    /// Takes what can be read, line by line.
    package init(_ bytes: [UInt8]) {
        var block = ""
        for line in bytes.prefix(manifestLimit).split(separator: UInt8(ascii: "\n")) {
            guard let text = String(validating: trimmedLine(line), as: UTF8.self), !text.hasPrefix("#") else {
                continue
            }
            if text.hasPrefix("[") {
                block = text
                if block == "[flag]" { flags.append(Flag()) }
                if block == "[config]" { settings.append(("", false)) }
            } else if let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) {
                let key = text[..<equals].filter { $0 != " " && $0 != "\t" && $0 != "?" }
                let value = trimmedLine(Array(text[text.utf8.index(after: equals)...].utf8)[...])
                take(block, key, String(decoding: value, as: UTF8.self))
            }
        }
        flags.removeAll { !isFlagName($0.name) }
        commands.removeAll { !$0.split(separator: " ").allSatisfy { isFlagName(String($0)) } }
        schemes.removeAll { !isURIScheme($0) }
    }

    private mutating func take(_ block: String, _ key: String, _ value: String) {
        switch (block, key) {
        case ("", "schemes"): schemes += ManifestList.items(in: value)
        case ("", "networks"): networks += ManifestList.items(in: value)
        case ("[config]", "name") where !settings.isEmpty: settings[settings.count - 1].name = value
        case ("[config]", "loads") where !settings.isEmpty: settings[settings.count - 1].loads = value == "yes"
        case ("[command]", "name"), ("[group]", "name"): commands.append(value)
        case ("[flag]", _) where !flags.isEmpty: flags[flags.count - 1].take(key, value)
        default: break
        }
    }
}

extension ManifestOutline.Flag {
    fileprivate mutating func take(_ key: String, _ value: String) {
        switch key {
        case "name": name = value
        case "short": short = value.utf8.count == 1 ? value : nil
        case "env": environment = ManifestList.items(in: value)
        case "commands": commands = ManifestList.items(in: value)
        default: break
        }
    }
}
