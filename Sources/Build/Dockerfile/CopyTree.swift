import Dockerfile
import Linux

/// A tree that COPY reads: the build context without what is ignored, or the root of a stage or image. No link in it leads
/// out of it.
struct CopyTree: CopySource {
    let root: TreeRoot
    var ignored = IgnoreFile()

    /// Returns what is at a path. A link there is not followed.
    func open(_ path: [UInt8], _ flags: OpenFlags) throws(Errno) -> OwnedFD {
        try root.open(TreePath(path), flags, links: .lastKept)
    }

    /// Of the path itself, links not followed.
    func status(_ path: [UInt8]) throws(Errno) -> FileStatus {
        let file = try open(path, .pathOnly)
        return try Linux.status(of: file.raw)
    }

    func kind(_ path: String) -> SourceKind? {
        guard let file = try? open(Array(path.utf8), .pathOnly),
            let found = try? Linux.status(of: file.raw)
        else { return nil }
        if found.isDirectory { return includes(Array(path.utf8), isDirectory: true) ? .directory : nil }
        guard includes(Array(path.utf8), isDirectory: false) else { return nil }
        guard found.isSymlink else { return .file }
        guard let target = try? readLink(ofOpen: file.raw) else { return nil }
        return .link(target: target.text)
    }

    func names(_ path: String) -> [String] {
        ((try? names(Array(path.utf8))) ?? []).compactMap { String(validating: $0, as: UTF8.self) }
            .filter { kind((path == "/" ? "" : path) + "/" + $0) != nil }
    }

    func names(_ path: [UInt8]) throws(Errno) -> [[UInt8]] {
        let folder = try open(path, [.read, .directory])
        return try entries(of: folder.raw).map(\.name).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Whether a path exists for COPY. An ignored directory does if a later pattern takes something in it.
    ///
    /// - Parameter path: absolute in the tree.
    func includes(_ path: [UInt8], isDirectory: Bool) -> Bool {
        if ignored.rules.isEmpty || path.allSatisfy({ $0 == 0x2F }) { return true }
        guard ignored.ignores(Array(path.drop { $0 == 0x2F }).text) else { return true }
        guard isDirectory, ignored.mayReinclude, let names = try? names(path) else { return false }
        return names.contains { name in
            let child = path + [0x2F] + name
            guard let found = try? status(child) else { return false }
            return includes(child, isDirectory: found.isDirectory)
        }
    }
}
