import Linux
import TestSupport
import Testing

@testable import Core
@testable import Shell

/// The scripts of images that skiff builds.
@Suite struct ImageScriptTests {
    @Test func ownTextsAreUnderstood() throws {
        let app = ImageScripts.App(name: "he-llo", hasEnvironment: true, hasRunscript: true, hasStartscript: false)
        let texts = [
            ImageScripts.base, ImageScripts.environmentHead, ImageScripts.appsBase([app]),
            ImageScripts.appBase("he-llo"),
            ImageScripts.apps, ImageScripts.finalBase, ImageScripts.runtimeVariables, ImageScripts.defaultRunscript,
            ImageScripts.emptyScript,
        ]
        for text in texts { _ = try ScriptParser.parse(Array(text.utf8)) }
        var evaluator = ScriptEvaluator(files: HostFiles())
        try evaluator.run(ImageScripts.appsBase([app]).bytes)
        #expect(
            evaluator.variables["SCIF_APPRUN_he_llo"].map { String(bytes: $0) } == "/scif/apps/he-llo/scif/runscript")
        #expect(evaluator.variables["SCIF_APPSTART_he_llo"] == nil)
        for name in ["exec", "run", "shell", "start", "test"] {
            let text = try #require(ImageScripts.action(name))
            #expect(try RealShell.run("/bin/dash", "true <<'X'\n\(text)\nX\n", watching: []) != nil)
        }
    }
}
