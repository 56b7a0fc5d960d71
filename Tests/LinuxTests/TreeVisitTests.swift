import CLinux
import TestSupport
import Testing

@testable import Linux

@Suite struct TreeVisitTests {
    private func paths(_ top: String, entering: (String) -> Bool = { _ in true }) throws -> [String] {
        let directory = try open(top, O_RDONLY | O_DIRECTORY)
        var visit = try TreeVisit(directory.raw)
        var result: [String] = []
        while let entry = try visit.next() {
            let path = String(bytes: entry.path)
            result.append(path)
            #expect(try status(entry.name, at: visit.directory).inode == entry.status.inode)
            if entry.status.isDirectory, entering(path) { try visit.enter(entry) }
        }
        return result
    }

    @Test func directoriesComeBeforeWhatIsInThem() throws {
        let scratch = try Scratch()
        for path in ["a/x/deep", "a/y", "b", "a.b"] { try scratch.directory(path) }
        try scratch.file("a/file", text: "")
        try makeSymlink("a", at: scratch.path + "/link")
        #expect(
            try paths(scratch.path)
                == ["/a", "/a/file", "/a/x", "/a/x/deep", "/a/y", "/a.b", "/b", "/link"])
        #expect(try paths(scratch.path) { $0 != "/a" } == ["/a", "/a.b", "/b", "/link"])
    }

    /// Far beyond what one path or a usual limit of descriptors holds.
    @Test func deepTreesTakeOneDescriptor() throws {
        let scratch = try Scratch()
        try shell(
            "cd \"$0\"; i=0; while [ $i -lt 3000 ]; do mkdir d; cd -P d; i=$((i + 1)); done; echo x >end",
            [scratch.path])
        defer { try? removeTree(scratch.path) }
        let directory = try open(scratch.path, O_RDONLY | O_DIRECTORY)
        var visit = try TreeVisit(directory.raw)
        var (count, longest) = (0, 0)
        while let entry = try visit.next() {
            (count, longest) = (count + 1, max(longest, entry.path.count))
            if entry.status.isDirectory { try visit.enter(entry) }
        }
        #expect(count == 3001 && longest == 6004)
    }

    /// A directory that was moved during the walk must not lead it out of the tree.
    @Test func movedDirectoriesEndTheVisit() throws {
        let scratch = try Scratch()
        try scratch.directory("tree/a/b")
        try scratch.directory("elsewhere")
        let directory = try open(scratch.path + "/tree", O_RDONLY | O_DIRECTORY)
        var visit = try TreeVisit(directory.raw)
        let first = try #require(try visit.next())
        try visit.enter(first)
        let second = try #require(try visit.next())
        try visit.enter(second)
        try shell("mv \"$0/tree/a/b\" \"$0/elsewhere/b\"", [scratch.path])
        let failure = #expect(throws: TreeVisit.Failure.self) { _ = try visit.next() }
        #expect(failure?.errno == .crossDevice)
        #expect(try visit.next() == nil)
    }
}
