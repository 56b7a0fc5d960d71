import Base
import Core
import Foundation
import TestSupport
import Testing

@testable import Grammar

@Suite struct PluginFlagTests {
    private let plugins = PluginGrammar(
        flags: [
            PluginFlag(
                name: "nv", kind: .bool, environment: ["NV"], help: "use the GPU", commands: ["exec", "run"],
                plugin: "org.example.gpu"),
            PluginFlag(
                name: "overlay", short: "o", kind: .slice, environment: ["OVERLAY", "OVERLAYIMAGE"],
                help: "put a layer over the image", commands: ["exec"], plugin: "org.example.overlay"),
            // Takes a name and a letter of ours: the name stays ours, the letter too.
            PluginFlag(name: "contain", kind: .string, help: "no", commands: ["exec"], plugin: "org.example.bad"),
            PluginFlag(
                name: "crowd", short: "c", kind: .bool, help: "no", commands: ["exec"], plugin: "org.example.bad"),
        ],
        commands: [
            PluginCommand(name: "greet", usage: "<name>", help: "Say hello", plugin: "org.example.hello"),
            PluginCommand(name: "exec", usage: "", help: "no", plugin: "org.example.bad"),
        ])

    @Test func manifestsAddFlags() throws {
        let invocation = try parse("exec", "--nv", "-o", "a,b:ro", "-c", "x", "y", plugins: plugins).invocation()
        #expect(invocation[FlagKey<Bool>("nv")] && invocation[.contain] && !invocation[FlagKey<Bool>("crowd")])
        #expect(invocation[FlagKey<[String]>("overlay")] == ["a", "b:ro"])
        #expect(invocation.pluginFlags.map(\.name) == ["nv", "overlay"])
        #expect(invocation.pluginFlags.map(\.values) == [["true"], ["a", "b:ro"]])
        #expect(try parse("shell", "--nv", "x", plugins: plugins).answer().status == 1)
    }

    @Test func variablesReachFlagsOfPlugins() throws {
        let invocation = try parse("exec", "x", "y", variables: ["APPTAINER_NV=1"], plugins: plugins).invocation()
        #expect(invocation[FlagKey<Bool>("nv")])
        #expect(invocation.origin(FlagKey<Bool>("nv")) == .environment("APPTAINER_NV"))
    }

    @Test func helpShowsFlagsAndCommandsOfPlugins() throws {
        #expect(try parse("exec", "--help", plugins: plugins).answer().standardOutput.contains("      --nv  "))
        #expect(try !parse("exec", "--help").answer().standardOutput.contains("--nv"))
        #expect(try parse("help", plugins: plugins).answer().standardOutput.contains("  greet       Say hello\n"))
    }

