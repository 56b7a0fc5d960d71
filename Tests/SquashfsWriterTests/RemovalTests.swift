import Base
import CLinux
import Extraction
import Linux
import Squashfs
import SquashfsWriter
import TestSupport
import Testing

/// A tree that is in use while it is packed.
@Suite("squashfs writer: what is removed meanwhile") struct RemovalTests {
    @Test("what has gone is left out, and the rest is whole") func goneEntries() throws {
        let scratch = try Scratch.withTree()
        try shell(
            "cd \"$0\"; mkdir -p c/below z; for name in a b c/below/x d e z/y; do echo $name > $name; done; ln -s a l",
            [scratch.tree])
        let gone = ["a": ["b", "l", "z/y"], "d": ["d"], "e": ["c"]]
        try scratch.write(adjust: { (entry) throws(SkiffError) in
            for path in gone[String(bytes: entry.path)] ?? [] {
                try during("cannot remove") { () throws(Errno) in try removeTree(scratch.tree + "/" + path) }
            }
            return true
        })
        let copy = scratch.path + "/copy"
        try makeDirectories(copy)
        let target = try open(copy, O_RDONLY | O_DIRECTORY)
        _ = try scratch.reader().extract(to: target.raw)
        // A directory is read after the files beside it: its name was in the image when it went.
        let names = try succeed(["/usr/bin/find", ".", "-mindepth", "1"], directory: copy).split(separator: "\n")
            .sorted()
        #expect(names == ["./a", "./c", "./e", "./z"])
        #expect(try shell("cat \"$0\"/a \"$0\"/e", [copy]) == "a\ne\n")
    }
}
