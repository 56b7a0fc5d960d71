package import Base
import Core
import Digest
import ImageCache
import Linux
import OCI

/// The cache entry of each address at its last use, for launches that must not use the network.
package struct NameTable {
    private let folder: String
    private let platform: String
    private let pluginFlags: String

    /// - Returns: nil without a cache.
    package init?(_ options: NetworkOptions) throws(SkiffError) {
        guard let cache = try CacheDirectory.ofUser(disabled: options.isCacheDisabled) else { return nil }
        folder = try cache.make("names")
        platform = options.platform.description
        pluginFlags = options.pluginFlagText
    }

    private func path(_ uri: ImageURI) throws(SkiffError) -> String {
        let isOurs = BuiltInTransport.words.contains(uri.transport)
        let text = "\(platform) \(uri)" + (isOurs ? "" : " \(pluginFlags)")
        return folder + "/" + (try SHA256.text(of: Array(text.utf8)).dropFirst(7))
    }

    /// Returns the path of the image, or nil when it is gone.
    package func find(_ uri: ImageURI) -> String? {
        guard let file = try? path(uri), let bytes = try? PrivateFiles.current.read(file, limit: 1 << 16) else {
            return nil
        }
        let path = String(decoding: bytes, as: UTF8.self)
        guard isPath(path, within: parentPath(folder) ?? "/"), absolutePath(path, in: "/") == path,
            CacheDirectory.ownEntry(path) != nil
        else { return nil }
        return path
    }

    package func keep(_ uri: ImageURI, _ path: String) {
        guard let file = try? self.path(uri) else { return }
        try? replaceFile(file, path)
    }
}
