import CLinux
import Foundation
import Testing

@testable import Linux

/// Every rule holds for the kernel's lookup and for the walk that stands in for it.
@Suite struct TreeLookupTests {
    static let methods: [TreeLookup.Method] = [.kernel, .walk]

    /// Text of a link, and what it leads to inside the tree: the content, or an error.
    static let links: [(target: String, content: String?)] = [
        ("/etc/passwd", "inside"), ("../../etc/passwd", "inside"), ("../../../../../../etc/passwd", "inside"),
        ("a/b/../../etc/passwd", "inside"), ("./a//b/./file", "inside"), ("/a/b/file", "inside"),
        ("/../host/secret", nil), ("../host/secret", nil), ("/a/b/file/", nil), ("/a/b/file/.", nil),
        ("/a/b/file/..", nil), ("/a/missing/../b/file", nil), ("/proc/self/root/etc/passwd", nil),
        ("loop", nil), ("/etc/passwd/x", nil), ("a", nil),
    ]

    @Test(arguments: methods, links.indices) func linksStayInside(method: TreeLookup.Method, index: Int) throws {
        let (target, content) = Self.links[index]
        let tree = try HostileTree()
        try tree.link("loop", to: "/loop")
        try tree.link("link", to: target)
        try tree.link("a/deeper", to: "/link")
        let root = try tree.root(method)
        for path: TreePath in ["/link", "link", "a/deeper", "/../a/./deeper"] {
            #expect((try? read(root, path)) == content)
        }
    }

    @Test(arguments: methods) func hostPathsAreNotSeen(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let secret = tree.path + "/host/secret"
        try tree.link("absolute", to: secret)
        try tree.link("up", to: "../host/secret")
        try tree.link("directory", to: tree.path + "/host")
        let root = try tree.root(method)
        for path in [secret, "/absolute", "up", "directory/secret", "../host/secret", "/a/../../host/secret"] {
            #expect(throws: Errno.noSuchFile) { _ = try root.open(TreePath(path), .read) }
            #expect(throws: Errno.noSuchFile) { _ = try root.open(TreePath(path), .pathOnly) }
        }
    }

    /// The tree is a view of the real /proc: descriptors, roots and working directories are links that no path tells truly.
    @Test(arguments: methods) func magicLinksAreRefused(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let held = try open(HostPath(tree.path + "/host"), [.read, .directory])
        let pipe = try makePipe()
        let reader = OwnedFD(adopting: pipe.first)
        try OwnedFD(adopting: pipe.second).close()
        let root = TreeRoot(try open(HostPath("/"), [.pathOnly, .directory]), method)
        for path in [
            "/proc/self/fd/\(held.raw)", "/proc/self/fd/\(held.raw)/secret", "/proc/self/fd/\(reader.raw)",
            "/proc/self/root", "/proc/self/root/etc/passwd", "/proc/self/cwd", "/proc/self/exe", "/proc/self/ns/user",
            "/proc/thread-self/fd/\(held.raw)", "/dev/fd/\(held.raw)/secret",
        ] {
            #expect(throws: Errno.tooManySymlinks, "\(path)") { _ = try root.open(TreePath(path), .pathOnly) }
        }
        let outside = try tree.root(method)
        try tree.link("fd", to: "/proc/self/fd/\(held.raw)/secret")
        #expect(throws: Errno.noSuchFile) { _ = try outside.open("fd", .pathOnly) }
    }

    @Test(arguments: methods) func ordinaryLinksOfProcAreFollowed(method: TreeLookup.Method) throws {
        let root = TreeRoot(try open(HostPath("/"), [.pathOnly, .directory]), method)
        #expect(try root.status("/proc/self").isDirectory)
        #expect(try root.status("/proc/mounts").isRegular)
        #expect(try root.status("/proc/self/status").isRegular)
        // The magic link itself is a link like any other.
        #expect(try root.status("/proc/self/exe", links: .lastKept).isSymlink)
    }

    @Test(arguments: methods) func lastLinkIsKept(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        try tree.link("link", to: "/etc/passwd")
        try tree.link("dir", to: "/etc")
        let root = try tree.root(method)
        #expect(try root.readLink("/link") == Array("/etc/passwd".utf8))
        #expect(try root.status("/link", links: .lastKept).isSymlink)
        #expect(throws: Errno.tooManySymlinks) { _ = try root.open("/link", .read, links: .lastKept) }
        #expect(throws: Errno.notDirectory) { _ = try root.open("/dir", [.read, .directory], links: .lastKept) }
        #expect(try read(root, "/dir/passwd", links: .lastKept) == "inside")
        #expect(throws: Errno.invalidArgument) { try root.readLink("/etc/passwd") }
    }

    @Test(arguments: methods) func strictWalkTakesNoLink(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        try tree.link("dir", to: "etc")
        let root = try tree.root(method)
        #expect(try read(root, "/etc/passwd", links: .refused) == "inside")
        #expect(throws: Errno.tooManySymlinks) { _ = try root.open("dir/passwd", .read, links: .refused) }
        #expect(throws: Errno.tooManySymlinks) { _ = try root.open("dir", .pathOnly, links: .refused) }
    }

