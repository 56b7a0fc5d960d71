import CLinux
import Linux
import TestSupport
import Testing

@testable import OverlayPlugin

private func withFolder(_ body: (String) throws -> Void) throws {
    let scratch = try Scratch()
    try body(scratch.path)
}

private func resolve(_ text: String) -> Result<OverlayLayer, OverlayProblem> {
    Result { () throws(OverlayProblem) in try OverlaySpec(text).resolve { _ in } }
}

private func message(_ result: Result<OverlayLayer, OverlayProblem>) -> String? {
    if case .failure(let problem) = result { return problem.message }
    return nil
}

@Test(arguments: [
    ("/a", "/a", false), ("/a:ro", "/a", true), ("/a:rw", "/a", false), ("a:ro:x", "a", false), (":ro", "", true),
])
func overlaySpecs(text: String, path: String, isReadOnly: Bool) {
    #expect(OverlaySpec(text).path == path && OverlaySpec(text).isReadOnly == isReadOnly)
    #expect(OverlaySpec(text).ignored == (text == "a:ro:x" ? "ro:x" : nil))
}

@Test func writableOverlayMakesUpperAndWork() throws {
    try withFolder { (folder: String) throws in
        #expect(try resolve(folder).get() == .upper(folder + "/upper", work: folder + "/work"))
        #expect(try status(folder + "/upper").permissions & 0o777 == 0o755)
        // A second time: they are there.
        #expect(try resolve(folder + ":rw").get() == .upper(folder + "/upper", work: folder + "/work"))
    }
}

@Test func readOnlyOverlayShowsUpperIfThereIsOne() throws {
    try withFolder { (folder: String) throws in
        #expect(try resolve(folder + ":ro").get() == .lower(folder))
        #expect((try? status(folder + "/upper")) == nil)
        try makeDirectory(folder + "/upper")
        #expect(try resolve(folder + ":ro").get() == .lower(folder + "/upper"))
        try removeDirectory(folder + "/upper")
        try makeSymlink("/etc", at: folder + "/upper")
        #expect(try resolve(folder + ":ro").get() == .lower(folder))
        #expect(message(resolve(folder)) == "cannot make upper and work in overlay \(folder)")
    }
}

@Test func overlayThatIsNotADirectory() throws {
    try withFolder { (folder: String) throws in
        #expect(message(resolve(folder + "/none")) == "cannot open overlay \(folder)/none")
        try writeFile(folder + "/image", [], mode: 0o644)
        #expect(message(resolve(folder + "/image"))?.contains("it is no directory") == true)
        try writeFile(folder + "/upper", [], mode: 0o644)
        #expect(message(resolve(folder)) == "cannot make upper and work in overlay \(folder)")
    }
}

/// A read-only file system is the case that root meets too; the warning is said once.
@Test func unwritableOverlayIsReadOnly() throws {
    let found = try status("/proc/self/fdinfo")
    #expect(found.isDirectory)
    var warnings: [String] = []
    let layer = try OverlaySpec("/sys/kernel").resolve { warnings.append($0) }
    #expect(layer == .lower("/sys/kernel"))
    #expect(warnings == ["Overlay /sys/kernel is not writable, using it read-only"])
}
