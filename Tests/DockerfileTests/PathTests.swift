import Testing

@testable import Dockerfile

@Suite struct PathTests {
    @Test(arguments: [
        ("abc", "abc", true), ("*", "abc", true), ("*c", "abc", true), ("a*", "ab/c", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false), ("ab[c]", "abc", true), ("ab[b-d]", "abc", true),
        ("ab[e-g]", "abc", false),
        ("ab[^c]", "abc", false), ("ab[^e-g]", "abc", true), ("a\\*b", "a*b", true), ("a\\*b", "ab", false),
        ("a?b", "a☺b", true), ("a[^a]b", "a☺b", true), ("a???b", "a☺b", false), ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("a?b", "a/b", false), ("[\\]a]", "]", true), ("[\\-]", "-", true), ("[x\\-]", "-", true),
        ("[\\-x]", "a", false),
        ("*x", "xxx", true), ("", "", true), ("", "a", false), ("[b-a]", "a", false), ("a*", "a", true),
    ])
    func matchesNames(pattern: String, name: String, expected: Bool) throws {
        #expect(try PathPattern(pattern).matches(name) == expected)
    }

    @Test(arguments: ["[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\", "[\\", "[a-"])
    func refusesPatterns(pattern: String) { #expect(throws: DockerfileProblem.self) { try PathPattern(pattern) } }

    private func ignored(_ text: String, _ path: String) throws -> Bool {
        try IgnoreFile(parsing: Array(text.utf8), file: ".dockerignore").ignores(path)
    }

    @Test(arguments: [
        ("a", "a", true), ("a", "a/b", true), ("a", "b/a", false), ("/a", "a", true), ("a/", "a", true),
        ("./a", "a", true),
        ("a/../b", "b", true), ("../a", "a", false), ("/../a", "a", true), (".", "a", false), ("/", "a", false),
        ("*", "a", true), ("*", "a/b", true), ("*/a", "b/a", true), ("*/a", "a", false), ("*/*/a", "b/c/a", true),
        ("a?", "ab", true), ("a?", "abc", false), ("*.go", "x.go", true), ("*.go", "d/x.go", false),
        ("**", "a/b", true), ("**/*.go", "x.go", true), ("**/*.go", "d/e/x.go", true), ("**/a", "b/a/c", true),
        ("**/a", "b/xa", false), ("a/**", "a/b", true), ("a/**", "a", false), ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true), ("a/**/b", "a/x/c", false), ("**.go", "d/x.go", true), ("a**", "abc/d", true),
        ("a**b", "ab", true), ("a**b", "axx/b", true), ("a**b", "axxb", false), ("**/", "a", true),
        ("**/**/a", "a", true),
        ("**foo", "d/xfoo", true), ("**foo*", "d/xfoo", false), ("**foo*", "d/foox", true),
        ("*\n!a", "a", false), ("*\n!a", "b", true), ("*\n!a", "a/b", false), ("*\n!a/b", "a/b", false),
        ("*\n!a/b", "a/c", true), ("a\n!a/b\na/b/c", "a/b/c", true), ("a\n!a/b\na/b/c", "a/b/d", false),
        ("!a\na", "a", true),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
        ("*.md\n!README*.md\nREADME-secret.md", "README.md", false), ("# a\n#a", "#a", false), (" #a", "#a", true),
        ("  a  \r\n\n", "a", true), ("\u{FEFF}a", "a", true), ("! a\n", "a", false), ("a\n!  a", "a", false),
        ("[a-c]x", "bx", true), ("[^a]x", "bx", true), ("\\*", "*", true), ("\\*", "a", false), ("a+b", "a+b", true),
        ("a.b", "axb", false), ("A", "a", false), ("a b", "a b", true), (".git", ".git/config", true),
        ("**/.git", ".git", true),
        ("*/temp*", "dir/temporary.txt", true), ("*/*/temp*", "dir/sub/temp", true), ("temp?", "tempa/x", true),
    ])
    func ignores(text: String, path: String, expected: Bool) throws { #expect(try ignored(text, path) == expected) }

    @Test func refusesIgnoreFilesWithTheirLine() {
        do throws(DockerfileProblem) {
            _ = try IgnoreFile(parsing: Array("a\n# b\n[c\n".utf8), file: "x.dockerignore")
            Issue.record("taken")
        } catch {
            #expect(error.message == "x.dockerignore:3: syntax error in pattern [c")
        }
        #expect(throws: DockerfileProblem.self) { try IgnoreFile(parsing: Array("!".utf8), file: "x") }
        #expect(throws: DockerfileProblem.self) { try IgnoreFile(parsing: Array(" ! \n".utf8), file: "x") }
    }

    @Test(arguments: [
        ("a", "/", "/a"), ("a", "/w", "/w/a"), ("a/", "/w", "/w/a/"), (".", "/w", "/w/"), ("./", "/w", "/w/"),
        ("..", "/w/x", "/w"),
        ("/a/./b/../c", "/w", "/a/c"), ("../../..", "/w", "/"), ("/", "/w", "/"), ("a/.", "/w", "/w/a/"),
        ("", "/w", "/w/"),
        ("x", "", "/x"),
    ])
    func placesPaths(path: String, directory: String, expected: String) {
        #expect(ContextPath.inImage(path, from: directory) == expected)
    }

    /// A combining mark and the slash before it are one character, and two bytes of a path.
    @Test func pathsAreCleanedByBytes() {
        #expect(ContextPath.cleaned("a/\u{301}b/../c") == ["a", "c"])
        #expect(ContextPath.cleaned("../a/..", isRooted: false) == [".."])
    }

    @Test(arguments: [
        ("644", 0o777, false, 0o644), ("4755", 0, false, 0o4755), ("0", 0o777, true, 0), ("u+x", 0o644, false, 0o744),
        ("a-w", 0o666, false, 0o444), ("+x", 0o644, false, 0o755), ("go=", 0o777, false, 0o700),
        ("u=rwX,go=rX", 0o600, true, 0o755),
        ("u=rwX,go=rX", 0o600, false, 0o644), ("u=rwX,go=rX", 0o711, false, 0o755), ("u+s", 0o755, false, 0o4755),
        ("g+s", 0o755, true, 0o2755), ("+t", 0o777, true, 0o1777), ("u-rw+x", 0o600, false, 0o100),
    ])
    func changesModes(text: String, mode: Int, isDirectory: Bool, expected: Int) throws {
        let change = try FileModeChange(parsing: text)
        #expect(change.applied(to: UInt32(mode), isDirectory: isDirectory) == UInt32(expected))
    }
}

/// A tree in memory: paths with what is there.
private struct TreeInMemory: CopySource {
    var entries: [String: SourceKind]
    func kind(_ path: String) -> SourceKind? { path == "/" ? .directory : entries[path] }
    func names(_ path: String) -> [String] {
        let prefix = path == "/" ? "/" : path + "/"
        return entries.keys.filter { $0.hasPrefix(prefix) && !$0.dropFirst(prefix.count).contains("/") }
            .map { String($0.dropFirst(prefix.count)) }
    }
}

@Suite struct SourceMatchingTests {
    private let tree = TreeInMemory(entries: [
        "/a.txt": .file, "/b.txt": .file, "/c.md": .file, "/d": .directory, "/d/x.txt": .file, "/d/e": .directory,
        "/d/e/y.txt": .file, "/f": .directory, "/f/x.txt": .file, "/link": .link(target: "d/x.txt"),
        "/up": .link(target: "../../../a.txt"), "/abs": .link(target: "/d"), "/loop": .link(target: "loop"),
        "/dangling": .link(target: "nowhere"), "/*": .file, "/d/back": .link(target: "../f/x.txt"),
    ])

    private func find(_ source: String) throws -> [String] {
        try SourceMatcher(tree).matches(source).map { "\($0.path)=\($0.location)\($0.isDirectory ? "/" : "")" }
    }

    @Test(arguments: [
        ("a.txt", ["/a.txt=/a.txt"]), ("/a.txt", ["/a.txt=/a.txt"]), ("../../a.txt", ["/a.txt=/a.txt"]),
        ("d", ["/d=/d/"]),
        ("d/", ["/d=/d/"]), (".", ["/=//"]), ("/", ["/=//"]), ("link", ["/link=/d/x.txt"]), ("up", ["/up=/a.txt"]),
        ("abs/x.txt", ["/abs/x.txt=/d/x.txt"]), ("abs", ["/abs=/d/"]), ("d/back", ["/d/back=/f/x.txt"]),
        ("*.txt", ["/a.txt=/a.txt", "/b.txt=/b.txt"]), ("[ac]*", ["/a.txt=/a.txt", "/abs=/d/", "/c.md=/c.md"]),
        ("*/x.txt", ["/abs/x.txt=/d/x.txt", "/d/x.txt=/d/x.txt", "/f/x.txt=/f/x.txt"]),
        ("d/*/*.txt", ["/d/e/y.txt=/d/e/y.txt"]),
        ("?.md", ["/c.md=/c.md"]), ("z*", []), ("a.txt/*", []), ("\\*", ["/*=/*"]), ("dang*", []),
        ("d/e/../e", ["/d/e=/d/e/"]),
    ])
    func finds(source: String, expected: [String]) throws { #expect(try find(source) == expected) }

    @Test(arguments: ["nope", "d/nope", "loop", "dangling", "a.txt/x", "["])
    func refuses(source: String) { #expect(throws: DockerfileProblem.self) { try find(source) } }
}
