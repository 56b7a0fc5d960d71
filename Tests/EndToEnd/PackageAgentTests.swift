import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Bases from packages (Docs/spec/deffile.md §2). Scripts play the tools of other distributions and write down how
    /// they were called.
    @Suite struct PackageAgents {
        private func build(
            _ header: String, in folder: String, as profile: Profile, change: (inout Command) -> Void = { _ in }
        ) throws -> Outcome {
            try writeFile(folder + "/image.def", Array(header.utf8), mode: 0o644)
            return try skiff("build", "-F", folder + "/image.sif", folder + "/image.def", as: profile) {
                change(&$0)
                $0.environment["APPTAINER_CACHEDIR"] = folder + "/cache"
            }
        }

        @Test(arguments: Profile.allCases) func busyboxComesFromTheWeb(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            let server = try WebServer(Stage.shared.get().prefix + "/libexec/skiff")
            defer { try? server.stop() }
            let header = "Bootstrap: busybox\nMirrorURL: \(server.address)/sh\n%post\nid -u > /made\n"
            let outcome = try build(header, in: folder, as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            let seen = try skiff(
                "exec", folder + "/image.sif", "sh", "-c", "cat /made; readlink /bin/ls; head -n 1 /etc/passwd",
                as: profile)
            #expect(seen.standardOutput == "0\n/bin/busybox\nroot:!:0:0:root:/root:/bin/sh\n", "\(seen)")
            let missing = try build("Bootstrap: busybox\nMirrorURL: \(server.address)/no\n", in: folder, as: profile)
            #expect(missing.end == .exited(255) && missing.standardError.contains("answered 404"), "\(missing)")
        }

        @Test(.needs(.debootstrap), arguments: Profile.allCases) func debootstrapFillsTheRoot(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let mirror = try WorkDirectory.make(for: .current)
            let shell = try Stage.shared.get().prefix + "/libexec/skiff/sh"
            let architecture = try Command(["/usr/bin/dpkg", "--print-architecture"], as: .current).run().line
            let prepared = try Command(
                [Stage.repository + "/Tests/Inside/tiny-debian", mirror, shell, architecture], as: .current
            ).run()
            #expect(prepared.isSuccess, "\(prepared)")
            let server = try WebServer(mirror + "/mirror")
            defer { try? server.stop() }
            let header =
                "Bootstrap: debootstrap\nOSVersion: tiny\nMirrorURL: \(server.address)\nInclude: extra\n"
                + "%post\ncat /etc/debian_version /second-stage > /made\n"
            let outcome = try build(header, in: folder, as: profile) {
                $0.environment["DEBOOTSTRAP_DIR"] = mirror + "/debootstrap"
                $0.seconds = 60
            }
            #expect(outcome.isSuccess, "\(outcome)")
            let seen = try skiff(
                "exec", folder + "/image.sif", "sh", "-c", "cat /made; ls /usr/share; cat /.singularity.d/runscript",
                as: profile)
            #expect(seen.standardOutput == "tiny\nminbase\napt\nextra\n#!/bin/sh\n", "\(seen)")
        }

        /// Puts a root file system where it is told to, and into it a record of how it was called.
        private static let played = """
            #!/bin/sh
            for word; do case $before in --installroot|--root) root=$word;; esac; before=$word
                case $word in /*/rootfs) root=$word;; esac; done
            [ -d "$root" ] || root=/tmp
            mkdir -p "$root/bin"
            cp SHELL "$root/bin/busybox"; ln -sf busybox "$root/bin/sh"; ln -sf busybox "$root/bin/cat"
            echo "${0##*/} $*" | sed "s|$root|ROOT|g" >> "$root/calls"

            """

        @Test(arguments: [
            (
                "Bootstrap: dnf\nOSVersion: 9\nMirrorURL: http://m/%{osversion}/os\nInclude: vim\nSetOpt: a=b\n",
                """
                dnf --noplugins -c ROOT/etc/bootstrap-yum.conf --installroot ROOT --releasever=9 -y --setopt=a=b \
                install /etc/redhat-release coreutils vim

                """
            ),
            (
                "Bootstrap: zypper\nMirrorURL: http://m\nOSVersion: 15\n",
                """
                zypper --root ROOT --non-interactive --gpg-auto-import-keys --releasever=15 addrepo http://m repo
                zypper --root ROOT --non-interactive --gpg-auto-import-keys --releasever=15 refresh
                zypper --root ROOT --non-interactive --gpg-auto-import-keys --releasever=15 install \
                --auto-agree-with-licenses --download-in-advance aaa_base

                """
            ),
        ])
        func toolsAreCalled(header: String, calls: String) throws {
            let profile = Profile.current
            let folder = try WorkDirectory.make(for: profile)
            let shell = try Stage.shared.get().prefix + "/libexec/skiff/sh"
            for name in ["dnf", "rpm", "zypper"] {
                let text = Self.played.replacing("SHELL", with: shell)
                try writeFile(folder + "/" + name, Array(text.utf8), mode: 0o755)
            }
            let outcome = try build(header + "%post\ncat /calls > /made\n", in: folder, as: profile) {
                $0.environment["PATH"] = folder + ":" + ($0.environment["PATH"] ?? "")
            }
            #expect(outcome.isSuccess, "\(outcome)")
            let seen = try skiff("exec", folder + "/image.sif", "cat", "/made", as: profile)
            #expect(seen.standardOutput == calls, "\(seen)")
        }

        /// Builds with programs in front of PATH that are played by these lines of shell.
        private func build(_ header: String, playing lines: [String: String], in folder: String, as profile: Profile)
            throws -> Outcome
        {
            let shell = try Stage.shared.get().prefix + "/libexec/skiff/sh"
            for (name, text) in lines {
                try writeFile(
                    folder + "/" + name, Array("#!/bin/sh\n\(text.replacing("SHELL", with: shell))\n".utf8), mode: 0o755
                )
            }
            return try build(header, in: folder, as: profile) {
                $0.environment["PATH"] = folder + ":" + ($0.environment["PATH"] ?? "")
            }
        }

        private static let fill =
            "mkdir -p $root/bin; cp SHELL $root/bin/busybox; ln -sf busybox $root/bin/sh; ln -sf busybox $root/bin/cat"

        /// Debian's rpm would leave the package records in the caller's home.
        @Test(arguments: Profile.allCases) func theRPMDatabaseIsWhereTheImageLooksForIt(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let folder = try WorkDirectory.make(for: profile)
            let outcome = try build(
                "Bootstrap: dnf\nOSVersion: 9\nMirrorURL: http://m\n",
                playing: [
                    "rpm": "echo \"$HOME/.rpmdb\"",
                    "dnf": "while [ $# -gt 0 ]; do [ $1 != --installroot ] || root=$2; shift; done\n\(Self.fill)\n"
                        + "cp $HOME/.rpmmacros $root/macros",
                ], in: folder, as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
            let seen = try skiff("exec", folder + "/image.sif", "cat", "/macros", as: profile)
            #expect(seen.standardOutput == "%_dbpath /var/lib/rpm\n", "\(seen)")
        }

        /// pacstrap makes mounts that root of a user namespace cannot; pacman itself runs there.
        @Test(.needs(.user, .userNamespaces)) func aUserInstallsArchWithoutItsMounts() throws {
            let folder = try WorkDirectory.make(for: .user)
            let outcome = try build(
                "Bootstrap: arch\nInclude: base vim\n",
                playing: [
                    "pacstrap": "exit 1", "arch-chroot": "exit 1",
                    "pacman":
                        "root=$2\n\(Self.fill)\necho x > $root/dev/null || exit 1\ntest -e $root/proc/self || exit 1\n"
                        + "printf '#!/bin/sh\\necho \"$*\" >> /keys\\n' > $root/bin/pacman-key\n"
                        + "chmod 755 $root/bin/pacman-key\nshift 4\necho \"$*\" > $root/call",
                ], in: folder, as: .user)
            #expect(outcome.isSuccess, "\(outcome)")
            let seen = try skiff("exec", folder + "/image.sif", "cat", "/call", "/keys", as: .user)
            #expect(seen.standardOutput == "--noconfirm -Sy base vim\n--init\n--populate archlinux\n", "\(seen)")
        }

        @Test func missingToolsAreNamed() throws {
            let folder = try WorkDirectory.make(for: .current)
            guard !isAccessible("/usr/bin/pacstrap", X_OK) else { return }
            let outcome = try build("Bootstrap: arch\n", in: folder, as: .current)
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(outcome.standardError.contains("pacstrap is not in PATH. Install the Debian package arch-install"))
        }
    }
}
