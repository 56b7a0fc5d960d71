extension SquashfsReader {
    /// Returns the inode that an absolute or relative path in the image leads to, or nil when a part of it is missing.
    /// Both kinds begin at its root. Symbolic links on the way are followed inside the image; `..` stops at its root.
    /// - Parameter followLast: whether a link at the end is followed too.
    package func lookup(path: String, followLast: Bool = true) throws(SquashfsError) -> Inode? {
        try resolve(Array(path.utf8), followLast: followLast)
    }

    private func resolve(_ path: [UInt8], followLast: Bool) throws(SquashfsError) -> Inode? {
        var ancestors = [try root()]
        var pending = Array(components(path).reversed())
        // path_resolution(7): the kernel follows 40.
        var linksLeft = 40
        while let name = pending.popLast() {
            guard let current = ancestors.last, current.isDirectory else { return nil }
            if name == [0x2E, 0x2E] {
                if ancestors.count > 1 { ancestors.removeLast() }
                continue
            }
            guard let entry = try lookup(name, in: current) else { return nil }
            let found = try inode(entry.inode)
            guard found.kind == .symlink, followLast || !pending.isEmpty else {
                ancestors.append(found)
                continue
            }
            guard linksLeft > 0 else { return nil }
            linksLeft -= 1
            let target = try target(of: found)
            if target.first == 0x2F { ancestors.removeSubrange(1...) }
            pending.append(contentsOf: components(target).reversed())
        }
        return ancestors.last
    }

    private func components(_ path: [UInt8]) -> [[UInt8]] {
        path.split(separator: 0x2F).filter { $0 != [0x2E] }.map { Array($0) }
    }

    /// Visits everything below `directory`, a directory before what it holds, the names of one directory in order.
    ///
    /// The path is relative to `directory`. A directory that is reached twice, below itself or anywhere, is an error: no
    /// file system has hard links to directories, and following them would never end (or take exponential time).
    package func walk(_ directory: Inode, _ visit: (_ path: [UInt8], _ inode: Inode) throws(SquashfsError) -> Void)
        throws(SquashfsError)
    {
        var seen: Set<InodeReference> = [directory.reference]
        var pending: [(path: [UInt8], inode: Inode)] = [([], directory)]
        while let current = pending.popLast() {
            var cursor = try entries(of: current.inode)
            var below: [(path: [UInt8], inode: Inode)] = []
            while let entry = try cursor.next() {
                let inode = try inode(entry.inode)
                let path = current.path.isEmpty ? entry.name : current.path + [0x2F] + entry.name
                try visit(path, inode)
                guard inode.isDirectory else { continue }
                guard seen.insert(inode.reference).inserted else { throw .corrupt(.directoryLoop) }
                below.append((path, inode))
            }
            pending.append(contentsOf: below.reversed())
        }
    }
}
