import Base
import CLinux
package import Linux

/// Why the kernel refused namespaces, and what the administrator can do: the sysctls that distributions use to withhold
/// them. The error number by itself tells users nothing.
package enum NamespaceAdvice {
    /// - Parameter root: where /proc is looked for, for tests.
    package static func hint(for error: Errno, below root: String = "") -> String? {
        func value(_ path: String) -> String? { Self.value(root + path) }
        switch error {
        case .noSpace:
            return "The limit of namespaces is reached: raise /proc/sys/user/max_user_namespaces"
        case .notPermitted, .accessDenied:
            if value("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
                return "User namespaces are switched off: sysctl -w kernel.unprivileged_userns_clone=1 as root"
            }
            if value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
                return
                    "AppArmor restricts user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 as "
                    + "root, or load an AppArmor profile for skiff that allows userns"
            }
            if value("/proc/sys/user/max_user_namespaces") == "0" {
                return "User namespaces are switched off: sysctl -w user.max_user_namespaces=15000 as root"
            }
            return "User namespaces are refused here, as in a chroot or under a seccomp filter of another container"
        default: return nil
        }
    }

    static func failure(_ error: Errno) -> SkiffError {
        SkiffError("cannot make the container's namespaces", errno: error, hint: hint(for: error))
    }

    private static func value(_ path: String) -> String? {
        guard let bytes = try? readFile(path, limit: 64) else { return nil }
        return String(bytes: bytes.prefix { $0 != 0x0A })
    }
}
