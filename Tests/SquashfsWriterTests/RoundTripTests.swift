import Base
import CLinux
import Extraction
import Linux
import Squashfs
import SquashfsWriter
import TestSupport
import Testing

@Suite("squashfs writer: what comes back") struct RoundTripTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch.withTree() }

    /// Names, kinds, permissions, links, times, targets; for owners see the tests as root.
    private func listing(_ tree: String) throws -> [Substring] {
        try shell(
            "cd \"$0\" && find . -printf '%P %y %m %n %T@ %l ' '(' -type f -printf '%s' -o -true ')' -printf '\\n' | sort",
            [tree]
        ).split(separator: "\n")
    }

    private func makeTree() throws {
        try shell(
            """
            cd "$0"
            mkdir -p empty deep/er/est
            printf small > deep/small; printf small > deep/same-content
            head -c 300000 /dev/urandom > random
            yes text | head -c 1000000 > text
            : > nothing
            ln deep/small deep/er/linked; ln -s ../small deep/er/link; ln -s "$(printf 'x%.0s' $(seq 1 4000))" long
            mkfifo pipe
            printf a > "$(printf 'new\\nline')"; printf b > "$(printf 'latin\\351')"
            truncate -s 3M sparse; printf middle | dd of=sparse bs=1 seek=1500000 conv=notrunc 2>/dev/null
            chmod 6751 text; chmod 1777 empty; chmod 0500 deep/er/est
            find . -exec touch -h -d @1500000000 {} +
            """, [scratch.tree])
    }

    @Test("our own reader gives the tree back", arguments: ImageCompression.Method.allCases)
    func ownReader(method: ImageCompression.Method) throws {
        try makeTree()
        var options = SquashfsOptions()
        options.compression = try ImageCompression(method)
        try scratch.write(options)
        let copy = scratch.path + "/copy"
        try makeDirectories(copy)
        let target = try open(copy, O_RDONLY | O_DIRECTORY)
        _ = try scratch.reader().extract(to: target.raw)
        #expect(try listing(copy) == listing(scratch.tree))
        #expect(
            try command(["/usr/bin/diff", "-r", "--no-dereference", "-x", "pipe", scratch.tree, copy]).text == "")
        #expect(try status(copy + "/deep/small").inode == status(copy + "/deep/er/linked").inode)
        #expect((Int(try shell("stat -c %b \"$0\"/sparse | tr -d '\\n'", [copy])) ?? 9999) < 2000)
    }

    @Test("unsquashfs gives the tree back", .needs(.unsquashfs))
    func otherReader() throws {
        try makeTree()
        // It gives nobody but root the set-user-ID bits.
        try shell("[ $(id -u) = 0 ] || chmod 0751 \"$0/text\"", [scratch.tree])
        try scratch.write()
        let copy = scratch.path + "/copy"
        try shell("unsquashfs -q -n -d \"$1\" \"$0\" >&2", [scratch.image, copy])
        #expect(try listing(copy) == listing(scratch.tree))
        #expect(
            try command(["/usr/bin/diff", "-r", "--no-dereference", "-x", "pipe", scratch.tree, copy]).text == "")
    }

    @Test("ten thousand entries in one directory") func manyEntries() throws {
        try shell(
            "cd \"$0\" && mkdir many && cd many && seq 1 10000 | xargs touch && mkdir $(seq 20001 20050)",
            [scratch.tree])
        try scratch.write()
        let reader = try scratch.reader()
        let directory = try #require(try reader.lookup(path: "many"))
        #expect(directory.links == 52)
        var cursor = try reader.entries(of: directory)
        var names: [[UInt8]] = []
        while let entry = try cursor.next() { names.append(entry.name) }
        #expect(names.count == 10050)
        #expect(names == names.sorted { $0.lexicographicallyPrecedes($1) })
        #expect(try reader.lookup(path: "many/9999")?.kind == .file)
        #expect(try reader.lookup(path: "many/20050/..")?.number == directory.number)
    }

    @Test("extended attributes") func xattrs() throws {
        try writeFile(scratch.tree + "/file", [65], mode: 0o644)
        try setXattr("user.one", [1, 0, 2], of: scratch.tree + "/file")
        try setXattr("user.large", [UInt8](repeating: 7, count: 3000), of: scratch.tree + "/file")
        try setXattr("user.directory", [], of: scratch.tree)
        try scratch.write()
        let reader = try scratch.reader()
        let file = try reader.xattrs(of: #require(try reader.lookup(path: "file")))
        #expect(file.map { String(decoding: $0.name, as: UTF8.self) } == ["user.large", "user.one"])
        #expect(file.map(\.value.count) == [3000, 3])
        #expect(try reader.xattrs(of: reader.root()).map(\.name) == [Array("user.directory".utf8)])
        var options = SquashfsOptions()
        options.xattrs = .none
        try scratch.write(options)
        let without = try scratch.reader()
        #expect(try without.xattrs(of: #require(try without.lookup(path: "file"))).isEmpty)
    }

    @Test("owners, devices and file capabilities", .needs(.root)) func asRoot() throws {
        try shell(
            """
            cd "$0"; printf x > owned; chown 1234:4321 owned; chmod 4711 owned
            mknod null c 1 3; mknod large b 259 70000; python3 - <<'END'
            import os, socket
            os.setxattr("owned", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
            socket.socket(socket.AF_UNIX).bind("socket")
            END
            """, [scratch.tree])
        try scratch.write()
        var reader = try scratch.reader()
        let owned = try #require(try reader.lookup(path: "owned"))
        #expect((owned.uid, owned.gid, owned.permissions) == (1234, 4321, 0o4711))
        #expect(
            try reader.xattrs(of: owned).map { String(decoding: $0.name, as: UTF8.self) } == ["security.capability"])
        let null = try #require(try reader.lookup(path: "null"))
        #expect((null.kind, null.major, null.minor) == (.characterDevice, 1, 3))
        let large = try #require(try reader.lookup(path: "large"))
        #expect((large.kind, large.major, large.minor) == (.blockDevice, 259, 70000))
        #expect(try reader.lookup(path: "socket")?.kind == .socket)
        var options = SquashfsOptions()
        options.allRoot = true
        try scratch.write(options)
        reader = try scratch.reader()
        #expect(try reader.lookup(path: "owned")?.uid == 0)
        #expect(try reader.lookup(path: "owned")?.gid == 0)
    }

    @Test("entries may be changed and left out") func adjusted() throws {
        try shell(
            "cd \"$0\"; mkdir -p out/of keep; printf x > out/of/x; : > keep/device; : > keep/link", [scratch.tree])
        try scratch.write { (entry) throws(SkiffError) in
            switch String(decoding: entry.path, as: UTF8.self) {
            case "out": return false
            case "keep/device":
                entry.mode = SKL_S_IFCHR | 0o666
                entry.device = UInt64(deviceNumber(major: 1, minor: 5))
                entry.uid = 77
            case "keep/link":
                entry.mode = SKL_S_IFLNK | 0o777
                entry.target = Array("device".utf8)
            default: break
            }
            return true
        }
        let reader = try scratch.reader()
        #expect(try reader.lookup(path: "out") == nil)
        let device = try #require(try reader.lookup(path: "keep/link"))
        #expect((device.kind, device.major, device.minor, device.uid) == (.characterDevice, 1, 5, 77))
    }

    @Test("files that their owner may not read", .needs(.setpriv))
    func unreadable() throws {
        try shell(
            """
            cd "$0"; printf secret > none; chmod 0 none; printf sudo > execute; chmod 4111 execute
            chmod a+rwx "$0"/.. "$0"
            if [ "$(id -u)" = 0 ]; then chown -R 65534:65534 .; chmod 4111 execute; cp "$1"/squash-probe ..; fi
            """, [scratch.tree, products])
        let drop = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        let probe =
            effectiveUID() == 0 ? drop + [scratch.path + "/squash-probe"] : [product("squash-probe")]
        let result = try command(probe + [scratch.tree, scratch.image])
        #expect(result.status == 0, "\(result)")
        let reader = try scratch.reader()
        for (name, mode, content) in [("none", UInt32(0), "secret"), ("execute", 0o4111, "sudo")] {
            let file = try #require(try reader.lookup(path: name))
            #expect(file.permissions == mode)
            #expect(try reader.content(of: file, limit: 10) == Array(content.utf8))
            #expect(try status(scratch.tree + "/" + name).permissions == mode, "as it was before")
        }
    }

    @Test("the kernel mounts it", .needs(.root, .loop)) func kernelMount() throws {
        try makeTree()
        try shell("mknod \"$0\"/null c 1 3", [scratch.tree])
        try scratch.write()
        let script = """
            mkdir "$1"; mount -o loop,ro -t squashfs "$0" "$1"
            cd "$1"; ls -lR --full-time . > ../listing; test -c null; cd ../tree
            diff -r --no-dereference -x pipe -x null . "$1"; umount "$1"
            """
        let result = try command(
            ["/usr/bin/unshare", "-m", "/bin/sh", "-ec", script, scratch.image, scratch.path + "/mount"])
        #expect(result.status == 0 && result.text == "", "\(result)")
    }
}