    @Test(arguments: methods) func creatingStaysInside(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        try tree.link("new", to: tree.path + "/host/new")
        try tree.link("inside", to: "/a/made")
        let root = try tree.root(method)
        #expect(throws: Errno.noSuchFile) { _ = try root.open("new", [.write, .create], mode: 0o600) }
        _ = try root.open("inside", [.write, .create], mode: 0o640)
        #expect(try root.status("/a/made", links: .lastKept).permissions & 0o700 == 0o600)
        #expect(throws: Errno.exists) { _ = try root.open("new", [.write, .create, .exclusive], mode: 0o600) }
        #expect(throws: Errno.exists) { _ = try root.open("a", [.write, .create, .exclusive], mode: 0o600) }
        #expect((try? status(HostPath(tree.path + "/host/new"))) == nil)
    }

    @Test(arguments: methods) func makesDirectoriesInside(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        try tree.link("out", to: tree.path + "/host")
        try tree.link("in", to: "/a")
        let root = try tree.root(method)
        _ = try root.makeDirectories("/in/x/y", mode: 0o750)
        #expect(try root.status("/a/x/y", links: .refused).permissions == 0o750)
        _ = try root.makeDirectories("/out/x")
        #expect(try root.status(TreePath(tree.path + "/host/x"), links: .refused).isDirectory)
        try tree.link("a/up", to: "../../../made/deep")
        _ = try root.makeDirectories("a/up")
        #expect(try root.status("/made/deep", links: .refused).isDirectory)
        try tree.link("one", to: "two")
        try tree.link("two", to: "one/x")
        #expect(throws: Errno.tooManySymlinks) { _ = try root.makeDirectories("/one") }
        #expect(throws: Errno.notDirectory) { _ = try root.makeDirectories("/etc/passwd/x") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: tree.path + "/host") == ["secret"])
    }

    @Test(arguments: methods) func topHasNoPlace(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let root = try tree.root(method)
        for path: TreePath in ["/", "", "..", "a/..", "a/b/."] {
            #expect(throws: Errno.invalidArgument) { _ = try root.place(path).name }
        }
        #expect(try root.place("a/b/").name == EntryName("b"))
    }

    @Test(arguments: methods) func emptyPathIsTheTop(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let root = try tree.root(method)
        for path: TreePath in ["", "/", ".", "..", "/../.."] {
            #expect(try root.status(path) == status(HostPath(tree.top)))
        }
        #expect(try root.entries("").map(\.text) == ["a", "etc"])
    }

    @Test(arguments: methods) func pathHoldingNULNamesNothing(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let root = try tree.root(method)
        #expect(throws: Errno.invalidArgument) { _ = try root.open("/etc/passwd\0.txt", .read) }
    }

    @Test(arguments: methods) func pathsLongerThanTheKernelTakes(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let root = try tree.root(method)
        let name = try EntryName(String(repeating: "d", count: 200))
        var path: TreePath = "/"
        var directory = try root.open("/", [.pathOnly, .directory])
        for _ in 0..<40 {
            try makeDirectory(name, at: directory.raw)
            directory = try open(name, [.pathOnly, .directory], at: directory.raw)
            path = path.appending(name.bytes)
        }
        try makeFile(EntryName("file"), [0x78], mode: 0o600, at: directory.raw)
        for links: TreeLinks in [.followed, .refused] {
            #expect(try read(root, path.appending("file"), links: links) == "x")
            #expect(try read(root, path.appending("../\(name)/file"), links: links) == "x")
        }
        try root.remove(TreePath("/").appending(name.bytes))
        #expect(!root.exists(TreePath("/").appending(name.bytes)))
    }

    @Test(arguments: methods) func tellsWhereAFileLies(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        try tree.link("link", to: "a/b")
        let root = try tree.root(method)
        let file = try root.open("link/file", .pathOnly)
        #expect(try root.path(ofOpen: file.raw) == "/a/b/file")
        #expect(try root.path(ofOpen: root.descriptor) == "/")
        let outside = try open(HostPath(tree.path + "/host"), .pathOnly)
        #expect(throws: Errno.crossDevice) { try root.path(ofOpen: outside.raw) }
    }

    @Test(arguments: methods) func onlyRegularFilesAreRead(method: TreeLookup.Method) throws {
        let tree = try HostileTree()
        let root = try tree.root(method)
        try makeNode(EntryName("fifo"), mode: S_IFIFO | 0o600, at: root.descriptor)
        #expect(throws: Errno.noDeviceOrAddress) { try root.readFile("fifo") }
        #expect(throws: Errno.isDirectory) { try root.readFile("a") }
        #expect(throws: Errno.overflow) { try root.readFile("/etc/passwd", limit: 2) }
    }
}
