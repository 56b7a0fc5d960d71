import CLinux

/// Walks through a tree in order, each directory before its contents. Only one descriptor is held however deep the tree
/// is: the way back up is `..`, which must lead to the very directory that the walk came from, or a part of the tree
/// has been moved.
package struct TreeVisit: ~Copyable {
    package struct Entry: Sendable {
        /// From the top: `/a/b`.
        package let path: [UInt8]
        package let name: EntryName
        /// The status of the entry itself, even of a link.
        package let status: FileStatus
    }

    /// Where the walk met an error. The walk can be continued: what could not be looked at is left out.
    package struct Failure: Error {
        /// From the top; empty for the top itself.
        package let path: [UInt8]
        package let errno: Errno
        package init(path: [UInt8], errno: Errno) { (self.path, self.errno) = (path, errno) }
    }

    private struct Level {
        let device: UInt64
        let inode: UInt64
        /// The names left in it, the next one last.
        var names: [[UInt8]]
        /// The length of the path of the directory.
        let pathLength: Int
    }

    private var current: OwnedFD
    private var levels: [Level] = []
    private var path: [UInt8] = []

    /// - Parameter top: lent.
    package init(_ top: CInt) throws(Failure) {
        let opened: OwnedFD
        let level: Level
        do throws(Errno) {
            level = try Self.level(top, pathLength: 0)
            opened = try duplicate(top)
        } catch {
            throw Failure(path: [], errno: error)
        }
        current = opened
        levels = [level]
    }

    /// The directory of the last entry, lent until the next call.
    package var directory: CInt { current.raw }

    /// Returns the next entry, or nil at the end.
    package mutating func next() throws(Failure) -> Entry? {
        while let level = levels.last {
            path.removeLast(path.count - level.pathLength)
            guard let name = levels[levels.count - 1].names.popLast() else {
                try leave()
                continue
            }
            let whole = path + [ASCII.slash] + name
            do throws(Errno) {
                let entry = try EntryName(name)
                return Entry(path: whole, name: entry, status: try status(entry, at: current.raw))
            } catch {
                throw Failure(path: whole, errno: error)
            }
        }
        return nil
    }

    /// Enters the directory that `next` has just returned. One that cannot be read is left out.
    package mutating func enter(_ entry: Entry) throws(Failure) {
        do throws(Errno) {
            let opened = try open(entry.name, [.read, .directory], at: current.raw)
            levels.append(try Self.level(opened.raw, pathLength: entry.path.count))
            current = opened
            path = entry.path
        } catch {
            throw Failure(path: entry.path, errno: error)
        }
    }

    private static func level(_ directory: CInt, pathLength: Int) throws(Errno) -> Level {
        let found = try Linux.status(of: directory)
        let names = try entries(of: directory).map(\.name).reversed()
        return Level(device: found.device, inode: found.inode, names: Array(names), pathLength: pathLength)
    }

    private mutating func leave() throws(Failure) {
        levels.removeLast()
        guard let level = levels.last else { return }
        do throws(Errno) {
            let above = current.raw
            let flags = OpenFlags([.read, .directory]).value
            current = OwnedFD(adopting: try checked { skl_openat(above, "..", flags, 0) })
            let found = try status(of: current.raw)
            guard found.device == level.device, found.inode == level.inode else { throw .crossDevice }
        } catch {
            // The walk cannot go on.
            levels = []
            throw Failure(path: path, errno: error)
        }
    }
}
