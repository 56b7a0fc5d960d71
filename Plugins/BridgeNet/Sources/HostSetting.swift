import Glibc
import PluginAPI
import PluginKit

/// Files of /proc by which the kernel is told something.
enum HostSetting {
    /// Writes in one go; nothing where it is so already.
    static func write(_ text: String, _ path: String) throws(PluginError) {
        let bytes = Array(text.utf8)
        if (try? Host.read(path, limit: 64))?.starts(with: bytes) == true { return }
        let file = open(path, O_WRONLY | O_CLOEXEC)
        defer { if file >= 0 { _ = close(file) } }
        guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count else {
            throw PluginError("cannot write \(path)", errno: errno, status: SKIFF_E_SYSTEM)
        }
    }
}
