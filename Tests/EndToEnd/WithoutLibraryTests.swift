import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Hosts that lack a library: a command that needs it names its package, and no other command notices.
    @Suite(.needs(.root)) struct WithoutLibrary {
        /// Runs skiff where no file of the host begins with this name of a library.
        private func hidden(_ library: String, _ words: String...) throws -> Outcome {
            let script =
                "for f in /usr/lib/*/\(library)* /lib/*/\(library)*; do "
                + "[ -L \"$f\" ] || mount --bind /dev/null \"$f\"; done; exec \"$@\""
            var command = try skiffCommand(words, as: .root)
            command.words = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh"] + command.words
            return try command.run()
        }

        @Test func digestsNameLibcrypto() throws {
            let folder = try WorkDirectory.make(for: .root)
            let file = folder + "/x.sif"
            #expect(try skiff("sif", "new", file, as: .root).isSuccess)
            let missing = "a SHA-256 digest: cannot open libcrypto.so.3. Install the package libssl3\n"
            let added = try hidden("libcrypto.so.3", "sif", "add", "--datatype", "11", file, "/etc/passwd")
            // Like every error of this command.
            #expect(added.end == .exited(1) && added.standardError.contains(missing), "\(added)")
            let layers = try hidden("libcrypto.so.3", "build", folder + "/y.sif", "oci:" + Layers.image.get())
            #expect(layers.end == .exited(255) && layers.standardError.contains(missing), "\(layers)")
            let listed = try hidden("libcrypto.so.3", "sif", "list", file)
            #expect(listed.isSuccess, "\(listed)")
            let ran = try hidden("libcrypto.so.3", "exec", try Images.shared.get().sif, "true")
            #expect(ran.isSuccess, "\(ran)")
        }

        @Test(.needs(.python)) func archivesNameLibarchive() throws {
            let folder = try WorkDirectory.make(for: .root)
            try writeFile(folder + "/Dockerfile", Array("FROM scratch\nADD a.tar /\n".utf8), mode: 0o644)
            let made = try Command(["/bin/tar", "-cf", folder + "/a.tar", "-C", "/etc", "passwd"], as: .root).run()
            #expect(made.isSuccess, "\(made)")
            let missing = "cannot open libarchive.so.13. Install the package libarchive13"
            let built = try hidden("libarchive.so.13", "build", folder + "/x.sif", folder + "/Dockerfile")
            #expect(built.end == .exited(255) && built.standardError.contains(missing), "\(built)")
            let layers = try hidden("libarchive.so.13", "build", folder + "/y.sif", "oci:" + Layers.image.get())
            #expect(layers.end == .exited(255) && layers.standardError.contains(missing), "\(layers)")
            let packed = try hidden("libarchive.so.13", "build", folder + "/z.sif", try Images.shared.get().sif)
            #expect(packed.isSuccess, "\(packed)")
        }
    }
}
