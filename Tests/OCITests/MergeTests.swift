import Base
import Core
import TestSupport
import Testing

@testable import OCI

/// One layer above another; what a lower one says goes by the rules of OCI image-spec, layer.md.
@Suite struct MergeTests {
    let base = TarBytes.made {
        $0.directory("d", mode: 0o750, uid: 7, gid: 8)
        $0.file("d/a", "aaa")
        $0.file("d/b", "bb", mode: 0o4755, uid: 5, gid: 6)
        $0.directory("d/sub")
        $0.file("d/sub/c", "c")
        $0.file("top", "top")
        $0.symlink("link", "d/sub")
    }

    private func over(_ fill: (inout TarBytes) -> Void) throws -> [String] { try merged([base, TarBytes.made(fill)]) }

    private let whole = [
        "/d d 750 7:8", "/d/a f 644 0:0 3@0", "/d/b f 4755 5:6 2@0", "/d/sub d 755 0:0", "/d/sub/c f 644 0:0 1@0",
        "/link l 777 0:0 > d/sub", "/top f 644 0:0 3@0",
    ]

    @Test func aLayerAloneIsTheImage() throws { #expect(try merged([base]) == whole) }

    @Test func whiteoutsHideFilesAndDirectories() throws {
        let found = try over {
            $0.file("d/.wh.a", "")
            $0.file("d/.wh.sub", "")
            $0.file(".wh.missing", "")
            $0.file("no/such/.wh.place", "")
        }
        #expect(found == ["/d d 750 7:8", "/d/b f 4755 5:6 2@0", "/link l 777 0:0 > d/sub", "/top f 644 0:0 3@0"])
    }

    @Test(arguments: [true, false]) func whatTheSameLayerBringsStays(isFirst: Bool) throws {
        let found = try over {
            if isFirst { $0.file(".wh.d", "") }
            $0.file("d/sub/new", "n")
            if !isFirst { $0.file(".wh.d", "") }
        }
        // After it the directories are the lower layer's, before it they are made anew; umoci does the same.
        let (d, sub) = isFirst ? ("/d d 755 0:0", "/d/sub d 755 0:0") : ("/d d 750 7:8", "/d/sub d 755 0:0")
        #expect(found == [d, sub, "/d/sub/new f 644 0:0 1@1", "/link l 777 0:0 > d/sub", "/top f 644 0:0 3@0"])
    }

    @Test(arguments: [true, false]) func opaqueDirectoriesHideWhatIsBelowThem(isFirst: Bool) throws {
        let found = try over {
            $0.directory("d", mode: 0o700)
            if isFirst { $0.file("d/.wh..wh..opq", "") }
            $0.file("d/new", "n")
            if !isFirst { $0.file("d/.wh..wh..opq", "") }
        }
        #expect(
            found == ["/d d 700 0:0", "/d/new f 644 0:0 1@1", "/link l 777 0:0 > d/sub", "/top f 644 0:0 3@0"])
    }

