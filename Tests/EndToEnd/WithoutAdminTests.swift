import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Root without CAP_SYS_ADMIN, as root of a CI container is.
    @Suite(.needs(.root, .userNamespaces)) struct WithoutAdmin {
        private func run(_ words: String..., lacking capabilities: String = "-sys_admin", in folder: String) throws
            -> Outcome
        {
            var command = try skiffCommand(words, as: .root) {
                $0.environment["APPTAINER_CACHEDIR"] = folder + "/cache"
                $0.directory = folder
                $0.seconds = 60
            }
            command.words =
                ["/usr/bin/setpriv", "--bounding-set", capabilities, "--inh-caps", capabilities] + command.words
            return try command.run()
        }

        @Test func buildsWithTrueOwners() throws {
            let folder = try WorkDirectory.make(for: .root)
            let image = try Images.shared.get()
            let text = """
                Bootstrap: localimage
                From: \(image.sif)
                %setup
                touch ${APPTAINER_ROOTFS}/setup; chown 7:8 ${APPTAINER_ROOTFS}/setup
                %post
                touch /made; chown 5:6 /made; chmod 4711 /made; mkdir /gone
                #@ step
                rm -r /gone; mkdir /gone; stat -c '%u %g %a' /made

                """
            try writeFile(folder + "/a.def", Array(text.utf8), mode: 0o644)
            for round in 0..<2 {
                let built = try run("build", "-F", "--explain-cache", "a.sif", "a.def", in: folder)
                #expect(built.isSuccess && built.standardError.contains("without CAP_SYS_ADMIN"), "\(built)")
                let isUsed = built.standardError.contains("%post step 2 (a.def:7): its result of")
                #expect(isUsed == (round == 1), "\(built)")
            }
            let seen = try skiff("exec", folder + "/a.sif", "stat", "-c", "%u %g %a", "/made", "/setup", as: .root)
            #expect(seen.standardOutput == "5 6 4711\n7 8 664\n", "\(seen)")
            let sandbox = try run("build", "--sandbox", "box", "a.sif", in: folder)
            #expect(sandbox.isSuccess, "\(sandbox)")
            let made = try status(folder + "/box/made")
            #expect(made.uid == 5 && made.gid == 6 && made.permissions == 0o4711)
            try writeFile(folder + "/b.def", Array("Bootstrap: localimage\nFrom: box\n%post\ntrue\n".utf8), mode: 0o644)
            let packed = try run("build", "b.sif", "b.def", in: folder)
            #expect(packed.isSuccess, "\(packed)")
            #expect(try skiff("exec", folder + "/b.sif", "stat", "-c", "%u", "/made", as: .root).line == "5")
        }

        @Test func runs() throws {
            let image = try Images.shared.get()
            for words in [[], ["--fakeroot"], ["--userns"], ["--pid"], ["--writable-tmpfs"], ["--unsquash"]] {
                var command = try skiffCommand(["exec"] + words + [image.sif, "sh", "-c", "id -u"], as: .root)
                command.words =
                    ["/usr/bin/setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"] + command.words
                let outcome = try command.run()
                #expect(outcome.isSuccess && outcome.line == "0", "\(words) \(outcome)")
            }
        }

        /// Where even the namespace is not available, the reason is reported.
        @Test func withoutTheIDsTheReasonIsTold() throws {
            let folder = try WorkDirectory.make(for: .root)
            let text = "Bootstrap: localimage\nFrom: \(try Images.shared.get().sif)\n%post\ntrue\n"
            try writeFile(folder + "/a.def", Array(text.utf8), mode: 0o644)
            let built = try run("build", "a.sif", "a.def", lacking: "-sys_admin,-setuid", in: folder)
            #expect(
                built.end == .exited(255)
                    && built.standardError.contains("cannot map the ids of root without CAP_SYS_ADMIN"),
                "\(built)")
        }
    }
}
