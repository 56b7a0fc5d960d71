import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// A host that does not let users open /dev/fuse: the image is unpacked for the time of the run.
    @Suite struct WithoutFuse {
        /// Runs a script as the user where /dev/fuse cannot be opened; `$1` is skiff, `$2` the image.
        private func run(_ script: String) throws -> Outcome {
            try need(.root, .user)
            let image = try ImageKind.sif.path(for: .root)
            let work = try WorkDirectory.make(for: .root)
            try writeFile(work + "/closed", [], mode: 0o600)
            let user = try skiffCommand([image], as: .user)
            let words = Profile.user.switching + ["/bin/sh", "-c", script, "sh"] + user.words
            var command = Command(
                [
                    "/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                    "mount --bind \(work)/closed /dev/fuse; exec \"$@\"", "sh",
                ]
                    + words, as: .root)
            command.environment = user.environment
            return try command.run()
        }

        @Test func imageIsUnpackedAndRemoved() throws {
            let outcome = try run("\"$1\" exec \"$2\" sh -c 'cat /etc/passwd | head -n 1; exit 4'; echo $?")
            #expect(outcome.standardOutput == "root:x:0:0:root:/root:/bin/sh\n4\n", "\(outcome)")
            #expect(outcome.standardError == "INFO:    Converting SIF file to temporary sandbox...\n", "\(outcome)")
        }

        /// What a killed skiff left is removed by the next one.
        @Test func killedRunIsSweptByTheNext() throws {
            let script = """
                "$1" exec "$2" sh -c 'echo ready; exec sleep 50' >$APPTAINER_TMPDIR/said & until grep -q ready $APPTAINER_TMPDIR/said
                do :; done 2>/dev/null; kill -9 $!; wait $!; rm $APPTAINER_TMPDIR/said
                ls $APPTAINER_TMPDIR | grep -c skiff-rootfs; "$1" exec "$2" true; ls $APPTAINER_TMPDIR | grep -c skiff-rootfs
                """
            let outcome = try run(script)
            #expect(outcome.standardOutput == "1\n0\n", "\(outcome)")
        }
    }
}
