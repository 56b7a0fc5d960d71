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
        ("/a:/b:ro:x", "more than three parts"), ("", "empty bind source"), ("/a:/b:id=x", "id=x is not the number"),
        ("/a:/b:id=4294967296", "is not the number"), ("/a::image-src=/", "has no destination"),
        ("/a:/b:images=/", "is not a valid bind option"),
    ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: SkiffError.self) { _ = try parse(text) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func partsOfImages() throws {
        func part(_ path: String, _ id: UInt32? = nil) -> Request.ImagePart {
            var part = Request.ImagePart()
            (part.path, part.id) = (path, id)
            return part
        }
        for (text, expected) in [
            ("/a:/b:image-src=/x", part("/x")), ("/a:/b:id=4", part("/", 4)),
            ("/a:/b:ro,id=4,image-src=x=y", part("x=y", 4)),
            ("/a:/b:image-src=", part("/")), ("/a:/b:id=0", part("/")),
        ] {
            let binds = try BindSpec.parse(text + ",/c:/d", currentDirectory: "/")
            #expect(binds.map(\.part) == [expected, nil] && binds[0].readOnly == text.contains("ro"), "\(binds)")
        }
        let mount = try MountSpec.parse(
            ["src=/a", "dst=/b", "image-src=/x", "id=7", "ro", "nonested"], currentDirectory: "/")
        #expect(mount.part == part("/x", 7) && mount.readOnly && !mount.isNested)
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
