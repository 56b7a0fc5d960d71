import Base
import Linux
import OCI

/// The root file system of an image of layers, in memory.
final class LayerRoot: UnfinishedRoot, ImageFiles {
    private let tree: LayerTree
    var time: Int64 = 0

    init(_ tree: LayerTree) { self.tree = tree }

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
