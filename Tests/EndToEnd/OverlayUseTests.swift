import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What programs and users ask of overlays in image files beyond reading and writing.
    @Suite struct OverlayUses {
        /// Names of a file outlive the one that was made first: overlayfs and FUSE would call them stale.
        @Test(.cleanHost, arguments: Profile.allCases) func namesOfAFileAreEqual(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let script = """
                cd /var; echo one >a; ln a b; rm a; cat b; ln b c; echo two >n; mv n b; cat c b; rm c; echo three >/etc/localtime
                ln /etc/localtime /etc/other; rm /etc/localtime; cat /etc/other; ln b d; rm b; cat d; stat -c %h d
                i=0; while [ $i -lt 50 ]; do echo $i >t; ln t f$i; rm t; read x <f$i; [ "$x" = $i ] || echo stale $i; i=$((i + 1)); done
                """
            let outcome = try place.sh(script, flags: ["--no-mount", "bind-paths,tmp"])
            #expect(outcome.standardOutput == "one\none\ntwo\nthree\ntwo\n1\n" && outcome.isSuccess, "\(outcome)")
            try place.expectSound()
        }

        /// What `Tests/Inside/posix.c` asks; the rest holds. Docs/overlays.md has the table.
        @Test(.cleanHost, arguments: Profile.allCases, ["ext3", "ext4"])
        func holdsWhatProgramsExpect(profile: Profile, type: String) throws {
            let place = try ImageOverlay(profile, type: type, size: "600M")
            let program = place.folder + "/posix"
            try place.run("cc -std=c11 -O1 -static -o \(program) \(Stage.repository)/Tests/Inside/posix.c")
            let outcome = try place.command(
                ["/posix", "/var/tmp"], flags: ["--no-mount", "bind-paths,tmp", "-B", program + ":/posix"]
            ).run()
            let missing = outcome.values.filter { $0.value != "yes" }
            let expected: [String: String] =
                profile == .user
                ? ["tmpfile": "EOPNOTSUPP", "acl": "EINVAL", "devices": "EPERM", "fallocate.keep-size": "EOPNOTSUPP"]
                : type == "ext3" ? ["fallocate": "EOPNOTSUPP", "fallocate.keep-size": "EOPNOTSUPP"] : [:]
            #expect(outcome.isSuccess && outcome.values.count == 38 && missing == expected, "\(outcome)")
            try place.expectSound()
        }

        /// ext4 may keep small files in their inodes; libext2fs alone would destroy what is appended to one.
        @Test(.cleanHost, arguments: Profile.allCases) func filesInInodes(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            try place.run(
                "echo kept >\(place.folder)/s/upper/small; rm \(place.image); truncate -s 64M \(place.image)"
                    + "; /sbin/mke2fs -q -t ext4 -O inline_data -d \(place.folder)/s \(place.image)")
            let wrote = try place.sh("echo more >>/small")
            #expect(wrote.standardError.contains("it has features that are not known here: inline_data"), "\(wrote)")
            #expect(try place.sh("cat /small", readOnly: true).standardOutput == "kept\n")
            try place.expectSound()
        }

        /// Programs may look at any place of a directory, whether something begins there or not.
        @Test(.cleanHost, .needs(.user)) func placesOfADirectoryAreChecked() throws {
            let place = try ImageOverlay(.user)
            #expect(try place.sh("mkdir /made; cd /made; for n in a bb ccc dddd eeeee; do echo >$n; done").isSuccess)
            let source = """
                #define _GNU_SOURCE
                #include <stdio.h>
                #include <fcntl.h>
                #include <unistd.h>
                #include <sys/syscall.h>
                int main() {
                    static char found[4096];
                    int file = open("/made", O_RDONLY), worst = 0;
                    for (long place = 0; place < 5000; place++) {
                        lseek(file, place, SEEK_SET);
                        for (long got; (got = syscall(SYS_getdents64, file, found, sizeof found)) > 0;)
                            if (got > 400) worst = 1;
                    }
                    puts(worst ? "too much" : "fine");
                }
                """
            try writeFile(place.folder + "/seek.c", Array(source.utf8), mode: 0o644)
            try place.run("cc -O1 -static -o \(place.folder)/seek \(place.folder)/seek.c")
            let outcome = try place.command(["/seek"], flags: ["-B", place.folder + "/seek:/seek"]).run()
            #expect(outcome.line == "fine", "\(outcome)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func fortyOverlays(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let folder = place.folder
            try place.run(
                "for n in $(seq 39); do truncate -s 8M \(folder)/$n.img; rm -rf \(folder)/t; mkdir -p \(folder)/t/upper/etc \(folder)/t/work;"
                    + " echo $n >\(folder)/t/upper/etc/o$n; echo $n >\(folder)/t/upper/etc/top;"
                    + " /sbin/mke2fs -q -t ext3 -d \(folder)/t \(folder)/$n.img; done")
            let lower = (1...39).flatMap { ["--overlay", "\(folder)/\($0).img:ro"] }
            let outcome = try skiffCommand(
                ["exec", "--no-home"] + lower + [
                    "--overlay", place.image, try ImageOverlay.sif(), "sh", "-c",
                    "cat /etc/o1 /etc/o39 /etc/top; ls /etc/o* | wc -l; echo written >/etc/o1; cat /etc/o1",
                ], as: profile
            ).run()
            #expect(outcome.standardOutput == "1\n39\n39\n39\nwritten\n", "\(outcome)")
            try place.expectSound()
        }

        @Test(.cleanHost, arguments: Profile.allCases) func twentyReadersKeepAWriterOut(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            #expect(try place.sh("echo shared >/etc/shared").isSuccess)
            var readers: [RunningCommand] = []
            for _ in 0..<20 {
                readers.append(
                    try place.command(
                        ["sh", "-c", "cat /etc/shared; exec /inside sleep 60"], readOnly: true
                    ).start())
            }
            for reader in readers { #expect(reader.waitForOutput("sleeping"), "\(reader.text("stderr"))") }
            #expect(try place.sh("true").standardError.contains("for writing, currently in use by another process"))
            for reader in readers {
                #expect(reader.text("stdout").contains("shared"))
                try reader.signal(SIGTERM)
            }
            for reader in readers { _ = try reader.wait(seconds: 20) }
            #expect(try place.sh("cat /etc/shared").line == "shared")
            try place.expectSound()
        }

        /// `allow kernel extfs = no`: root has a server as users have it.
        @Test(.cleanHost, .needs(.root)) func rootCanDoWithoutTheKernel() throws {
            let place = try ImageOverlay(.root)
            try writeFile(place.folder + "/skiff.conf", Array("allow kernel extfs = no\n".utf8), mode: 0o644)
            func run(_ script: String) throws -> Outcome {
                var command = try place.command(["sh", "-c", ImageOverlay.commands + script])
                command.words.insert(contentsOf: ["--config", place.folder + "/skiff.conf"], at: 1)
                return try command.run()
            }
            let wrote = try run("echo kept >/etc/new; ls -ln /etc/new")
            #expect(wrote.isSuccess && wrote.standardOutput.contains(" 0        0  "), "\(wrote)")
            var explain = try place.command(["true"], flags: ["--explain"])
            explain.words.insert(contentsOf: ["--config", place.folder + "/skiff.conf"], at: 1)
            #expect(try explain.run().standardOutput.contains("writable, by skiff-extfs of org.skiff.overlay"))
            try place.expectSound()
            #expect(try place.sh("cat /etc/new").line == "kept")
            #expect(try run("cat /etc/new").line == "kept")
        }

        @Test(.cleanHost, arguments: Profile.allCases, ["erofs"]) func erofsIsReadWhereItCan(
            profile: Profile, type: String
        ) throws {
            let place = try ImageOverlay(profile)
            let file = place.folder + "/o.erofs"
            // Enough of a superblock to be one.
            try place.run(
                "truncate -s 64k \(file); printf '\\342\\341\\365\\340' | dd of=\(file) bs=1 seek=1024 conv=notrunc status=none"
            )
            let outcome = try skiff("exec", "--overlay", file + ":ro", try ImageOverlay.sif(), "true", as: profile)
            let reason =
                profile == .user
                ? "cannot use \(type) images without root: erofsfuse is missing" : "cannot mount \(file)"
            #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
        }

        @Test(.cleanHost, .needs(.root, .user, .fuse, .overlay, .mke2fs)) func namesWhatTheHostLacks() throws {
            let place = try ImageOverlay(.user)
            let image = try ImageOverlay.sif()
            func run(_ hidden: String, _ words: [String]) throws -> Outcome {
                let closed = try WorkDirectory.make(for: .root) + "/closed"
                try writeFile(closed, [], mode: 0o600)
                let user = try skiffCommand(words, as: .user)
                var command = Command(
                    [
                        "/usr/bin/unshare", "--mount", "/bin/sh", "-c", "mount --bind \(closed) \(hidden); exec \"$@\"",
                        "sh",
                    ]
                        + Profile.user.switching + user.words, as: .root)
                command.environment = user.environment
                return try command.run()
            }
            let words = ["exec", "--overlay", place.image, image, "true"]
            let fuse = try run("/dev/fuse", words)
            #expect(fuse.end == .exited(255) && fuse.standardError.contains("/dev/fuse"), "\(fuse)")
            #expect(try place.sh("true").isSuccess)
            // As a killed server leaves it.
            try place.run("/sbin/debugfs -w -R 'ssv state 0' \(place.image) 2>/dev/null")
            let checker = try run(try realPath("/sbin/e2fsck"), words)
            #expect(checker.end == .exited(255) && checker.standardError.contains("e2fsck"), "\(checker)")
            #expect(try place.sh("true").isSuccess)
            try place.expectSound()
        }

        @Test(.cleanHost, arguments: Profile.allCases) func featuresHaveNames(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            // Bits 0 and 12 of the incompatible features, bit 7 of those of writers.
            try place.run("printf '\\003\\020' | dd of=\(place.image) bs=1 seek=1120 conv=notrunc status=none")
            let unreadable = try place.sh("true", readOnly: true)
            #expect(
                unreadable.standardError.contains("it has features that are not known here: compression, dirdata"),
                "\(unreadable)")
            try place.run("printf '\\002\\000' | dd of=\(place.image) bs=1 seek=1120 conv=notrunc status=none")
            try place.run("printf '\\203' | dd of=\(place.image) bs=1 seek=1124 conv=notrunc status=none")
            let unwritable = try place.sh("true")
            #expect(unwritable.standardError.contains("not known here: has_snapshot"), "\(unwritable)")
        }
    }
}
