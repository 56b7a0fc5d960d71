import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What the host does to overlays: disks that are full or read-only, and file systems that cannot do all.
    @Suite(.needs(.root, .user, .fuse, .overlay, .mke2fs)) struct OverlayHosts {
        /// A directory where root has something mounted for the profile, in a mount namespace of its own.
        private struct Place {
            let overlay: ImageOverlay
            /// What root runs before; `$0` is the directory.
            let mounts: String

            init(_ profile: Profile, _ mounts: String) throws {
                (overlay, self.mounts) = (try ImageOverlay(profile), mounts)
                try overlay.run("mkdir \(overlay.folder)/on \(overlay.folder)/upper")
            }

            /// Runs a script in the directory; in it `$skiff` is the program and `$image` the image below.
            func run(_ script: String) throws -> Outcome {
                let words = try skiffCommand([], as: overlay.profile)
                let text = "cd \"$0\" && { \(mounts); } && cd on && exec \"$@\""
                var command = Command(
                    ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", text, overlay.folder] + overlay.profile.switching
                        + [
                            "/bin/sh", "-c",
                            "PATH=$PATH:/sbin; skiff=\(words.words[0]); image=\(try ImageOverlay.sif()); \(script)",
                        ],
                    as: .root)
                command.environment = words.environment
                return try command.run()
            }
        }

        /// An image with holes, for which there is no room: who writes is told, deleting makes room, and no part is lost.
        @Test(.cleanHost, arguments: Profile.allCases) func fullDiskSaysSo(profile: Profile) throws {
            let place = try Place(profile, "mount -t tmpfs -o size=16m,mode=777 tmpfs on")
            try writeFile(
                place.overlay.folder + "/fill",
                Array(
                    """
                    \(ImageOverlay.commands)
                    dd if=/dev/zero of=/big bs=64k count=600 2>&1
                    mkdir /made; i=0; while [ $i -lt 50 ]; do echo x >/made/$i; i=$((i + 1)); done 2>&1
                    rm /big && echo removed; echo again >/etc/again && cat /etc/again
                    """.utf8), mode: 0o644)
            let outcome = try place.run(
                """
                $skiff overlay create --sparse o.img
                $skiff exec --no-home -B ../fill:/fill --overlay o.img $image sh /fill; echo ended $?
                e2fsck -fn o.img >&2 && echo sound; $skiff exec --no-home --overlay o.img $image cat /etc/again
                """)
            #expect(outcome.standardOutput.contains("No space left on device"), "\(outcome)")
            #expect(outcome.standardOutput.hasSuffix("removed\nagain\nended 0\nsound\nagain\n"), "\(outcome)")
        }

        /// Everything is killed while the disk is full: what was synchronized is there, and the overlay can be emptied.
        @Test(.cleanHost, arguments: Profile.allCases) func fullDiskAndAKill(profile: Profile) throws {
            let place = try Place(
                profile,
                "truncate -s 26M disk && mkfs.ext4 -q disk && mount -o loop disk on && mkdir -m 777 on/own")
            let fill = "echo kept >/etc/kept; sync; dd if=/dev/zero of=/big bs=64k count=640; echo full; exec sleep 100"
            try writeFile(
                place.overlay.folder + "/fill", Array("\(ImageOverlay.commands)\n\(fill)\n".utf8), mode: 0o644)
            try writeFile(
                place.overlay.folder + "/empty",
                Array(
                    "\(ImageOverlay.commands)\nmkdir /made; cat /etc/kept; rm /big && echo removed; echo again >/etc/again\n"
                        .utf8),
                mode: 0o644)
            let outcome = try place.run(
                """
                cd own; $skiff overlay create --sparse o.img; : >said
                setsid $skiff exec --no-home -B ../../fill:/fill --overlay o.img $image sh /fill >said 2>&1 & group=$!
                until grep -q full said; do sleep 0.05; done
                grep -o 'No space left on device' said
                pids=$($skiff exec --overlay o.img $image true 2>&1 | grep -o 'process [0-9]*' | tr -dc '0-9\n')
                kill -9 $pids -$group
                until flock -n o.img true; do sleep 0.05; done
                $skiff exec --no-home -B ../../empty:/empty --overlay o.img $image sh /empty; echo ended $?
                e2fsck -fn o.img >&2 && echo sound; $skiff exec --no-home --overlay o.img $image cat /etc/again
                """)
            #expect(
                outcome.standardOutput == "No space left on device\nkept\nremoved\nended 0\nsound\nagain\n",
                "\(outcome)")
        }

        @Test(.cleanHost, arguments: Profile.allCases) func readOnlyDiskIsOnlyRead(profile: Profile) throws {
            let place = try Place(profile, "mount --bind . on && mount -o remount,ro,bind on")
            #expect(try place.overlay.sh("echo kept >/etc/kept").isSuccess)
            let outcome = try place.run(
                """
                $skiff exec --no-home --overlay overlay.img $image sh -c 'cat /etc/kept; echo no >/etc/no'
                $skiff exec --no-home --overlay upper $image sh -c 'echo no >/etc/no'
                for verb in create\\ new.img repair\\ overlay.img seal\\ overlay.img; do $skiff overlay $verb; echo $?; done
                $skiff overlay check overlay.img >/dev/null && echo sound
                """)
            #expect(outcome.standardOutput == "kept\n255\n255\n255\nsound\n", "\(outcome)")
            for text in [
                "Overlay overlay.img is not writable, using it read-only",
                "Overlay upper is not writable, using it read-only",
                "cannot open overlay.img: read-only file system",
            ] { #expect(outcome.standardError.contains(text), "\(text): \(outcome)") }
            try place.overlay.expectSound()
        }

        /// A container in a container, for instance: a directory cannot be written by a second overlay, an image can.
        @Test(.cleanHost, arguments: Profile.allCases) func liesOnAnOverlay(profile: Profile) throws {
            let place = try Place(
                profile, "mkdir l u w; chmod 777 u; mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay on")
            let outcome = try place.run(
                """
                mkdir d d/upper; echo lower >d/upper/seen
                $skiff exec --no-home --overlay d $image true; echo $?
                $skiff exec --no-home --overlay d:ro $image cat /seen
                $skiff overlay create --sparse o.img && $skiff exec --no-home --overlay o.img $image sh -c 'echo a >/etc/a'
                $skiff exec --no-home --overlay o.img:ro $image cat /etc/a; e2fsck -fn o.img >/dev/null 2>&1 && echo sound
                """)
            #expect(outcome.standardOutput == "255\nlower\na\nsound\n", "\(outcome)")
            #expect(
                outcome.standardError.contains(
                    "cannot write to overlay d: its file system is overlay, where overlayfs can only read"),
                "\(outcome)")
        }

        /// Of two overlays in a SIF the last is written; what changes one overlay wants to know which.
        @Test(.cleanHost, arguments: Profile.allCases) func twoInOneImage(profile: Profile) throws {
            let place = try Place(profile, "mount -t tmpfs -o size=400m,mode=777 tmpfs on")
            let outcome = try place.run(
                """
                cp $image two.sif; chmod 644 two.sif
                $skiff overlay create --sparse two.sif && $skiff exec --writable two.sif sh -c 'echo 1 >/etc/one; echo 1 >/etc/both'
                $skiff overlay create --sparse o.img && $skiff exec --overlay o.img $image sh -c 'echo 2 >/etc/two; echo 2 >/etc/both'
                $skiff sif add --datatype 4 --parttype 4 --partfs 2 --partarch 2 --groupid 1 two.sif o.img
                $skiff exec two.sif cat /etc/one /etc/two /etc/both
                $skiff exec --writable two.sif sh -c 'echo 3 >/etc/one' && $skiff exec two.sif cat /etc/one
                for verb in create seal check; do $skiff overlay $verb two.sif; done; $skiff exec two.sif cat /etc/one
                """)
            #expect(outcome.standardOutput == "1\n2\n2\n3\n3\n", "\(outcome)")
            for text in [
                "a writable overlay partition already exists in two.sif",
                "cannot seal the overlay of two.sif: objects 4 and 5 are both writable overlays",
                "cannot check the overlay of two.sif: objects 4 and 5 are both writable overlays",
            ] { #expect(outcome.standardError.contains(text), "\(text): \(outcome)") }
        }

        /// Network file systems may know no locks (ENOLCK): who reads does without, who writes is refused.
        @Test(.cleanHost, .needs(.strace), arguments: Profile.allCases) func withoutLocks(profile: Profile) throws {
            let place = try Place(profile, "mount --bind . on")
            let outcome = try place.run(
                """
                lacking() {
                    strace -f -o t -e trace=fcntl $skiff exec --no-home --overlay overlay.img$1 $image true
                    thread=$(grep -m 1 F_OFD_SETLK t | cut -d' ' -f1)
                    number=$(grep "^$thread " t | grep 'fcntl(' | grep -n -m 1 F_OFD_SETLK | cut -d: -f1)
                    strace -f -o t -e trace=fcntl -e inject=fcntl:error=ENOLCK:when=$number $skiff exec --no-home --overlay overlay.img$1 $image echo ran
                }
                lacking ''; lacking :ro
                """)
            #expect(outcome.standardOutput == "ran\n", "\(outcome)")
            #expect(
                outcome.standardError.contains(
                    "cannot lock \(place.overlay.folder)/on/overlay.img: no locks available"), "\(outcome)")
            try place.overlay.expectSound()
        }
    }
}
