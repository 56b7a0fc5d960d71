import Base
import CLinux
import Core
import Grammar
import InstalledGrammar
import Linux
import Testing

@testable import PluginHost

@Test func manifestsBecomeFlags() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "[command]\nname = greet\nhelp = greets\nhandler = g\nsignature = i:cS")
    try folder.write("org.test.bad.plugin", "nonsense")
    let registry = folder.registry
    #expect(registry.grammar.flags.map(\.name) == ["record", "words", "number", "switch"])
    #expect(registry.grammar.flags.map(\.kind) == [.string, .slice, .int, .bool])
    #expect(registry.grammar.flags.allSatisfy { $0.plugin == "org.test.one" && $0.commands.contains("exec") })
    #expect(registry.grammar.commands.map(\.name) == ["greet"])
}

@Test func commandLineGoesToThePlugin() throws {
    let folder = try PluginFolder()
    try folder.writeManifest()
    let registry = folder.registry
    let grammar = Grammar(program: ProgramName(calledAs: "skiff"), plugins: registry.grammar)
    let line = ["exec", "--words", "a,b", "--words=c", "--switch", "--number", "-3", "x.sif", "true", "--words"]
    guard case .command(let invocation) = try grammar.parse(line, environment: FlagEnvironment([])) else {
        Issue.record("not a command")
        return
    }
    let flags = Dictionary(uniqueKeysWithValues: invocation.pluginFlags.map { ($0.name, $0.values) })
    #expect(flags == ["words": ["a", "b", "c"], "switch": ["true"], "number": ["-3"]])
}

/// A plugin that is disabled, whose manifest has a mistake, or that somebody else could have written, still tells what it has.
@Test func unusablePluginsKeepTheirNames() throws {
    let folder = try PluginFolder()
    let names = """
        schemes = tape, bad!
        [config]
        name = always use tape
        loads = yes
        [flag]
        name = tape
        short = y
        env = TAPE, TAPES
        commands = exec, instance start
        [flag]
        name = Not A Name
        [command]
        name = rewind
        """
    try folder.write("org.test.bad.plugin", "id = org.test.bad\nnonsense\n\(names)\n")
    func tape(_ installed: PluginGrammar) throws -> UnusablePlugin {
        let found = try #require(installed.unusable.first { $0.id == "org.test.bad" })
        #expect(found.flags.map(\.name) == ["tape"] && found.flags.first?.short == "y" && found.commands == ["rewind"])
        #expect(found.flags.first?.environment == ["TAPE", "TAPES"])
        #expect(found.flags.first?.commands == ["exec", "instance start"])
        return found
    }
    let registry = folder.registry
    #expect(try tape(registry.grammar).reason.hasPrefix("cannot be used: cannot use plugin manifest "))
    #expect(registry.knows(scheme: "tape") && !registry.knows(scheme: "bad!"))
    #expect(
        registry.refusal(of: "tape").hint?.hasPrefix("The plugin org.test.bad serves tape://, but cannot be used: ")
            == true)
    let settings = try Settings(parsing: Array("always use tape = yes\n".utf8), name: "c")
    #expect(
        registry.unansweredDirectives(settings).first?.text.contains("the plugin org.test.bad cannot be used: ") == true
    )

    // Nobody's word is taken for more than names.
    try chmod(folder.path, 0o777)
    let trust = Trust(requiring: [effectiveUID()])
    let refused = InstalledPlugins(directory: folder.path, stateFile: folder.path + "/plugins.conf", trust: trust)
    #expect(
        refused.enabled.isEmpty
            && refused.grammar.refusal
                == "cannot trust \(folder.path): group or others may write it. Run chmod go-w \(folder.path)"
    )
    #expect(try tape(refused.grammar).reason.hasPrefix("cannot be used: cannot trust \(folder.path)"))
    try chmod(folder.path, 0o755)

    try folder.writeManifest()
    var state = try PluginState(reading: registry.stateFile, trust: Trust(isPrivileged: false))
    try state.set("org.test.one", enabled: false)
    let disabled = try #require(folder.registry.grammar.unusable.first { $0.id == "org.test.one" })
    #expect(disabled.reason == "is disabled" && disabled.hint == "Run: skiff plugin enable org.test.one")
    #expect(disabled.flags.map(\.name).contains("record"))
}

/// Whatever the bytes are, an outline is made.
@Test(arguments: [
    "", "\u{0}", "[flag]", "name = x", "[flag]\nname", "[", "=", "[flag]\n= x\nshort = long\n",
    "\r\n[flag]\r\nname=a\r\n",
])
func outlinesOfAnything(_ text: String) {
    let outline = ManifestOutline(Array(text.utf8))
    #expect(outline.flags.allSatisfy { !$0.name.isEmpty })
    #expect(ManifestOutline(Array(text.utf8) + [0xFF, 0x0A]).flags == outline.flags)
}
