import Base
import CLinux
import Linux

extension SecurityLabel {
    /// Whether this kernel runs the module; apparmor(7), selinux(8).
    var isAvailable: Bool {
        switch self {
        case .appArmor:
            (try? readFile("/sys/module/apparmor/parameters/enabled", limit: 16))?.first == UInt8(ascii: "Y")
        case .seLinux:
            (try? readFile("/proc/filesystems", limit: 1 << 16)).map {
                String(bytes: $0).split(separator: "\n").contains { $0.hasSuffix("\tselinuxfs") }
            } ?? false
        }
    }

    /// PROC_SUPER_MAGIC of linux/magic.h.
    private static let procMagic: UInt64 = 0x9FA0

    /// Has the next exec of this process, and of processes that it forks until then, start under the label;
    /// proc_pid_attr(5). Called while /proc is the host's: an image could have a directory of that name, to which writing
    /// does nothing (CVE-2019-16884). The kernel's answer is read back.
    func takeEffectAtExec() throws(SkiffError) {
        let (value, text) = (value, text)
        let place = try during("failed to apply security configuration: cannot set \(text)") { () throws(Errno) in
            let place = try open()
            guard try filesystemType(of: place.raw) == Self.procMagic else { throw .notPermitted }
            // One write; AppArmor's has a command word.
            let bytes: [UInt8]
            if case .appArmor = self { bytes = Array("exec ".utf8) + value.bytes } else { bytes = value.bytes }
            try writeFully(place.raw, bytes)
            let written = try open()
            return try readToEnd(written.raw, limit: 1 << 12)
        }
        // AppArmor adds the mode, ` (enforce)`; SELinux may end with NUL or a line feed.
        let answer = place.prefix { $0 != 0 && $0 != 0x0A }
        let isThere = answer.elementsEqual(value.bytes) || answer.starts(with: value.bytes + Array(" (".utf8))
        guard isThere else {
            throw SkiffError(
                "failed to apply security configuration: the kernel did not take \(text) but says "
                    + "'\(String(bytes: Array(answer)))'")
        }
    }

    private func open() throws(Errno) -> OwnedFD {
        if case .appArmor = self, let own = try? Linux.open("/proc/self/attr/apparmor/exec", O_RDWR) { return own }
        return try Linux.open("/proc/self/attr/exec", O_RDWR)
    }
}
