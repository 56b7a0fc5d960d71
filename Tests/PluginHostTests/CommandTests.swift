import Base
import CLinux
import Core
import Grammar
import Linux
import Testing

@testable import PluginHost

private func commands(_ folder: PluginFolder) -> PluginCommands {
    PluginCommands(installation: Installation(program: "/opt/skiff/bin/skiff"), registry: folder.registry)
}

@Test func listKeepsApptainersText() throws {
    let folder = try PluginFolder()
    #expect(commands(folder).list(all: false) == "There are no plugins installed.\n")
    try folder.writeManifest()
    try folder.write(
        "org.skiff.overlay.plugin", "id = org.skiff.overlay\nversion = 1\nabi = 0.1\nlibrary = Overlay.so\n")
    try folder.write("org.test.bad.plugin", "nonsense")
    var state = try PluginState(reading: folder.registry.stateFile, trust: Trust(isPrivileged: false))
    try state.set("org.test.one", enabled: false)
    #expect(commands(folder).list(all: false) == "ENABLED  NAME\n     no  org.test.one\n")
    #expect(
        commands(folder).list(all: true)
            == "ENABLED  NAME\n    yes  org.skiff.overlay\n     no  org.test.one\n broken  org.test.bad\n")
}

@Test func inspectTellsWhatAPluginAdds() throws {
    let folder = try PluginFolder()
    try folder.writeManifest(head: "license = MIT\ndescription = Tests\nconfig-keys = always use test")
    let text = try commands(folder).inspect("org.test.one")
    #expect(text.hasPrefix("Name: org.test.one\nDescription: Tests\nVersion: 1.0\nLicense: MIT\nInterface: 0.1\n"))
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

/// Build options of the fixture, a test, and what comes out. The tests run in this process: forking one with threads is
/// for the end-to-end tests, which start the real program.
@Test(arguments: [
    ([], "all", "success"),
    (["-fvisibility=default"], "one-symbol-exported", "success"),
    (["-fvisibility=default", "-DLEAK"], "one-symbol-exported", "failed"),
    (["-DVERSION=\"2.0\""], "manifest-matches-binary", "failed"),
    (["-Wl,-rpath,/tmp"], "no-rpath", "failed"),
    (["-Wl,-rpath,$ORIGIN"], "no-rpath", "warning"),
    (["-DANSWERS_EVERYTHING"], "unknown-extension-is-null", "failed"),
    (["-DANSWERS_PREFIX"], "id-trailing-garbage", "failed"),
    (["-DREFUSES_LONG_HOST"], "host-longer", "failed"),
    (["-DSLOW"], "load-under-5ms", "failed"),
])
func checkerFinds(defines: [String], test: String, outcome: String) throws {
    let folder = try PluginFolder()
    try folder.build("one.so", defines)
    try folder.writeManifest()
    let manifest = try #require(folder.registry.enabled.first)
    let checker = Checker(manifest: manifest, directory: folder.path)
    for candidate in CheckTest.allCases where test == "all" || candidate.rawValue == test {
        // A machine full of tests is slow; that the time is measured is what the last case shows.
        if test == "all", candidate == .loadUnder5ms { continue }
        // The fixture has no scheme.
        let outcome = candidate == .hostileURIs ? "skipped" : outcome
        let (found, message) = candidate.run(checker)
        #expect(found.rawValue == outcome, "\(candidate.rawValue): \(message)")
    }
}

@Test func checkerSpeaksJSON() {
    let results = [Checker.Result(test: "no-rpath", outcome: .warning, message: "a \"b\"")]
    let manifest = Manifest(id: "org.test.one", version: "1", abi: 1...1, library: "one.so")
    #expect(Checker.text(results) == "warning  no-rpath: a \"b\"\n")
    let json = Checker.json(results, manifest)
    #expect(json.contains("\"name\": \"no-rpath\"") && json.contains("a \\\"b\\\""))
}

@Test func libraryFactsRefuseDamage() throws {
    let bytes = try readFile("/usr/lib/x86_64-linux-gnu/libffi.so.8")
    let facts = try LibraryFacts(parsing: bytes)
    #expect(facts.exported.contains("ffi_call") && !facts.exported.contains("malloc"))
    for count in stride(from: 0, to: bytes.count, by: 97) {
        #expect((try? LibraryFacts(parsing: Array(bytes[..<count]))) == nil || count > bytes.count - 64)
    }
}
