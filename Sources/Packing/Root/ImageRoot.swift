package import Base
import Linux

/// The root file system of an image that is being made: a directory, or a tree that is still in memory. Paths begin at the
/// root, symbolic links are followed inside.
package protocol ImageRoot {
    func exists(_ path: String) -> Bool
    /// Returns a whole file, or nil when there is none, or none that can be shown.
    func read(_ path: String) -> [UInt8]?
    /// Returns the names in a directory; empty when there is none.
    func names(in path: String) throws(SkiffError) -> [String]
    /// Makes a directory with its parents, where they are missing.
    func makeDirectories(_ path: String) throws(SkiffError)
    func write(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(SkiffError)
    /// Makes a symbolic link. One that points elsewhere is replaced, a file or directory stays.
    func link(_ path: String, to target: String) throws(SkiffError)
    func remove(_ path: String) throws(SkiffError)
}

/// A root whose changes are held in memory.
package protocol UnfinishedRoot: AnyObject, ImageRoot {
    /// The time of the files that are made, in seconds since 1970; set before the first of them.
    var time: Int64 { get set }
}

extension RootTree: ImageRoot {
    package func read(_ path: String) -> [UInt8]? { read(path, limit: 16 << 20) }

    package func names(in path: String) throws(SkiffError) -> [String] {
        guard exists(path) else { return [] }
        return try during("cannot read \(path) of the image") { () throws(Errno) in
            try top.entries(TreePath(path)).map(\.text)
        }
    }

    package func makeDirectories(_ path: String) throws(SkiffError) { try makeDirectory(path) }
}
