import Grammar
import Testing

@testable import PluginHost

@Test func manifestsBecomeFlags() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "[command]\nname = greet\nhelp = greets\nhandler = g\nsignature = i:cS")
    try folder.write("org.test.bad.plugin", "nonsense")
    let registry = folder.registry
    #expect(registry.flags().map(\.name) == ["record", "words", "number", "switch"])
    #expect(registry.flags().map(\.kind) == [.string, .slice, .int, .bool])
    #expect(registry.flags().allSatisfy { $0.plugin == "org.test.one" && $0.commands.contains("exec") })
    #expect(registry.grammar.commands.map(\.name) == ["greet"])
}

@Test func commandLineGoesToThePlugin() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    let registry = folder.registry
    let grammar = Grammar(program: ProgramName(calledAs: "skiff"), plugins: { registry.grammar })
    let line = ["exec", "--words", "a,b", "--words=c", "--switch", "--number", "-3", "x.sif", "true", "--words"]
    guard case .command(let invocation) = try grammar.parse(line, environment: FlagEnvironment([])) else {
        Issue.record("not a command")
        return
    }
    let flags = Dictionary(uniqueKeysWithValues: invocation.pluginFlags.map { ($0.name, $0.values) })
    #expect(flags == ["words": ["a", "b", "c"], "switch": ["true"], "number": ["-3"]])
}
