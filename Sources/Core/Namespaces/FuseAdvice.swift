import CLinux
import Linux

/// Why /dev/fuse cannot be used, and what the administrator can do.
package enum FuseAdvice {
    /// Returns nil when it can be opened.
    package static func problem() -> (fact: String, cure: String)? {
        do throws(Errno) {
            _ = try open("/dev/fuse", O_RDWR)
            return nil
        } catch {
            return ("/dev/fuse cannot be opened: \(error)", cure(for: error))
        }
    }

    static func cure(for error: Errno) -> String {
        switch error {
        case .noSuchFile, .noSuchDevice, .noDeviceOrAddress:
            "modprobe fuse as root; in a container of Docker, Podman or Kubernetes hand in the device: --device /dev/fuse"
        case .notPermitted: "the device is kept from this container or session: start it with --device /dev/fuse"
        default: "chmod 666 /dev/fuse as root"
        }
    }
}

/// Why overlays are withheld from users.
package enum OverlayAdvice {
    package static let withheld = "Users may mount overlays since Linux 5.11; before, only root may"
}
