import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// An image that makes the kernel execute skiff itself, in order to write to its file: CVE-2019-5736.
    @Suite struct OwnProgram {
        /// A sandbox whose programs are skiff, through every way that the kernel has to find an interpreter.
        private static let image = Result { () throws -> String in
            let folder = try WorkDirectory.make(for: .current) + "/image"
            try shell(
                """
                cp -a "$0" "$1"; cd "$1/bin"
                printf '#!/proc/self/exe\\n' >script; printf '#!/proc/self/fd/0\\n' >descriptor
                printf '#!/bin/script\\n' >chain; ln -s /proc/self/exe link; printf '#!/bin/link --x\\n' >linked
                printf '#!/proc/thread-self/exe\\n' >thread; printf '#!/proc/self/root/proc/self/exe\\n' >root
                printf '#!/proc/self/exe\\0x\\n' >nul; cp cat unread
                for next in 2 3 4 5; do printf "#!/bin/chain$next\\n" >chain$((next - 1)); done; printf '#!/bin/near\\n' >chain5
                chmod 755 script descriptor chain* linked thread root nul; chmod -R a+rX "$1"/..; chmod 111 unread
                """, [try Images.shared.get().directory, folder])
            try writeFile(folder + "/bin/near", elf(padding: 0), mode: 0o755)
            try writeFile(folder + "/bin/far", elf(padding: 3_000_000), mode: 0o755)
            // The kernel looks neither at the class nor at the byte order, and takes a table of 65536 bytes.
            try writeFile(folder + "/bin/claims", elf(padding: 0, claims: [1, 2]), mode: 0o755)
            try writeFile(folder + "/bin/many", elf(padding: 0, segments: 1170), mode: 0o755)
            return folder
        }

        /// Returns a 64-bit program whose interpreter is /proc/self/exe, `padding` bytes after its headers.
        /// - Parameter segments: of which the last two are used.
        private static func elf(padding: Int, claims: [UInt8] = [2, 1], segments: Int = 2) -> [UInt8] {
            func number(_ value: UInt64, _ size: Int) -> [UInt8] {
                (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
            }
            #if arch(arm64)
            let machine: UInt64 = 183
            #else
            let machine: UInt64 = 62
            #endif
            let interpreter = Array("/proc/self/exe\0".utf8)
            let place = UInt64(64 + segments * 56 + padding)
            var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46] + claims + [1] + [UInt8](repeating: 0, count: 9)
            bytes += number(3, 2) + number(machine, 2) + number(1, 4) + number(0x1000, 8) + number(64, 8) + number(0, 8)
            bytes += number(0, 4) + number(64, 2) + number(56, 2) + number(UInt64(segments), 2)
            bytes += number(64, 2) + number(0, 4) + [UInt8](repeating: 0, count: 56 * (segments - 2))
            let size = UInt64(interpreter.count)
            bytes += number(3, 4) + number(4, 4) + number(place, 8) + number(0, 16) + number(size, 8) + number(size, 8)
            bytes += number(1, 8)
            bytes += number(1, 4) + number(5, 4) + number(0, 24) + number(0x1000, 16) + number(0x1000, 8)
            return bytes + [UInt8](repeating: 0, count: padding) + interpreter + [UInt8](repeating: 0, count: 0x2000)
        }

        @Test(arguments: Profile.allCases, [[], ["--pid"], ["--fakeroot"], ["--userns"]])
        func isNeverExecuted(profile: Profile, flags: [String]) throws {
            try need(profile)
            if profile == .user || !flags.isEmpty { try need(.userNamespaces) }
            let image = try Self.image.get()
            for program in [
                "script", "descriptor", "chain", "chain1", "linked", "thread", "root", "near", "far", "nul", "claims",
                "many",
            ] {
                let outcome = try skiffCommand(["exec"] + flags + [image, program, "--version"], as: profile).run()
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(program) \(outcome)")
                #expect(outcome.standardError.contains("leads out of the image"), "\(program) \(outcome)")
            }
            for program in ["link", "/proc/self/exe", "/bin/link"] {
                let outcome = try skiffCommand(["exec"] + flags + [image, program, "--version"], as: profile).run()
                #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(program) \(outcome)")
            }
            let good = try skiffCommand(["exec"] + flags + [image, "sh", "-c", "echo fine"], as: profile).run()
            #expect(good.standardOutput == "fine\n", "\(good)")
        }

        /// The kernel reads what the user may only execute. A skiff that belongs to the user could be written to then.
        @Test func unreadableProgramsAreRefused() throws {
            try need(Profile.user)
            let own = try WorkDirectory.make(for: .user) + "/own"
            let copied = try Command(["/bin/cp", "-r", Stage.shared.get().prefix, own], as: .user).run()
            #expect(copied.isSuccess, "\(copied)")
            var command = try skiffCommand(["exec", try Self.image.get(), "unread", "--version"], as: .user)
            if effectiveUID() == 0 {
                #expect(try !command.run().standardError.contains("executed but not read"))
            }
            command.words[0] = own + "/bin/skiff"
            let outcome = try command.run()
            #expect(outcome.end == .exited(255) && outcome.standardOutput.isEmpty, "\(outcome)")
            #expect(outcome.standardError.contains("it may be executed but not read"), "\(outcome)")
        }
    }
}
