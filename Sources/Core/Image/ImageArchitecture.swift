import Base
import Linux

extension ImageSource {
    /// Refuses an image that this processor cannot run, unless an emulator is registered for it; binfmt_misc.
    borrowing func checkArchitecture() throws(SkiffError) {
        let host = SIFArchitecture.host
        guard architecture.code != 0, host.code != 0, architecture != host else { return }
        // 32-bit programs of the same family run where the kernel has them.
        if (architecture.name, host.name) == ("386", "amd64") || (architecture.name, host.name) == ("arm", "arm64") {
            return
        }
        if Self.hasEmulator(for: architecture) { return }
        throw SkiffError(
            "the image's architecture (\(architecture.name)) could not run on the host's (\(host.name))",
            hint: "An emulator registered with binfmt_misc, as of the package qemu-user-static, makes it run")
    }

    private static func hasEmulator(for architecture: SIFArchitecture) -> Bool {
        let emulator: String
        switch architecture.name {
        case "386": emulator = "i386"
        case "amd64": emulator = "x86_64"
        case "arm64": emulator = "aarch64"
        case "mipsle": emulator = "mipsel"
        case "mips64le": emulator = "mips64el"
        case "loong64": emulator = "loongarch64"
        default: emulator = architecture.name
        }
        let entry = try? readFile("/proc/sys/fs/binfmt_misc/qemu-\(emulator)", limit: 4096)
        return entry?.starts(with: "enabled\n".utf8) ?? false
    }
}
