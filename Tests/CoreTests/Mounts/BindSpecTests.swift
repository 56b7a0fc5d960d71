import Base
import Core
import Testing

struct BindSpecTests {
    private func parse(_ text: String) throws -> [String] {
        try BindSpec.parse(text, currentDirectory: "/some dir").map {
            "\($0.source)|\($0.destination)|\($0.readOnly ? "ro" : "rw")"
        }
    }

    @Test(arguments: [
        ("/a", ["/a|/a|rw"]),
        ("/a:/b", ["/a|/b|rw"]),
        ("/a:/b:ro", ["/a|/b|ro"]),
        ("/a:/b:rw", ["/a|/b|rw"]),
        ("/a,/b:/c", ["/a|/a|rw", "/b|/c|rw"]),
        ("/a:/b:ro,/c", ["/a|/b|ro", "/c|/c|rw"]),
        ("/a:/b:ro,rw", ["/a|/b|ro"]),
        ("rel:/b", ["/some dir/rel|/b|rw"]),
        ("./x/../y", ["/some dir/y|/some dir/y|rw"]),
        (#"/a\:1:/b"#, ["/a:1|/b|rw"]),
        (#"/a\,1:/b,/c"#, ["/a,1|/b|rw", "/c|/c|rw"]),
        ("/a:/b//c/./d/", ["/a|/b/c/d|rw"]),
        ("/a:", ["/a|/a|rw"]),
    ])
    func accepted(text: String, expected: [String]) throws {
        #expect(try parse(text) == expected)
    }

    @Test(arguments: [
        ("/etc:/a:zz", "zz is not a valid bind option"), (":/b", "empty bind source"), ("/a:b", "absolute path"),
        ("/a:/b:ro:x", "more than three parts"), ("", "empty bind source"), ("/a:/b:id=1", "not available"),
    ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: SkiffError.self) { _ = try parse(text) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func mountSpecs() throws {
        #expect(
            try MountSpec.parse(["type=bind", "source=/a", "destination=/b", "ro"], currentDirectory: "/")
                == .init(source: "/a", destination: "/b", readOnly: true))
        #expect(
            try MountSpec.parse(["src=x,y", "dst=/z/../w"], currentDirectory: "/d")
                == .init(source: "/d/x,y", destination: "/w"))
        for fields in [
            ["type=tmpfs", "dst=/x"], ["src=/a"], ["dst=/b"], ["src=/a", "dest=/b"], ["src=/a", "dst=b"],
            ["src=/a", "dst=/b", "bind-propagation=shared"],
        ] {
            #expect(throws: SkiffError.self) { _ = try MountSpec.parse(fields, currentDirectory: "/") }
        }
    }
}
