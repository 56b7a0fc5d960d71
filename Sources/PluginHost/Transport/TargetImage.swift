import Base
package import Core
import Linux
import PluginAPI

/// A finished image of which a plugin makes another file; `skiff_target_image`.
package struct TargetImage: Sendable {
    /// Open for reading.
    package let file: CInt
    package let size: Int64
    /// `sha256:…`.
    package let digest: String
    /// Of the target, as the user wrote it.
    package let path: String
    package var architecture = ""
    package var root: ImageSection?

    package init(file: CInt, size: Int64, digest: String, path: String) {
        (self.file, self.size, self.digest, self.path) = (file, size, digest, path)
    }

    func withRequest<Result>(_ body: (UnsafePointer<skiff_target_image>) -> Result) -> Result {
        digest.withTerminatedBytes { digest in
            architecture.withTerminatedBytes { architecture in
                path.withTerminatedBytes { path in
                    var image = skiff_target_image()
                    image.struct_size = UInt32(MemoryLayout<skiff_target_image>.size)
                    (image.fd, image.size) = (file, UInt64(clamping: size))
                    (image.digest, image.architecture, image.path) = (digest, architecture, path)
                    if let root {
                        image.root_offset = UInt64(clamping: root.range.offset)
                        image.root_size = UInt64(clamping: min(root.range.size, size - root.range.offset))
                        image.root_filesystem = UInt32(bitPattern: root.filesystem.rawValue)
                    }
                    return withUnsafePointer(to: &image, body)
                }
            }
        }
    }
}

extension InstalledPlugins {
    /// Returns the enabled plugins that write targets of this name, those with the longest end first.
    package func plugins(writing target: String) -> [Manifest] {
        func end(_ manifest: Manifest) -> Int? {
            manifest.targets.filter(target.hasSuffix).map(\.utf8.count).max()
        }
        return enabled.filter { end($0) != nil }.sorted { (end($0) ?? 0) > (end($1) ?? 0) }
    }
}
