import TestSupport
import Testing

@testable import Shell

/// Scripts that call themselves: what our stack does not bear goes to a shell, which its user can end.
@Suite struct NestingTests {
    private func stop(_ script: String, files: FakeRoot) -> ScriptStop? {
        var evaluator = ScriptEvaluator(files: files.files)
        do throws(ScriptStop) {
            try evaluator.run(Array(script.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "x='eval \"$x\"'\neval \"$x\"\n", "a='eval \"$b\"' b='eval \"$a\"'\neval \"$a\"\n",
        "x='. /again.sh'\neval \"$x\"\n", "x='if true; then eval \"$x\"; fi'\neval \"$x\"\n",
        "for x in 'eval \"$x\"'; do eval \"$x\"; done\n", ". /again.sh\n",
    ])
    func endlessNestingNeedsAShell(script: String) throws {
        let root = try FakeRoot()
        try root.write("/again.sh", "eval '. /again.sh'\n")
        guard case .needsShell(let reason)? = stop(script, files: root) else {
            Issue.record("it ended")
            return
        }
        #expect(reason.reason == "scripts nested too deeply")
    }

    @Test func ordinaryNestingIsOurs() throws {
        let root = try FakeRoot()
        try root.write("/one.sh", "eval 'y=\"$x\"'\n")
        #expect(stop("x=1\neval 'eval \". /one.sh\"'\n", files: root) == nil)
    }
}
