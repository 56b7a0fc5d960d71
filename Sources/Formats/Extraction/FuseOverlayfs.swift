/// Files with which fuse-overlayfs marks where it may make no devices: an empty file `.wh.NAME` hides NAME, and `.wh..wh..opq` all
/// that lies below the directory; fuse-overlayfs(1).
package enum FuseOverlayfs {
    package static let prefix = Array(".wh.".utf8)
    package static let opaque = Array(".wh..wh..opq".utf8)

    /// The name that a file of this name hides if it is a mark: empty when it hides all; nil for any other name.
    package static func hiddenName(_ name: [UInt8]) -> [UInt8]? {
        guard name.count > prefix.count, name.starts(with: prefix) else { return nil }
        let rest = Array(name.dropFirst(prefix.count))
        if rest == [0x2E] || rest == [0x2E, 0x2E] { return nil }
        return rest.starts(with: prefix) || rest.elementsEqual(".opq".utf8) ? [] : rest
    }

    /// Whether a file with such a name is a mark: one that somebody has written to, or that has other permissions, is a file.
    package static func isMark(isFile: Bool, isWhiteout: Bool, size: UInt64, permissions: UInt32, links: UInt32) -> Bool
    {
        (isFile && size == 0 && permissions == 0o700 || isWhiteout) && links == 1
    }
}
