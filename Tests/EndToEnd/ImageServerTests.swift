import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// What programs see of the image server besides files and their content.
    @Suite(.needs(.fuse, .userNamespaces, .python)) struct ImageServerAnswers {
        /// Makes a squashfs file of the corpus image with what the script adds; the script runs in the tree.
        private static func image(_ script: String, _ options: String = "") throws -> String {
            let folder = try WorkDirectory.make(for: .current)
            try shell(
                """
                cp -a "$0" "$1/tree"; cd "$1/tree"; \(script)
                mksquashfs "$1/tree" "$1/x.sqsh" -noappend -quiet -no-progress \(options) >/dev/null; chmod 755 "$1"; rm -r "$1/tree"
                """, [try Images.shared.get().directory, folder])
            return folder + "/x.sqsh"
        }

        private static let many = Result {
            try image("mkdir many; cd many; seq 100000 | sed 's/.*/name-of-file-&/' | xargs touch")
        }

        /// Runs a Python program of the host in the image, through the image server for root, too.
        private func python(_ program: String, in image: String, as profile: Profile) throws -> Outcome {
            let binds = ["/usr", "/lib", "/lib64"].filter { isAccessible($0, F_OK) }.flatMap { ["--bind", $0] }
            return try skiffCommand(
                ["exec", "--userns"] + binds + [image, "/usr/bin/python3", "-c", program], as: profile
            ) { $0.seconds = 120 }.run()
        }

        /// A 32-bit program is refused offsets that do not fit; getdents(2), EOVERFLOW.
        @Test(arguments: Profile.allCases) func offsetsOfLargeDirectoriesFit(profile: Profile) throws {
            try need(profile)
            let image = try Self.many.get()
            let outcome = try python(
                """
                import ctypes, random
                libc = ctypes.CDLL(None, use_errno=True)
                libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
                libc.telldir.restype = ctypes.c_long
                libc.readdir.argtypes = libc.telldir.argtypes = [ctypes.c_void_p]
                libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
                d = ctypes.c_void_p(libc.opendir(b"/many"))
                def name():
                    entry = libc.readdir(d)
                    return ctypes.string_at(entry + 19) if entry else None
                places, names = [], []
                while True:
                    place = libc.telldir(d)
                    found = name()
                    if found is None: break
                    places.append(place); names.append(found)
                print(len(set(names)), max(places) < 2**31, len(set(places)))
                for index in random.sample(range(len(names)), 300):
                    libc.seekdir(d, places[index])
                    assert name() == names[index], index
                libc.seekdir(d, 0)
                print(name() in names[:1])
                """, in: image, as: profile)
            #expect(outcome.standardOutput == "100002 True 100002\nTrue\n", "\(outcome)")
        }

        @Test(.needs(.root), arguments: Profile.allCases) func attributesAreThoseOfTheKernel(profile: Profile) throws {
            try need(profile)
            let image = try Self.image(
                """
                echo x >f; python3 -c 'import os
                os.setxattr("f", "user.a", b"1"); os.setxattr("f", "trusted.b", b"2")
                os.setxattr("f", "security.capability", bytes([1, 0, 0, 2, 0, 32] + [0] * 14))'
                """)
            let outcome = try python(
                """
                import os
                print(sorted(os.listxattr("/f")), os.getxattr("/f", "user.a"))
                value = os.getxattr("/f", "security.capability")
                print(value[3], len(value), int.from_bytes(value[20:], "little"))
                for name in ["trusted.b", "user.none"]:
                    try: print(os.getxattr("/f", name))
                    except OSError as error: print(error.strerror)
                print(os.statvfs("/").f_namemax)
                """, in: image, as: profile)
            let uid = profile.record?.uid ?? 0
            let capability = profile == .user ? "3 24 \(uid)" : "2 20 0"
            #expect(
                outcome.standardOutput
                    == "['security.capability', 'user.a'] b'1'\n\(capability)\nNo data available\nNo data available\n256\n",
                "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func lzoIsRead(profile: Profile) throws {
            try need(profile)
            let image = try Self.image("seq 100000 >numbers", "-comp lzo")
            let seen = try skiff("exec", image, "sh", "-c", "md5sum </numbers", as: profile)
            let expected = try command(["/bin/sh", "-c", "seq 100000 | md5sum"]).text
            #expect(seen.standardOutput == expected, "\(seen)")
        }

        /// The fault is the image's, whichever process notices it first.
        @Test(arguments: ["version", "table", "short"]) func faultOfTheImageIsNamed(fault: String) throws {
            let image = try Self.image("true")
            var bytes = try readFile(image)
            let reason: String
            switch fault {
            case "version":
                bytes[28] = 9
                reason = "squashfs version 9.0 is not supported"
            case "table":
                bytes[69] = 1
                reason = "the squashfs image is damaged: a table lies outside of the image"
            default:
                bytes.removeLast(bytes.count / 2)
                reason = "the squashfs image is damaged: the image is shorter than its superblock says"
            }
            try writeFile(image, bytes, mode: 0o644)
            for _ in 0..<5 {
                let outcome = try skiff("exec", "--userns", image, "true", as: .current)
                #expect(outcome.end == .exited(255), "\(outcome)")
                #expect(outcome.standardError.hasPrefix("FATAL:   cannot use image \(image): \(reason)"), "\(outcome)")
                #expect(!outcome.standardError.contains("/dev/fuse"), "\(outcome)")
            }
        }
    }
}