    @Test func anOpaqueDirectoryInTheMiddleLeavesLaterLayersAlone() throws {
        let middle = TarBytes.made {
            $0.directory("d")
            $0.file("d/.wh..wh..opq", "")
            $0.file("d/m", "m")
        }
        let last = TarBytes.made { $0.file("d/l", "l") }
        #expect(
            try merged([base, middle, last]).filter { $0.hasPrefix("/d/") } == [
                "/d/l f 644 0:0 1@2", "/d/m f 644 0:0 1@1",
            ])
    }

    @Test func entriesMayChangeTheirKind() throws {
        let found = try over {
            $0.file("d", "now a file")
            $0.directory("top")
            $0.file("top/in", "x")
            $0.directory("link")
        }
        #expect(found == ["/d f 644 0:0 10@1", "/link d 755 0:0", "/top d 755 0:0", "/top/in f 644 0:0 1@1"])
    }

    @Test func ofEqualNamesTheLastCounts() throws {
        let found = try merged([
            TarBytes.made {
                $0.file("f", "first")
                $0.directory("f")
                $0.file("f/x", "x")
                $0.file("f", "third")
                $0.directory("d", mode: 0o700)
                $0.file("d/x", "x")
                $0.directory("d", mode: 0o711)
            }
        ])
        #expect(found == ["/d d 711 0:0", "/d/x f 644 0:0 1@0", "/f f 644 0:0 5@0"])
    }

    @Test func hardLinksAreOneFileAlsoAcrossLayers() throws {
        let found = try over {
            $0.link("again", "d/b")
            $0.link("through", "/link/c")
            $0.link("again", "again")
            $0.link("tolink", "link")
            $0.file("d/.wh.b", "")
        }
        #expect(
            found == [
                "/again f 4755 5:6 2@0", "/d d 750 7:8", "/d/a f 644 0:0 3@0", "/d/sub d 755 0:0",
                "/d/sub/c f 644 0:0 1@0 x2", "/link l 777 0:0 > d/sub x2", "/through f 644 0:0 1@0 x2",
                "/tolink l 777 0:0 > d/sub x2", "/top f 644 0:0 3@0",
            ])
    }

    @Test(arguments: ["nowhere", "d", "../../etc/nowhere", "top/x"]) func hardLinksToNothingAreErrors(_ target: String)
        throws
    {
        let failure = #expect(throws: SkiffError.self) { try over { $0.link("x", target) } }
        #expect(failure?.message.hasPrefix("cannot apply layer 2 of test: x: it is a hard link to ") == true)
    }

    @Test func pathsStayInside() throws {
        let found = try merged([
            TarBytes.made {
                $0.file("../../up", "1")
                $0.file("/abs//./file", "2")
                $0.file("a/../b/c", "3")
                $0.symlink("out", "../../../..")
                $0.file("out/through", "4")
                $0.symlink("abs2", "/b")
                $0.file("abs2/in", "5")
                $0.symlink("dangling", "made/by/me")
                $0.file("dangling/x", "6")
            }
        ])
        #expect(
            found == [
                "/abs d 755 0:0", "/abs/file f 644 0:0 1@0", "/abs2 l 777 0:0 > /b", "/b d 755 0:0",
                "/b/c f 644 0:0 1@0", "/b/in f 644 0:0 1@0", "/dangling l 777 0:0 > made/by/me", "/made d 755 0:0",
                "/made/by d 755 0:0", "/made/by/me d 755 0:0", "/made/by/me/x f 644 0:0 1@0",
                "/out l 777 0:0 > ../../../..", "/through f 644 0:0 1@0", "/up f 644 0:0 1@0",
            ])
    }

    @Test func impossibleMembersAreErrors() throws {
        func refused(_ fill: (inout TarBytes) -> Void) {
            #expect(throws: SkiffError.self) { try merged([TarBytes.made(fill)]) }
        }
        refused { $0.symlink(".", "/etc") }
        refused { $0.file("./", "root") }
        refused {
            $0.symlink("a", "b")
            $0.symlink("b", "a")
            $0.file("a/x", "")
        }
        refused {
            $0.file("f", "")
            $0.file("f/x", "")
        }
        refused { $0.file("d/.wh.", "") }
        refused { $0.file("d/.wh...", "") }
        refused {
            $0.pax([("path", [UInt8](repeating: 0x61, count: 256))]); $0.file("x", "")
        }
    }

    @Test func devicesAttributesAndStrangeNamesAreKept() throws {
        let found = try merged([
            TarBytes.made {
                $0.header(Array("null".utf8), type: "3", mode: 0o666, device: (1, 3))
                $0.header(Array("disk".utf8), type: "4", mode: 0o660, gid: 6, device: (8, 0))
                $0.header(Array("pipe".utf8), type: "6", mode: 0o622)
                $0.pax([
                    ("SCHILY.xattr.user.k", Array("v".utf8)), ("SCHILY.xattr.security.selinux", [1]),
                    ("SCHILY.xattr.trusted.overlay.opaque", Array("y".utf8)),
                    ("SCHILY.xattr.security.capability", Array("cap".utf8)),
                    ("uid", Array("4000000000".utf8)),
                ])
                $0.file("attr", "a", mode: 0o6755)
                $0.file("new\nline", "n")
                $0.header([0xE9, 0x1B])
                $0.file(".wh..wh.plnk/1.2", "aufs")
                $0.directory(".wh..wh.aufs")
            }
        ])
        #expect(
            found == [
                "/attr f 6755 4000000000:0 1@0 security.capability=cap user.k=v", "/disk b 660 0:6 8,0",
                "/new\\nline f 644 0:0 1@0", "/null c 666 0:0 1,3", "/pipe p 622 0:0", "/\u{FFFD}\\x1b f 644 0:0 0@0",
            ])
    }

    @Test func theRootItselfMayHaveAnOwner() throws {
        let scratch = try Scratch()
        let image = try scratch.image([TarBytes.made { $0.directory("./", mode: 0o711, uid: 3, gid: 4) }])
        #expect(try MergedImage(image).tree.lines == ["/ d 711 3:4"])
    }

    /// Names come and go so that the table of names grows, has gaps and closes them.
    @Test func theTableOfNamesStaysWhole() throws {
        let tree = LayerTree()
        var random = UInt64(7)
        for layer in 0..<UInt16(40) {
            var merge = LayerMerge(tree, layer: layer)
            for _ in 0..<200 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let (directory, name) = (random >> 33 % 7, random >> 40 % 90)
                let isGone = random >> 50 % 3 == 0
                let path = "d\(directory)/" + (isGone ? ".wh." : "") + "n\(name)"
                _ = try merge.apply(.init(path: Array(path.utf8), kind: .file))
            }
            #expect(tree.isConsistent)
        }
    }
}
