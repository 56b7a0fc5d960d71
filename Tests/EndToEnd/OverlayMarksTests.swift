import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Whiteouts and opaque directories in the dialects of root's overlayfs, of users' overlayfs and of fuse-overlayfs.
    @Suite struct OverlayMarks {
        private static let commands = """
            mkdir /upper/etc
            write /dev/null /upper/etc/.wh.hosts
            sif /upper/etc/.wh.hosts mode 0100700
            write /dev/null /upper/etc/.wh.localtime
            mkdir /upper/bin
            cd /upper/bin
            mknod uname c 0 0
            cd /
            mkdir /upper/var
            ea_set /upper/var trusted.overlay.opaque y
            mkdir /upper/root
            mkdir /upper/mnt
            mkdir /upper/mnt/below
            write /dev/null /upper/mnt/.wh..wh..opq
            sif /upper/mnt/.wh..wh..opq mode 0100700

            """
        private static let look = "ls -A /etc /bin; ls -A /var; ls -A /mnt"

        /// A file that only has such a name, and no such permissions, is a file.
        private func expect(_ outcome: Outcome, _ note: String) {
            let names = outcome.standardOutput.split(separator: "\n")
            #expect(
                names.contains("passwd") && names.contains("localtime") && names.contains(".wh.localtime"),
                "\(note): \(outcome)")
            #expect(
                !names.contains("hosts") && !names.contains("uname") && names.contains("umask")
                    && !names.contains(".wh.hosts"), "\(note): \(outcome)")
            #expect(
                !names.contains("tmp") && names.last == "below" && !names.contains(".wh..wh..opq"),
                "\(note): \(outcome)")
        }

        @Test(.cleanHost, arguments: Profile.allCases, [true, false])
        func areReadInEveryDialect(profile: Profile, readOnly: Bool) throws {
            let place = try ImageOverlay(profile)
            try writeFile(place.folder + "/commands", Array(Self.commands.utf8), mode: 0o644)
            try place.run("/sbin/debugfs -w -f \(place.folder)/commands \(place.image) >/dev/null 2>&1")
            let before = try readFile(place.image)
            expect(try place.sh(Self.look, flags: ["--no-mount", "bind-paths,tmp"], readOnly: readOnly), "first")
            if readOnly { #expect(try readFile(place.image) == before) }
            try place.expectSound()
            for other in Profile.allCases where other != profile && (try? need(other)) != nil {
                try place.run("chmod 755 \(place.folder); chmod 666 \(place.image)")
                let image = try ImageOverlay.sif()
                let seen = try skiff(
                    "exec", "--no-home", "--no-mount", "bind-paths,tmp", "--overlay", place.image + ":ro", image, "sh",
                    "-c", Self.look,
                    as: other)
                expect(seen, "then \(other)")
            }
        }

        /// A squashfs of a directory that root's overlayfs has written.
        @Test(.cleanHost, .needs(.root, .mksquashfs), arguments: Profile.allCases)
        func ofRootInSquashfs(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let tree = try WorkDirectory.make(for: .root)
            try makeDirectories(tree + "/t/var")
            try setXattr("trusted.overlay.opaque", [0x79], of: tree + "/t/var")
            let made = try Command(
                ["/usr/bin/mksquashfs", tree + "/t", tree + "/t.sq", "-quiet", "-no-progress"], as: .root
            ).run()
            #expect(made.isSuccess, "\(made)")
            try chmod(tree, 0o755)
            try chmod(tree + "/t.sq", 0o644)
            let seen = try skiff(
                "exec", "--no-home", "--no-mount", "bind-paths,tmp", "--overlay", tree + "/t.sq:ro",
                try ImageOverlay.sif(), "sh", "-c",
                "ls -A /var | wc -l", as: place.profile)
            #expect(seen.line == "0", "\(seen)")
        }

        /// A squashfs of a directory that fuse-overlayfs has written, by the image server; a name that only looks like a mark is a file.
        @Test(.cleanHost, .needs(.mksquashfs), arguments: Profile.allCases)
        func ofFuseOverlayfsInSquashfs(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let tree = place.folder + "/t"
            try place.run(
                "mkdir -p \(tree)/etc \(tree)/var/below \(tree)/bin; cd \(tree)"
                    + "; : >etc/.wh.hosts; : >etc/.wh..; : >etc/.wh...; : >var/.wh..wh..opq; : >bin/.wh.uname; echo back >bin/uname"
                    + "; chmod 700 etc/.wh.* var/.wh..wh..opq bin/.wh.uname; echo file >etc/.wh.passwd"
                    + "; echo allow kernel squashfs = no >\(place.folder)/skiff.conf"
                    + "; /usr/bin/mksquashfs . \(place.folder)/t.sq -quiet -no-progress -no-xattrs")
            let seen = try skiff(
                "--config", place.folder + "/skiff.conf", "exec", "--no-home", "--no-mount", "bind-paths,tmp",
                "--overlay",
                place.folder + "/t.sq:ro", try ImageOverlay.sif(), "sh", "-c",
                "ls -A /etc; cat /bin/uname /etc/.wh.passwd; test -e /etc/hosts || echo none; wc -c </etc/.wh..; ls -A /var",
                as: profile)
            let names = seen.standardOutput.split(separator: "\n").map(String.init)
            #expect(names.contains("passwd") && names.contains(".wh.passwd") && names.contains(".wh..."), "\(seen)")
            #expect(!names.contains("hosts") && !names.contains(".wh.hosts"), "\(seen)")
            #expect(names.suffix(5) == ["back", "file", "none", "0", "below"], "\(seen)")
        }

        /// A directory that belongs to a user has users' marks, also when root writes to it, and root reads them.
        @Test(.cleanHost, .needs(.root, .user, .overlay)) func ofUsersInDirectories() throws {
            let place = try ImageOverlay(.user)
            let folder = place.folder + "/d"
            try place.run("mkdir \(folder)")
            func run(_ script: String, as profile: Profile, readOnly: Bool = false) throws -> Outcome {
                try skiff(
                    "exec", "--no-home", "--no-mount", "bind-paths,tmp", "--overlay", folder + (readOnly ? ":ro" : ""),
                    try ImageOverlay.sif(), "sh", "-c", ImageOverlay.commands + script, as: profile)
            }
            let user = try run("rm -r /var/tmp; mkdir /var/tmp; echo user >/var/tmp/user", as: .user)
            #expect(user.isSuccess, "\(user)")
            #expect(try run("ls -A /var/tmp", as: .root, readOnly: true).standardOutput == "user\n")
            let root = try run("rm -r /mnt; mkdir /mnt; echo root >/mnt/root; ls -A /var/tmp /mnt", as: .root)
            #expect(root.standardOutput == "/mnt:\nroot\n\n/var/tmp:\nuser\n", "\(root)")
            #expect(try run("ls -A /var/tmp /mnt", as: .user, readOnly: true).standardOutput == root.standardOutput)
        }

        /// fuse-overlayfs marks with files where it may make no devices; a directory that is written is put into the kernel's dialect.
        @Test(.cleanHost, arguments: Profile.allCases) func ofFuseOverlayfsInDirectories(profile: Profile) throws {
            let place = try ImageOverlay(profile)
            let folder = place.folder + "/d"
            try place.run(
                "mkdir -p \(folder)/upper/etc \(folder)/upper/var/below; cd \(folder)/upper"
                    + "; : >etc/.wh.hosts; : >var/.wh..wh..opq; chmod 700 etc/.wh.hosts var/.wh..wh..opq; echo file >etc/.wh.passwd"
            )
            func run(_ readOnly: Bool) throws -> Outcome {
                try skiff(
                    "exec", "--no-home", "--no-mount", "bind-paths,tmp", "--overlay", folder + (readOnly ? ":ro" : ""),
                    try ImageOverlay.sif(), "sh", "-c", "ls -A /etc; ls -A /var", as: profile)
            }
            #expect(try run(true).standardError.contains("has whiteouts of fuse-overlayfs, which are not seen"))
            for readOnly in [false, true] {
                let seen = try run(readOnly)
                let names = seen.standardOutput.split(separator: "\n")
                #expect(names.contains("passwd") && names.contains(".wh.passwd") && !names.contains("hosts"), "\(seen)")
                #expect(names.last == "below" && !names.contains("tmp") && !names.contains(".wh..wh..opq"), "\(seen)")
                #expect(!seen.standardError.contains("fuse-overlayfs"), "\(seen)")
            }
        }
    }
}
