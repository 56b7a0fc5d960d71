import Extfs
import Extraction
import SquashfsWriter

/// What the dialects of overlays say about a file: root's overlayfs with `trusted.overlay.*`, that of users with `user.overlay.*`,
/// fuse-overlayfs with `user.fuseoverlayfs.*` and empty files named `.wh.NAME`.
enum Marks {
    private static let prefixes = ["trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."].map { Array($0.utf8) }

    /// An attribute of a file, without those of overlays.
    struct Found {
        var isOpaque = false
        /// `redirect` or `metacopy`: content that lies elsewhere.
        var refers: String?
        var kept: [TreeEntry.Xattr] = []
        /// How many squashfs cannot keep: POSIX ACLs.
        var lost = 0
    }

    static func read(_ attributes: [ExtendedAttribute]) -> Found {
        var found = Found()
        for attribute in attributes {
            if let prefix = prefixes.first(where: { attribute.name.starts(with: $0) }) {
                let name = String(decoding: attribute.name.dropFirst(prefix.count), as: UTF8.self)
                if name == "opaque" && attribute.value == [0x79] { found.isOpaque = true }
                if name == "redirect" || name == "metacopy" { found.refers = name }
            } else if ["user.", "trusted.", "security."].contains(where: { attribute.name.starts(with: $0.utf8) }) {
                found.kept.append(TreeEntry.Xattr(name: attribute.name, value: attribute.value))
            } else {
                found.lost += 1
            }
        }
        return found
    }

    /// For whoever mounts it: root's overlayfs with and without `userxattr`, users', and fuse-overlayfs, which reads both.
    static let opaque = ["trusted.overlay.opaque", "user.overlay.opaque"].map {
        TreeEntry.Xattr(name: Array($0.utf8), value: [0x79])
    }

    /// The name of what a file of fuse-overlayfs hides; empty when it hides all. Nil for any other file.
    static func hiddenName(_ name: [UInt8], _ node: SourceNode<UInt32>) -> [UInt8]? {
        guard let hidden = FuseOverlayfs.hiddenName(name) else { return nil }
        let isMark = FuseOverlayfs.isMark(
            isFile: node.kind == .file, isWhiteout: isWhiteout(node), size: node.size,
            permissions: node.permissions, links: node.links)
        return isMark ? hidden : nil
    }

    static func isWhiteout(_ node: SourceNode<UInt32>) -> Bool {
        node.kind == .characterDevice && node.major == 0 && node.minor == 0
    }
}
