package import Base

/// Where a value was given. `--explain` shows it.
package enum Origin: Sendable, Equatable {
    case commandLine
    /// The whole name of the variable.
    case environment(String)
    case defaultValue
}

/// The value of one flag.
package struct Assignment: Sendable {
    package enum Value: Sendable, Equatable {
        case bool(Bool)
        case text(String)
        case integer(Int)
        case list([String])
        case pairs([Pair])
    }

    package struct Pair: Sendable, Equatable {
        package var key: String
        package var value: String
        package init(_ key: String, _ value: String) { (self.key, self.value) = (key, value) }
    }

    /// The flag's long name.
    package var name: String
    package var value: Value
    package var origin: Origin
    /// The plugin that provides the flag; empty for our own.
    package var plugin: String
}

/// The flags that were given to one command, looked up by name.
///
/// A flag that was not given has its default: false, nil, an empty list.
package struct FlagValues: Sendable {
    package internal(set) var assignments: [Assignment] = []

    package init() {}

    func assignment(_ name: String) -> Assignment? { assignments.first { $0.name == name } }

    package subscript(_ key: FlagKey<Bool>) -> Bool {
        guard case .bool(let value) = assignment(key.name)?.value else { return false }
        return value
    }

    package subscript(_ key: FlagKey<String>) -> String? {
        guard case .text(let value) = assignment(key.name)?.value else { return nil }
        return value
    }

    package subscript(_ key: FlagKey<Int>) -> Int? {
        guard case .integer(let value) = assignment(key.name)?.value else { return nil }
        return value
    }

    /// Values of slices and arrays.
    package subscript(_ key: FlagKey<[String]>) -> [String] {
        guard case .list(let values) = assignment(key.name)?.value else { return [] }
        return values
    }

    /// Pairs of maps in the order given; a later pair of the same key wins.
    package subscript(_ key: FlagKey<[Assignment.Pair]>) -> [Assignment.Pair] {
        guard case .pairs(let values) = assignment(key.name)?.value else { return [] }
        return values
    }

    package func origin<Value>(_ key: FlagKey<Value>) -> Origin { assignment(key.name)?.origin ?? .defaultValue }

    /// Returns whether the command line or a variable gave the flag.
    package func isGiven<Value>(_ key: FlagKey<Value>) -> Bool { origin(key) != .defaultValue }
}

/// What was asked for, in the terms of the table.
package struct Invocation: Sendable {
    /// `exec`, `sif list`.
    package var command: String
    /// The plugin that provides the command; empty for our own.
    package var plugin = ""
    package var positionals: [String]
    package var flags: FlagValues
    package var global: GlobalOptions
    /// The flags before the first command word, as they were given.
    package var globalFlags = FlagValues()
    /// Messages about variables, to be logged once the level is set.
    package var notes: [Note] = []
    /// The arguments from the command word on, exactly as typed, for a helper that parses with the same table.
    package var words: [String] = []

    package struct Note: Sendable, Equatable {
        package enum Level: Sendable { case info, warning }
        package var level: Level
        package var text: String
    }

    package init(command: String, positionals: [String], flags: FlagValues, global: GlobalOptions) {
        self.command = command
        self.positionals = positionals
        self.flags = flags
        self.global = global
    }

    package subscript(_ key: FlagKey<Bool>) -> Bool { flags[key] }
    package subscript(_ key: FlagKey<String>) -> String? { flags[key] }
    package subscript(_ key: FlagKey<Int>) -> Int? { flags[key] }
    package subscript(_ key: FlagKey<[String]>) -> [String] { flags[key] }
    package subscript(_ key: FlagKey<[Assignment.Pair]>) -> [Assignment.Pair] { flags[key] }
    package func origin<Value>(_ key: FlagKey<Value>) -> Origin { flags.origin(key) }
    package func isGiven<Value>(_ key: FlagKey<Value>) -> Bool { flags.isGiven(key) }

    /// What the command line says about the making of a container, which means nothing for a program that enters one.
    package var flagsOfStart: [Assignment] {
        flags.assignments.filter {
            $0.origin == .commandLine && (!$0.plugin.isEmpty || Table.ofStart.contains($0.name))
        }
    }

    /// Flags of plugins that were given.
    package var pluginFlags: [PluginFlagUse] {
        flags.assignments.filter { !$0.plugin.isEmpty && $0.origin != .defaultValue }.map {
            PluginFlagUse($0.name, $0.value.texts, of: $0.plugin)
        }
    }
}

extension Assignment.Value {
    /// The value as it would be typed, one text for each value.
    package var texts: [String] {
        switch self {
        case .bool(let value): [value ? "true" : "false"]
        case .text(let value): [value]
        case .integer(let value): [String(value)]
        case .list(let values): values
        case .pairs(let pairs): pairs.map { $0.key + "=" + $0.value }
        }
    }
}

/// The flags before the first command word, already evaluated.
package struct GlobalOptions: Sendable {
    /// Messages above this level are not printed; Docs/spec/cli.md §1.1.
    package var messageLevel = 1
    package var isColorAllowed = true
    /// `--config`.
    package var configurationFile: String?
    /// `--build-config`.
    package var buildConfiguration = false
    package init() {}

    /// Words in front of a command that choose the same configuration, for a program that parses the command anew.
    package var configurationWords: [String] {
        (configurationFile.map { ["--config", $0] } ?? []) + (buildConfiguration ? ["--build-config"] : [])
    }
}
