import Linux
import TestSupport
import Testing

@testable import Grammar

/// Every flag of every command is read by the code of that command: what is accepted acts.
///
/// Which code that is stands here, command by command. The flags of plugins are not in the table: they are handed on.
@Suite struct ActingFlagTests {
    /// Accepted without effect; the help of each says so.
    private static let excused: Set = [
        "build --ignore-proot", "build --userns", "build --fakeroot", "pull --allow-unauthenticated",
        // The command itself ends at once, as not for plugins of skiff.
        "plugin compile --out",
    ]

    private static let verbs = "Sources/Programs/skiff-image/Verbs/"
    private static let network = ["Sources/Programs/skiff-image/NetworkFlags.swift"]
    private static let keys = ["Sources/Programs/InstalledGrammar/KeySource.swift"]
    private static let login = ["Sources/Programs/skiff-image/LoginFlags.swift"]

    /// The files that read the flags of a command; nil for a command that nobody has named here.
    private static func readers(_ path: String) -> [String]? {
        let word = path.split(separator: " ").first.map(String.init) ?? ""
        switch word {
        case "": return ["Sources/Grammar/Grammar.swift", "Sources/Grammar/EnvironmentValues.swift"]
        case "exec", "run", "shell", "test":
            return ["LaunchRequest", "NetworkFlags", "LaunchCommand", "LimitFlags"].map {
                "Sources/Programs/skiff/Launch/\($0).swift"
            } + network + keys
        case "instance":
            let instance = ["InstanceCommands", "InstanceStatistics", "InstanceLogs"].map {
                "Sources/Programs/skiff/Instance/\($0).swift"
            }
            if path != "instance start" && path != "instance run" { return instance }
            return ["LaunchRequest", "NetworkFlags", "LaunchCommand", "LimitFlags", "InstanceLaunch"].map {
                "Sources/Programs/skiff/Launch/\($0).swift"
            } + network + keys
        case "build": return [verbs + "Build.swift", "Sources/Programs/skiff-image/BuildFlags.swift"] + network + keys
        case "pull": return [verbs + "Pull.swift"] + network
        case "push": return [verbs + "Push.swift"] + network
        case "tag", "delete", "search": return [verbs + "Manage.swift"] + network
        case "inspect", "run-help": return [verbs + "Inspect.swift"]
        case "sif": return [verbs + "SIF/AddedObject.swift"]
        case "cache": return [verbs + "Cache.swift"]
        case "doctor": return [verbs + "Doctor.swift"]
        case "capability": return [verbs + "Capability.swift"]
        case "config": return [verbs + "Config.swift"]
        case "oci": return [verbs + "OCI/OCICommand.swift"]
        case "registry": return [verbs + "Registry.swift", verbs + "Verbs.swift"] + login
        case "remote": return [verbs + "Remote.swift", verbs + "Verbs.swift"] + login
        case "keyserver": return [verbs + "Keyserver.swift", verbs + "Verbs.swift"] + login
        case "plugin": return ["Sources/Programs/skiff/Plugin/PluginCommands.swift"]
        case "version", "help", "completion", "buildcfg", "confgen": return []
        default: return nil
        }
    }

    @Test func everyFlagIsRead() throws {
        let names = try Self.propertyNames()
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        var commands = grammar.allCommands()
        commands += ["plugin create", "plugin compile", "plugin install", "plugin uninstall", "buildcfg", "confgen"]
            .compactMap { grammar.find($0) }
        var count = 0
        for command in commands {
            let readers = try #require(Self.readers(command.path), "nobody says who reads \(command.path)")
            let code = try readers.map { try text($0) }.joined()
            for flag in command.flags where flag.long != "help" {
                count += 1
                let property = try #require(names[flag.long], "--\(flag.long) has no key")
                let isRead = Self.isRead(property, code)
                if Self.excused.contains("\(command.path) --\(flag.long)") {
                    #expect(!isRead, "\(command.path) --\(flag.long) is read: it needs no excuse")
                } else {
                    #expect(isRead, "\(command.path) --\(flag.long) is accepted and does nothing")
                }
            }
            // A flag in front of the verb is given to the verb, which must have it.
            for verb in command.verbs where !command.path.isEmpty && !command.flags.isEmpty {
                let found = try #require(grammar.find(command.path + " " + verb))
                for flag in command.flags where flag.long != "help" {
                    #expect(found.flags.contains { $0.long == flag.long }, "\(found.path) --\(flag.long)")
                }
            }
        }
        #expect(count > 300, "the table was not walked")
    }

    /// The same of skiff-runtime, whose flags its own program reads.
    @Test func everyFlagOfTheRuntimeIsRead() throws {
        let folder = "Sources/Programs/skiff-runtime/"
        let code = try [
            "RuntimeProgram", "RuntimeLog", "EnteringProcess", "Listing", "ResourceUpdate", "ContainerEvents",
            "BundleTemplate",
        ].map { try text(folder + $0 + ".swift") }.joined()
        var names = try Self.propertyNames()
        names["env"] = "environmentEntries"
        // What it may do itself, and not what it is told, decides.
        let excused: Set = ["help", "version", "rootless"]
        var count = 0
        for command in Grammar(program: ProgramName(calledAs: ProgramName.runtime)).allCommands() {
            for flag in command.flags where !excused.contains(flag.long) {
                count += 1
                let property = try #require(names[flag.long], "--\(flag.long) has no key")
                #expect(Self.isRead(property, code), "\(command.path) --\(flag.long) is accepted and does nothing")
            }
        }
        #expect(count > 25, "the table was not walked")
    }

    /// A planted fault: a flag that no code reads is found.
    @Test func unreadFlagIsFound() throws {
        let code = try text(Self.verbs + "Remote.swift")
        #expect(Self.isRead("config", code) && Self.isRead("global", code))
        #expect(!Self.isRead("global", code.split(separator: "\n").filter { !$0.contains(".global") }.joined()))
        #expect(!Self.isRead("glob", code), "the beginning of a name is another name")
    }

    /// `[.key]`, `isGiven(.key)`, `ignore(.key, …)`: wherever the key is an argument.
    private static func isRead(_ property: String, _ code: String) -> Bool {
        ["[.\(property)]", "(.\(property))", "(.\(property),"].contains { code.contains($0) }
    }

    /// The property of a key by the flag's name: `noHTTPS` by `no-https`.
    private static func propertyNames() throws -> [String: String] {
        var names: [String: String] = [:]
        for line in try text("Sources/Grammar/FlagKeys.swift").split(separator: "\n") where line.contains("FlagKey(\"")
        {
            let property = line.split(separator: " ")[3].dropLast()
            let name = line.split(separator: "\"")[1]
            names[String(name)] = String(property)
        }
        return names
    }
}

private func text(_ path: String) throws -> String {
    String(decoding: try readFile(repository + "/" + path, limit: 1 << 20), as: UTF8.self)
}