    @Test func commandsOfPluginsGetTheirWordsAsTyped() throws {
        let invocation = try parse("greet", "-x", "--", "you", plugins: plugins).invocation()
        #expect(invocation.command == "greet")
        #expect(invocation.plugin == "org.example.hello")
        #expect(invocation.positionals == ["-x", "--", "you"])
        #expect(
            try parse("greet", "--help", plugins: plugins).answer().standardOutput.hasPrefix("Say hello\n\nUsage:\n"))
    }

    private var grouped: PluginGrammar {
        var group = PluginCommand(name: "layers", usage: "", help: "Manage layers", plugin: "org.example.layers")
        group.verbs = ["make", "drop"]
        var make = PluginCommand(name: "layers make", usage: "<options> file", help: "Make one", plugin: group.plugin)
        make.arguments = 1...1
        make.description =
            "Makes a layer, with a sentence that is longer than a line of help can be, so that it is broken."
        var drop = PluginCommand(name: "layers drop", usage: "file...", help: "Drop some", plugin: group.plugin)
        drop.arguments = 2...Int.max
        return PluginGrammar(
            flags: [
                PluginFlag(
                    name: "size", short: "s", kind: .string, environment: ["LAYER_SIZE"], help: "how large",
                    commands: ["layers make"], plugin: group.plugin)
            ], commands: [group, make, drop])
    }

    @Test func groupsOfPluginsHaveVerbs() throws {
        let made = try parse("layers", "make", "-s", "5", "x", plugins: grouped).invocation()
        #expect(made.command == "layers make" && made.positionals == ["x"] && made.plugin == "org.example.layers")
        #expect(made.pluginFlags == [PluginFlagUse("size", ["5"], of: "org.example.layers")])
        let set = try parse("layers", "make", "x", variables: ["SKIFF_LAYER_SIZE=7"], plugins: grouped).invocation()
        #expect(set.pluginFlags.map(\.values) == [["7"]])
        #expect(try parse("layers", "drop", "a", "b", "c", plugins: grouped).invocation().positionals.count == 3)
        for (words, reason) in [
            (["layers"], "Error for command \"layers\": invalid command\n"),
            (["layers", "none"], "Error for command \"layers\": invalid command\n"),
            (["layers", "make"], "Error for command \"make\": accepts 1 arg(s), received 0\n"),
            (["layers", "make", "a", "b"], "Error for command \"make\": accepts 1 arg(s), received 2\n"),
            (["layers", "drop", "a"], "Error for command \"drop\": requires at least 2 arg(s), only received 1\n"),
            (["layers", "drop", "-s", "1", "a"], "Error for command \"drop\": unknown shorthand flag: 's' in -s\n"),
        ] {
            let parsed = try Grammar(program: ProgramName(calledAs: "skiff"), plugins: grouped).parse(
                words, environment: FlagEnvironment([]))
            let answer = try parsed.answer()
            #expect(answer.status == 1 && answer.standardError.hasPrefix(reason), "\(answer)")
        }
        let help = try parse("layers", "make", "--help", plugins: grouped).answer().standardOutput
        #expect(help.contains("layers make <options> file") && help.contains("  -s, --size string"))
        #expect(help.split(separator: "\n").allSatisfy { $0.utf8.count <= 80 }, "\(help)")
        let verbs = try parse("help", "layers", plugins: grouped).answer().standardOutput
        #expect(verbs.contains("  drop        Drop some\n  make        Make one\n"), "\(verbs)")
        let all = try parse("help", plugins: grouped).answer().standardOutput
        #expect(all.contains("  layers      Manage layers\n") && !all.contains("layers make"))
    }

    @Test func withoutThePluginTheCommandNamesIt() throws {
        let answer = try parse("overlay", "create", "x").answer()
        #expect(
            answer.standardError
                == "Error: command \"overlay\" needs the plugin org.skiff.overlay, which is not installed\n")
    }

    @Test func withoutThePluginTheFlagNamesIt() throws {
        let complaint = try parse("exec", "--nv", "x", "y").complaint()
        #expect(complaint.hasPrefix("Error for command \"exec\": flag --nv needs the plugin "))
        #expect(complaint.hasSuffix(", which is not installed"))
        #expect(try parse("exec", "-o", "l", "x", "y").complaint().contains("flag --overlay needs the plugin"))
        let error = #expect(throws: SkiffError.self) { try parse("exec", "x", "y", variables: ["SINGULARITY_NV=1"]) }
        #expect(error?.message.contains("flag --nv needs the plugin") == true)
    }

    @Test func pluginThatIsRefusedSaysWhy() throws {
        let id = "org.skiff.nvidia-gpu"
        let own = UnusablePlugin(id: id, reason: "cannot be used: cannot trust /x", flags: [], commands: [])
        for plugins in [PluginGrammar(unusable: [own]), PluginGrammar(refusal: "cannot trust /x")] {
            let complaint = try parse("exec", "--nv", "x", "y", plugins: plugins).complaint()
            #expect(complaint.hasSuffix("needs the plugin \(id), which cannot be used: cannot trust /x"))
        }
    }

    /// Of any plugin, not only of one that comes with skiff.
    @Test func whatAnUnusablePluginAddsSaysWhy() throws {
        let flag = PluginFlag(
            name: "accelerate", short: "x", kind: .bool, environment: ["ACCELERATE"], help: "", commands: ["exec"],
            plugin: "com.vendor.fast")
        let plugins = PluginGrammar(unusable: [
            UnusablePlugin(
                id: "com.vendor.fast", reason: "is disabled", hint: "Run: skiff plugin enable com.vendor.fast",
                flags: [flag], commands: ["benchmark"])
        ])
        let reason = "needs the plugin com.vendor.fast, which is disabled. Run: skiff plugin enable com.vendor.fast"
        for word in ["--accelerate", "--accelerate=1", "-x"] {
            let answer = try parse("exec", word, "i", "y", plugins: plugins).answer()
            #expect(answer.status == 1 && answer.standardOutput.isEmpty)
            #expect(answer.standardError == "Error for command \"exec\": flag --accelerate \(reason)\n")
        }
        let command = try parse("benchmark", "-a", plugins: plugins).answer()
        #expect(command == Answer("", standardError: "Error: command \"benchmark\" \(reason)\n", status: 1))
        let variable = #expect(throws: SkiffError.self) {
            try parse("exec", "i", "y", variables: ["APPTAINER_ACCELERATE=1"], plugins: plugins)
        }
        #expect(variable?.message == "cannot use the variable APPTAINER_ACCELERATE: flag --accelerate \(reason)")
        // Another command does not have it, and another plugin that can be used may.
        #expect(
            try parse("run", "--accelerate", "i", plugins: plugins).complaint().hasSuffix("unknown flag: --accelerate"))
        let both = PluginGrammar(flags: [flag], unusable: plugins.unusable)
        #expect(try parse("exec", "--accelerate", "i", "y", plugins: both).invocation()[FlagKey<Bool>("accelerate")])
    }

    @Test func manifestsAreReadOnlyWhenNeeded() throws {
        var asked: [PluginQuery] = []
        let grammar = Grammar(program: ProgramName(calledAs: "skiff")) { query in
            asked.append(query)
            return PluginGrammar()
        }
        _ = try grammar.parse(
            ["exec", "-c", "x", "ls", "--nv"], environment: FlagEnvironment(["SKIFF_PID=1", "PATH=/"]))
        #expect(asked.isEmpty)
        _ = try grammar.parse(["exec", "--nosuch", "-y", "x", "ls"], environment: FlagEnvironment([]))
        #expect(asked == [.flag("nosuch")])
        _ = try grammar.parse(["exec", "-y", "x"], environment: FlagEnvironment([]))
        #expect(try grammar.parse(["exec", "x", "y"], environment: FlagEnvironment(["SKIFF_A=1"])).isCommand)
        #expect(asked == [.flag("nosuch"), .letter(0x79), .variable("A")])
        // Of a known flag whose plugin is missing, the plugin's own file may tell why.
        _ = try grammar.parse(["exec", "--nv", "x", "ls"], environment: FlagEnvironment([]))
        #expect(asked.suffix(2) == [.flag("nv"), .plugin("org.skiff.nvidia-gpu")])
        _ = try grammar.parse(["exec", "--help"], environment: FlagEnvironment([]))
        _ = try grammar.parse(["exec", "--more"], environment: FlagEnvironment([]))
        #expect(asked.count == 6)
    }

    /// Values that a manifest allows are checked like those of our own flags.
    @Test func flagsOfPluginsHaveValues() throws {
        var (many, one, number) = (
            PluginFlag(name: "quasar", kind: .slice, help: "h", commands: ["exec"], plugin: "p"),
            PluginFlag(name: "mode", kind: .string, help: "h", commands: ["exec"], plugin: "p"),
            PluginFlag(name: "level", short: "l", kind: .int, help: "h", commands: ["exec"], plugin: "p")
        )
        (many.impliedText, many.choices) = ("all", ["all", "0", "1"])
        (one.choices, one.allowsOtherValues) = (["fast"], true)
        (number.range, number.defaultText) = (0...9, "3")
        let plugins = PluginGrammar(flags: [many, one, number])
        func values(_ words: String...) throws -> [String: [String]] {
            let grammar = Grammar(program: ProgramName(calledAs: "skiff"), plugins: plugins)
            let outcome = try grammar.parse(["exec"] + words + ["i", "c"], environment: FlagEnvironment([]))
            let uses = try outcome.invocation().pluginFlags
            return Dictionary(uniqueKeysWithValues: uses.map { ($0.name, $0.values) })
        }
        #expect(try values("--quasar") == ["quasar": ["all"]])
        #expect(try values("--quasar=0,1") == ["quasar": ["0", "1"]])
        #expect(try values("--quasar=0", "--quasar", "--mode", "slow") == ["quasar": ["0", "all"], "mode": ["slow"]])
        #expect(try values("-l", "9") == ["level": ["9"]] && values("--level=0x4") == ["level": ["4"]])
        for (word, reason) in [
            ("--quasar=0,2", "\"--quasar\" flag: must be one of: all 0 1"),
            ("--level=10", "\"-l, --level\" flag: must be from 0 to 9"),
            ("-l-1", "\"-l, --level\" flag: must be from 0 to 9"),
        ] {
            #expect(try parse("exec", word, "i", "c", plugins: plugins).complaint().contains(reason), "\(word)")
        }
        let help = try parse("exec", "--help", plugins: plugins).answer().standardOutput
        #expect(help.contains("--quasar strings[=\"all\"]"), "\(help)")
    }

    /// Of two with one name the first is used, and everybody is told.
    @Test func namesThatSomebodyElseHas() throws {
        let twins = [("o.a", "a"), ("o.b", "b")].map { plugin, letter in
            PluginFlag(
                name: "twin", short: letter == "a" ? "x" : "y", kind: .bool, help: "h", commands: ["exec"],
                plugin: plugin)
        }
        var same = PluginFlag(name: "other", short: "x", kind: .bool, help: "h", commands: ["exec"], plugin: "o.b")
        let installed = PluginGrammar(flags: plugins.flags + twins + [same], commands: plugins.commands)
        let used = try parse("exec", "--twin", "i", "c", plugins: installed).invocation()
        #expect(used.notes.map(\.text) == ["--twin is the flag of the plugin o.a; that of o.b is not used"])
        #expect(used.pluginFlags.map(\.plugin) == ["o.a"])
        #expect(
            Grammar(program: ProgramName(calledAs: "skiff"), plugins: installed).conflicts() == [
                "--contain of the plugin org.example.bad is not used: skiff has it, too",
                "-c of the plugin org.example.bad is not used: skiff has it, too",
                "--twin of the plugin o.b is not used: o.a has it, too",
                "-x of the plugin o.b is not used: o.a has it, too",
                "The command exec of the plugin org.example.bad is not used: skiff has it, too",
            ])
        // In another command it is nobody else's.
        same.commands = ["run"]
        let apart = PluginGrammar(flags: [twins[0], same])
        #expect(Grammar(program: ProgramName(calledAs: "skiff"), plugins: apart).conflicts() == [])
    }

    @Test func extensionsCanBeAddedByHand() throws {
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        grammar.extend(with: [PluginFlag(name: "hello", kind: .string, help: "h", commands: ["run"], plugin: "p")])
        let invocation = try grammar.parse(["run", "--hello", "you", "x"], environment: FlagEnvironment([]))
            .invocation()
        #expect(invocation[FlagKey<String>("hello")] == "you")
    }

    /// Flags of the plugins that come with skiff are known without their files.
    @Test(arguments: ["Plugins/Overlay/org.skiff.overlay", "Plugins/NvidiaGPU/org.skiff.nvidia-gpu"])
    func flagsOfShippedPluginsAreKnown(_ path: String) throws {
        let root = URL(filePath: repository)
        let text = try String(contentsOf: root.appending(path: path + ".plugin"), encoding: .utf8)
        let id = try #require(path.split(separator: "/").last)
        let blocks = text.split(separator: "[").filter { $0.hasPrefix("flag]") }
        #expect(!blocks.isEmpty)
        for block in blocks {
            func value(_ key: String) -> Substring {
                let line = block.split(separator: "\n").first { $0.hasPrefix(key + " = ") }
                return line?.dropFirst(key.utf8.count + 3) ?? ""
            }
            // Those of the plugin's own commands are asked for only where it is.
            if value("commands").hasPrefix("overlay ") { continue }
            let name = String(value("name"))
            let reason = "flag --\(name) needs the plugin \(id), which is not installed"
            #expect(try parse("exec", "--" + name, "x", "y").complaint().hasSuffix(reason))
            if !value("short").isEmpty {
                #expect(try parse("exec", "-" + value("short"), "x", "y").complaint().hasSuffix(reason))
            }
            for variable in value("env").split(whereSeparator: { $0 == " " || $0 == "," }) {
                #expect {
                    try parse("exec", "x", "y", variables: ["APPTAINER_\(variable)=1"])
                } throws: { error in
                    (error as? SkiffError)?.message == "cannot use the variable APPTAINER_\(variable): \(reason)"
                }
            }
        }
    }
}

extension Outcome {
    fileprivate var isCommand: Bool { if case .command = self { true } else { false } }
}
