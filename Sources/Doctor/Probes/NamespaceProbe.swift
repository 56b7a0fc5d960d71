import CLinux
import Core
import Linux

/// Makes the namespaces of an ordinary user's launch, and mounts in them what a launch mounts. Sysctls alone do not tell:
/// AppArmor lets the namespace be made and takes its capabilities away.
struct NamespaceProbe {
    let isRoot: Bool

    private static let cannotMount: Int32 = 2
    private static let cannotOverlay: Int32 = 3

    func findings() -> [Finding] {
        let ended: Int32
        do throws(Errno) {
            ended = try OwnNamespace.run(Self.mounts)
        } catch {
            return [refusal("user namespaces cannot be made: \(error)", error)]
        }
        switch ended {
        case 0: return [Finding("userns", .fine, "user namespaces can be made, and overlays mounted in them")]
        case OwnNamespace.cannotMap:
            return [refusal("a user namespace is made, but its ids cannot be mapped", .notPermitted)]
        case Self.cannotMount:
            return [refusal("a user namespace is made, but nothing can be mounted in it", .accessDenied)]
        default:
            return [
                Finding("userns", .fine, "user namespaces can be made"),
                Finding(
                    "overlay", isRoot ? .note : .warning, "users cannot mount overlays",
                    effect: "missing mount targets come by an underlay; --overlay and --writable-tmpfs fail for users",
                    cure: OverlayAdvice.withheld),
            ]
        }
    }

    private func refusal(_ fact: String, _ error: Errno) -> Finding {
        Finding(
            "userns", isRoot ? .warning : .fault, fact,
            effect: isRoot ? "--userns and --fakeroot fail, and so do ordinary users" : "no container can be started",
            cure: NamespaceAdvice.hint(for: error))
    }

    /// - Returns: how far it went.
    private static func mounts() -> Int32 {
        let place = (try? status("/tmp").isDirectory) == true ? "/tmp" : "/proc"
        do throws(Errno) {
            try mountFilesystem("tmpfs", source: "skiff", at: place)
            for name in ["lower", "upper", "work", "merged"] { try makeDirectory("\(place)/\(name)", mode: 0o755) }
        } catch {
            return cannotMount
        }
        do throws(Errno) {
            let data = "lowerdir=\(place)/lower,upperdir=\(place)/upper,workdir=\(place)/work"
            do throws(Errno) {
                try mountFilesystem(
                    "overlay", source: "skiff", at: place + "/merged", data: data + ",userxattr")
            } catch .invalidArgument {
                // Memory file systems keep `user.` attributes since Linux 6.6; for reading none are needed.
                try mountFilesystem(
                    "overlay", source: "skiff", at: place + "/merged",
                    data: "lowerdir=\(place)/lower:\(place)/upper")
            }
        } catch {
            return cannotOverlay
        }
        return 0
    }
}
