import CLinux
import Foundation
import Linux
import TestSupport
import Testing

@Suite(
    "a mounted image",
    .needs(.mksquashfs, .fuse, .userNamespaces))
struct MountTests {
    /// Files of all sizes, links, a deep and a full directory.
    private func fill(_ tree: String) throws {
        let script = """
            cd "$0"; mkdir -p a/b/c many; ln -s ../target a/link; echo deep > a/b/c/file
            for n in 0 1 4095 4096 131071 131072 131073 3000000; do head -c $n /dev/urandom > a/$n; done
            ln a/3000000 hard; for n in $(seq 1 1500); do echo $n > many/name-of-file-$n; done; mkfifo pipe
            truncate -s 1000000 sparse; echo end >> sparse; chmod 4755 a/1
            """
        try shell(script, [tree])
    }

    private let compare = """
        set -e
        cd $TREE; find . -printf '%P %y %m %n %s %l\\n' | sed 's/ d \\([0-7]*\\) .*/ d \\1/' | sort > /tmp/$$.a
        cd $MOUNT_POINT; find . -printf '%P %y %m %n %s %l\\n' | sed 's/ d \\([0-7]*\\) .*/ d \\1/' | sort > /tmp/$$.b
        diff /tmp/$$.a /tmp/$$.b; rm /tmp/$$.a /tmp/$$.b
        diff -r --no-dereference --exclude=pipe $TREE $MOUNT_POINT
        test $(stat -c %i hard) = $(stat -c %i a/3000000)
        stat -f -c 'type %T names %l' .
        """

