import Base
import Core
import Foundation
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
        #expect(invocation.bool("nv") && invocation.bool("contain") && !invocation.bool("crowd"))
        #expect(invocation.list("overlay") == ["a", "b:ro"])
        #expect(invocation.pluginFlags.map(\.name) == ["nv", "overlay"])
        #expect(invocation.pluginFlags.map(\.values) == [["true"], ["a", "b:ro"]])
        #expect(try parse("shell", "--nv", "x", plugins: plugins).answer().status == 1)
    }

    @Test func variablesReachFlagsOfPlugins() throws {
        let invocation = try parse("exec", "x", "y", variables: ["APPTAINER_NV=1"], plugins: plugins).invocation()
        #expect(invocation.bool("nv"))
        #expect(invocation.origin("nv") == .environment("APPTAINER_NV"))
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
        for refusals in [[id: "cannot trust /x"], ["": "cannot trust /x"]] {
            let complaint = try parse("exec", "--nv", "x", "y", plugins: PluginGrammar(refusals: refusals)).complaint()
            #expect(complaint.hasSuffix("needs the plugin \(id), which cannot be used: cannot trust /x"))
        }
    }

    @Test func manifestsAreReadOnlyWhenNeeded() throws {
        var reads = 0
        let grammar = Grammar(program: ProgramName(calledAs: "skiff")) {
            reads += 1
            return PluginGrammar()
        }
        _ = try grammar.parse(
            ["exec", "-c", "x", "ls", "--nv"], environment: FlagEnvironment(["SKIFF_PID=1", "PATH=/"]))
        #expect(reads == 0)
        _ = try grammar.parse(["exec", "--nv", "x", "ls"], environment: FlagEnvironment([]))
        _ = try grammar.parse(["exec", "--help"], environment: FlagEnvironment([]))
        #expect(reads == 1)
    }

    @Test func extensionsCanBeAddedByHand() throws {
        let grammar = Grammar(program: ProgramName(calledAs: "skiff"))
        grammar.extend(with: [PluginFlag(name: "hello", kind: .string, help: "h", commands: ["run"], plugin: "p")])
        let invocation = try grammar.parse(["run", "--hello", "you", "x"], environment: FlagEnvironment([]))
            .invocation()
        #expect(invocation.string("hello") == "you")
    }

    /// The list of absent flags must say the same as the manifests that are shipped.
    @Test(arguments: [
        "Plugins/Overlay/org.skiff.overlay", "Plugins/NvidiaGPU/org.skiff.nvidia-gpu",
        "Examples/plugin-c/org.skiff.hello",
    ]) func flagsOfShippedPluginsAreKnown(_ path: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let text = try String(contentsOf: root.appending(path: path + ".plugin"), encoding: .utf8)
        let id = try #require(path.split(separator: "/").last)
        let blocks = text.split(separator: "[").filter { $0.hasPrefix("flag]") }
        #expect(!blocks.isEmpty)
        for block in blocks {
            func value(_ key: String) -> Substring {
                let line = block.split(separator: "\n").first { $0.hasPrefix(key + " = ") }
                return line?.dropFirst(key.utf8.count + 3) ?? ""
            }
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
