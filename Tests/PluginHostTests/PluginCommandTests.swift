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
    #expect(commands(folder).stockNote() == nil)
    try folder.writeManifest()
    try folder.write(
        "org.skiff.overlay.plugin", "id = org.skiff.overlay\nversion = 1\nabi = 0.2\nlibrary = Overlay.so\n")
    try folder.write("org.test.bad.plugin", "nonsense")
    var state = try PluginState(reading: folder.registry.stateFile, trust: Trust(isPrivileged: false))
    try state.set("org.test.one", enabled: false)
    #expect(commands(folder).list(all: false) == "ENABLED  NAME\n     no  org.test.one\n")
    #expect(
        commands(folder).stockNote()
            == "org.skiff.overlay came with skiff and is not listed: 'plugin list --all' shows all")
    #expect(
        commands(folder).list(all: true)
            == "ENABLED  NAME\n    yes  org.skiff.overlay  (came with skiff)\n     no  org.test.one\n"
            + " broken  org.test.bad\n")
}

@Test func inspectTellsWhatAPluginAdds() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "license = MIT\ndescription = Tests\nconfig-keys = always use test")
    let text = try commands(folder).inspect("org.test.one")
    #expect(text.hasPrefix("Name: org.test.one\nDescription: Tests\nVersion: 1.0\nLicense: MIT\nInterface: 0.2\n"))
    #expect(text.contains("\nFlag: --words strings: words\n") && text.contains("\nFlag: --switch: switch\n"))
    #expect(text.hasSuffix("Configuration: always use test\n"))
    #expect(try commands(folder).inspect("one") == text)
    #expect(try commands(folder).inspect(folder.path + "/org.test.one.plugin") == text)
    do throws(SkiffError) {
        _ = try commands(folder).inspect("nosuch")
        Issue.record("found")
    } catch {
        #expect(error.description == "Failed to inspect plugin \"nosuch\": plugin not found.")
    }
}
