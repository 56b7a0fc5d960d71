import Base
import CLinux
import Core
import Linux
import Testing

@testable import PluginHost

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
        // These call phases, which a process with other threads cannot afford.
        if [.parentPhases, .childPhases, .laterPhases].contains(candidate) { continue }
        // The fixture has no scheme, no network, no devices, no image format, no targets and no volumes.
        let foreign: [CheckTest] = [
            .hostileURIs, .hostileNetworks, .hostileDevices, .hostileImages, .hostileTargets, .hostileVolumes,
            .volumesRoundTrip,
        ]
        let outcome = foreign.contains(candidate) ? "skipped" : outcome
        let (found, message) = candidate.run(checker)
        #expect(found.rawValue == outcome, "\(candidate.rawValue): \(message)")
    }
}

@Test func checkerSpeaksJSON() {
    let results = [Checker.Result(test: "no-rpath", outcome: .warning, message: "a \"b\"")]
    let manifest = Manifest(id: "org.test.one", version: "1", abi: 2...2, library: "one.so")
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
