import Base
import CLinux
import Core
import Linux
import Testing

@testable import PluginHost
@testable import skiff

private func commands(_ folder: PluginFolder) -> PluginCommands {
    PluginCommands(installation: Installation(program: "/opt/skiff/bin/skiff"), registry: folder.registry)
}

@Test func listKeepsApptainersText() throws {
    let folder = try PluginFolder()
    #expect(commands(folder).list(all: false) == "There are no plugins installed.\n")
    #expect(commands(folder).hiddenNote() == nil)
    try folder.writeManifest()
    try folder.write(
        "org.skiff.overlay.plugin",
        "id = org.skiff.overlay\nhidden = yes\nversion = 1\nabi = 0.2\nlibrary = Overlay.so\n")
    try folder.write("org.test.bad.plugin", "nonsense")
    var state = try PluginState(reading: folder.registry.stateFile, trust: Trust(isPrivileged: false))
    try state.set("org.test.one", enabled: false)
    #expect(commands(folder).list(all: false) == "ENABLED  NAME\n     no  org.test.one\n")
    #expect(
        commands(folder).hiddenNote() == "org.skiff.overlay is hidden: 'plugin list --all' shows all")
    #expect(
        commands(folder).list(all: true)
            == "ENABLED  NAME\n    yes  org.skiff.overlay  (hidden)\n     no  org.test.one\n"
            + " broken  org.test.bad\n")
}

@Test func inspectTellsWhatAPluginAdds() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "license = MIT\ndescription = Tests\n" + alwaysUseTest)
    let text = try commands(folder).inspect("org.test.one")
    #expect(text.hasPrefix("Name: org.test.one\nDescription: Tests\nVersion: 1.0\nLicense: MIT\nInterface: 0.2\n"))
    #expect(text.contains("\nFlag: --words strings: words\n") && text.contains("\nFlag: --switch: switch\n"))
    #expect(text.hasSuffix("Configuration: always use test = yes | no: for everybody\n"))
    #expect(try commands(folder).inspect("one") == text)
    #expect(try commands(folder).inspect(folder.path + "/org.test.one.plugin") == text)
    do throws(SkiffError) {
        _ = try commands(folder).inspect("nosuch")
        Issue.record("found")
    } catch {
        #expect(error.description == "Failed to inspect plugin \"nosuch\": plugin not found.")
    }
}

/// What programs read is JSON, whatever the manifests hold.
@Test func listsAndInspectsAsJSON() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "hidden = yes\n" + alwaysUseTest)
    try folder.write("org.test.bad.plugin", "name = \"\u{7}\"")
    #expect(try JSONReader.read(Array(commands(folder).listJSON(all: false).utf8)) == .array([]))
    let list = try JSONReader.read(Array(commands(folder).listJSON(all: true).utf8))
    guard case .array(let plugins) = list else { throw Missing() }
    #expect(plugins.map { $0["id"]?.stringValue } == ["org.test.one", "org.test.bad"])
    #expect(plugins.map { $0["state"]?.stringValue } == ["enabled", "broken"])
    #expect(plugins[1]["reason"]?.stringValue?.hasSuffix("line 1, column 9: a control character") == true)
    let one = try JSONReader.read(Array(commands(folder).inspectJSON("org.test.one").utf8))
    #expect(one["interface"]?.stringValue == "0.2" && one["hidden"] == .bool(true))
    guard case .array(let flags)? = one["flags"], case .array(let directives)? = one["configuration"] else {
        throw Missing()
    }
    #expect(flags.map { $0["type"]?.stringValue } == ["path", "strings", "int", "bool"])
    #expect(directives.map { $0["name"]?.stringValue } == ["always use test"] && directives[0]["loads"] == .bool(true))
}

private struct Missing: Error {}
