import Base
import Inspect
import Linux
import OCI

/// The root file system of an image that is being made: a directory, or a tree that is still in memory. Paths begin at the
/// root, symbolic links are followed inside.
protocol ImageRoot {
    func exists(_ path: String) -> Bool
    /// A whole file; nil when there is none, or none that can be shown.
    func read(_ path: String) -> [UInt8]?
    /// The names in a directory; empty when there is none.
    func names(in path: String) throws(SkiffError) -> [String]
    /// A directory with its parents, where they are missing.
    func makeDirectories(_ path: String) throws(SkiffError)
    func write(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(SkiffError)
    /// A symbolic link. One that points elsewhere is replaced, a file or directory stays.
    func link(_ path: String, to target: String) throws(SkiffError)
    func remove(_ path: String) throws(SkiffError)
}

extension RootTree: ImageRoot {
    func read(_ path: String) -> [UInt8]? { read(path, limit: 16 << 20) }

    func names(in path: String) throws(SkiffError) -> [String] {
        guard exists(path) else { return [] }
        return try during("cannot read \(path) of the image") { () throws(Errno) in
            try top.entries(TreePath(path)).map(\.text)
        }
    }

    func makeDirectories(_ path: String) throws(SkiffError) { try makeDirectory(path) }
}

/// Layers in memory.
struct LayerRoot: ImageRoot, ImageFiles {
    let tree: LayerTree
    /// Of the files that are made, in seconds since 1970.
    let time: Int64

    func exists(_ path: String) -> Bool { tree.exists(path) }
    func read(_ path: String) -> [UInt8]? { tree.read(path) }
    func names(in path: String) -> [String] { tree.names(in: path) }
    func makeDirectories(_ path: String) throws(SkiffError) { try tree.makeDirectory(path, time: time) }

    func write(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(SkiffError) {
        try tree.write(path, bytes, mode: mode, time: time)
    }

    func link(_ path: String, to target: String) throws(SkiffError) { try tree.link(path, to: target, time: time) }
    func remove(_ path: String) { tree.remove(path) }

    // What a description is made from is small enough to be kept.
    func text(_ path: String) -> String? { tree.read(path).map { String(bytes: $0) } }
    func names(_ directory: String) -> [String] { tree.names(in: directory) }
}