    @Test(
        "shows the tree it was made of", arguments: [["-comp", "zstd"], ["-comp", "gzip", "-b", "1M"], ["-b", "4K"]])
    func sameTree(_ options: [String]) throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage(options)
        let result = try stage.run(compare)
        #expect(result.text.contains("type fuseblk names 256") || result.text.contains("type fuse names 256"))
        #expect(result.text.contains("status=0 answer=G server=0"), "\(result.text)")
    }

    @Test("in root's mount namespace", .needs(.root)) func asRoot() throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage()
        let result = try stage.run(compare, userNamespace: false)
        #expect(result.text.contains("status=0 answer=G server=0"), "\(result.text)")
    }

    @Test("for an ordinary user", .needs(.root))
    func asNobody() throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage(["-all-root"])
        let result = try stage.run(compare, asNobody: true)
        #expect(result.text.contains("status=0 answer=G server=0"), "\(result.text)")
    }

    /// Three directories of small files; content tells the name, so that no file can pass for another.
    private func fillWithSmall(_ tree: String) throws {
        let script = """
            cd "$0"; for d in a b c; do mkdir $d; for n in $(seq 100 399); do
                { echo $d/$n; head -c $((n * 20)) /dev/urandom; } >$d/$n; done; done
            """
        try shell(script, [tree])
    }

    @Test("small files read by several programs at once, in any order", arguments: [false, true])
    func smallFiles(_ oneCPU: Bool) throws {
        let stage = try Stage()
        try fillWithSmall(stage.tree)
        try stage.makeImage()
        let script = """
            set -e
            cd $MOUNT_POINT; find . -type f >/tmp/$$.names
            check() { while read name; do cmp $name $TREE/$name; done; }
            check </tmp/$$.names & first=$!
            tac /tmp/$$.names | check & second=$!
            shuf /tmp/$$.names | check & third=$!
            check </tmp/$$.names
            wait $first; wait $second; wait $third
            rm /tmp/$$.names
            """
        let result = try stage.run(script, oneCPU: oneCPU)
        #expect(result.text.contains("status=0 answer=G server=0"), "\(result.text)")
    }

    @Test(
        "small files are in the page cache before they are asked for", .needs(.root))
    func readahead() throws {
        let stage = try Stage()
        try fillWithSmall(stage.tree)
        try stage.makeImage()
        let script = """
            cd $MOUNT_POINT; ls -l a >/dev/null; cat a/100 a/101 >/dev/null
            for try in $(seq 200); do
                test $(fincore --bytes --noheadings --output RES a/105) -gt 0 && break
                sleep 0.05
            done
            cmp a/105 $TREE/a/105 && echo try=$try
            test $(fincore --bytes --noheadings --output RES c/399) -eq 0 && echo other=none
            """
        let result = try stage.run(script, userNamespace: false)
        #expect(result.text.contains("try=") && !result.text.contains("try=200"), "\(result.text)")
        // Its directory was not listed.
        #expect(result.text.contains("other=none"), "\(result.text)")
    }

    @Test("at an offset, with a size") func offset() throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage()
        let image = try readFile(stage.image)
        try writeFile(stage.image, [UInt8](repeating: 1, count: 4097) + image + [1, 2, 3], mode: 0o644)
        let result = try stage.run(compare, flags: ["--offset", "4097", "--size", "\(image.count)"])
        #expect(result.text.contains("status=0 answer=G server=0"), "\(result.text)")
    }

    @Test("extended attributes, and none") func xattrs() throws {
        let stage = try Stage()
        try writeFile(stage.tree + "/file", [65], mode: 0o644)
        try writeFile(stage.tree + "/plain", [65], mode: 0o644)
        try setXattr("user.colour", Array("green".utf8), of: stage.tree + "/file")
        try stage.makeImage()
        let script = """
            cd $MOUNT_POINT
            for f in file plain; do
                python3 -c 'import os,sys; f=sys.argv[1]
            for n in os.listxattr(f): print(f, n, os.getxattr(f, n).decode())
            print(f, "done")' $f
            done
            """
        try #require(isAccessible("/usr/bin/python3", X_OK))
        let with = try stage.run(script)
        #expect(with.text.hasPrefix("file user.colour green\nfile done\nplain done\n"), "\(with.text)")
        try stage.makeImage(["-no-xattrs"])
        let without = try stage.run(script)
        #expect(!without.text.contains("colour"), "\(without.text)")
    }

    @Test("a killed server gives errors, not a hang") func killed() throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage()
        let script = """
            cat $MOUNT_POINT/a/b/c/file; exec 5< $MOUNT_POINT/a/3000000; kill -9 $SERVER_PID
            for try in 1 2 3; do
                cat <&5 > /dev/null && echo "read works"
                cat $MOUNT_POINT/a/131072 > /dev/null && echo "open works"
                ls $MOUNT_POINT/many > /dev/null && echo "list works"
            done
            echo "came through"
            """
        let result = try stage.run(script)
        #expect(result.text.contains("deep\n") && result.text.contains("came through"), "\(result.text)")
        #expect(result.text.contains("Transport endpoint is not connected"), "\(result.text)")
        #expect(!result.text.contains("works"), "\(result.text)")
        #expect(result.text.contains("status=0 answer=none server=137"), "\(result.text)")
    }

    @Test("busy while a process of the container lives, then gone") func busy() throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage()
        let result = try stage.run("cd $MOUNT_POINT; sleep 2 < a/4096 > /dev/null 2>&1 & sleep 0.1")
        #expect(result.text.contains("answer=B server=running"), "\(result.text)")
        // The server goes with the last process, and with it the only holder of the stage's programs.
        var alive = true
        for _ in 0..<100 where alive {
            usleep(100_000)
            alive = try command(["/usr/bin/fuser", stage.path + "/skiff-mount"]).status == 0
        }
        #expect(!alive)
    }

    @Test("damaged content is EIO for that file only") func damaged() throws {
        let stage = try Stage()
        // Half noise, so that the block is stored compressed and is long.
        let content = (0..<200_000).map { $0 & 32 == 0 ? UInt8.random(in: 0...255) : 0 }
        try writeFile(stage.tree + "/a", content, mode: 0o644)
        try writeFile(stage.tree + "/b", Array("fine".utf8), mode: 0o644)
        try stage.makeImage(["-comp", "gzip", "-b", "128K", "-no-fragments"])
        let file = try open(stage.image, O_RDWR)
        try writeFully(file.raw, [UInt8](repeating: 0x55, count: 2000), at: 2000)
        let result = try stage.run("cat $MOUNT_POINT/a > /dev/null; cat $MOUNT_POINT/b")
        #expect(result.text.contains("Input/output error"), "\(result.text)")
        #expect(result.text.contains("fine"), "\(result.text)")
    }

    @Test("what is not an image is refused with a reason") func refused() throws {
        let stage = try Stage()
        try writeFile(stage.image, [UInt8](repeating: 0, count: 5000), mode: 0o644)
        let result = try command([
            stage.path + "/fuse-probe", "--userns", stage.path + "/skiff-mount", stage.image, stage.mountPoint,
            "/bin/true",
        ])
        #expect(result.text.contains("answer=Enot a squashfs image server=1"), "\(result.text)")
    }

    @Test("is left alone by signals, has no terminal, and cannot be traced by its user") func hardened() throws {
        let stage = try Stage()
        try fill(stage.tree)
        try stage.makeImage()
        let script = """
            for s in HUP INT TERM QUIT USR1 TSTP PIPE; do kill -$s $SERVER_PID; done; sleep 0.1
            cat $MOUNT_POINT/a/b/c/file
            ls -l /proc/$SERVER_PID/fd > /dev/null 2>&1 && echo "fds visible"
            grep -E 'NoNewPrivs|^Threads' /proc/$SERVER_PID/status; true
            """
        let result = try stage.run(script, asNobody: effectiveUID() == 0)
        #expect(result.text.contains("deep\n"), "\(result.text)")
        #expect(result.text.contains("NoNewPrivs:\t1"), "\(result.text)")
        #expect(!result.text.contains("fds visible"), "\(result.text)")
        #expect(result.text.contains("answer=G server=0"), "\(result.text)")
    }
}
