import CLinux
import ELF
import Linux

/// The two halves of a GPU's driver: device nodes of the kernel's half, libraries of the user's.
package struct GraphicsProbe {
    private static let cache = "/etc/ld.so.cache"
    private let root: String

    /// - Parameter root: where /dev and /etc are looked for, for tests.
    package init(below root: String = "") { self.root = root }

    package func findings() -> [Finding] {
        let (hasNode, libraries) = (exists("/dev/nvidiactl"), libraryNames())
        guard let libraries else {
            return hasNode || exists("/dev/kfd")
                ? [
                    Finding(
                        "gpu", .warning, "\(Self.cache) cannot be read",
                        effect: "--nv finds no libraries of the driver",
                        cure: "ldconfig as root")
                ] : []
        }
        var found: [Finding] = []
        switch (hasNode, libraries.contains("libcuda.so.1")) {
        case (true, true): found.append(Finding("gpu", .fine, "NVIDIA driver: device nodes and libraries"))
        case (true, false):
            found.append(
                Finding(
                    "gpu", .warning, "there is /dev/nvidiactl, but no libcuda.so.1 in \(Self.cache)",
                    effect: "programs in the container find no driver",
                    cure: "ldconfig as root; if that does not help, install libcuda1 or the driver's libraries"))
        case (false, true):
            found.append(
                Finding(
                    "gpu", .warning, "there is libcuda.so.1, but no /dev/nvidiactl",
                    effect: "--nv has no device to hand in", cure: "nvidia-modprobe -u -c=0 as root"))
        case (false, false): break
        }
        for node in ["/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dri/renderD128"]
        where exists(node) && !isAccessible(root + node, R_OK | W_OK) {
            found.append(
                Finding(
                    "gpu", .warning, "\(node) is kept from this user", effect: "programs cannot use the device",
                    cure: "usermod -a -G video,render, with the user's name, as root"))
        }
        return found
    }

    private func exists(_ path: String) -> Bool { isAccessible(root + path, F_OK) }

    private func libraryNames() -> Set<String>? {
        guard let bytes = try? readFile(root + Self.cache, limit: 1 << 26) else { return nil }
        var names: Set<String> = []
        do throws(LinkerCache.Malformed) {
            try LinkerCache.read(bytes) { name, _ in names.insert(String(bytes: name)) }
        } catch {
            return nil
        }
        return names
    }
}
