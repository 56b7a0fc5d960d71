package import Base
package import Core

/// Changes that a build makes to the tree before it is written: the files that every image has. Paths begin at the
/// root, symbolic links stay inside, new files belong to root.
extension LayerTree {
    private func doing<Value>(_ what: String, _ body: () throws(LayerError) -> Value) throws(SkiffError) -> Value {
        do throws(LayerError) {
            return try body()
        } catch {
            throw SkiffError("cannot \(what) in the image: \(error.reason)")
        }
    }

    package func exists(_ path: String) -> Bool {
        var walk = TreeWalk(self)
        return walk.entry(Array(path.utf8)) != nil
    }

    /// Returns the content of a file that was kept or written, or nil for any other.
    package func read(_ path: String) -> [UInt8]? {
        var walk = TreeWalk(self)
        guard let node = walk.entry(Array(path.utf8)) else { return nil }
        return contents[nodes[Int(node)].file]
    }

    /// Returns the names in a directory, sorted; empty where there is none.
    package func names(in path: String) -> [String] {
        var walk = TreeWalk(self)
        guard let node = walk.entry(Array(path.utf8)), file(of: node).isDirectory else { return [] }
        return sortedChildren(node).map { String(decoding: name(of: $0), as: UTF8.self) }
    }

    package func makeDirectory(_ path: String, time: Int64) throws(SkiffError) {
        _ = try doing("make directory \(path)") { () throws(LayerError) in try directory(Array(path.utf8), time) }
    }

    private func directory(_ path: [UInt8], _ time: Int64) throws(LayerError) -> UInt32 {
        var walk = TreeWalk(self)
        guard
            let node = try walk.directory(
                path.split(separator: 0x2F), making: .init(layer: Self.ours, time: time))
        else { throw LayerError("there is no such directory") }
        return node
    }

    /// Replaces what is at a path with a file. A symbolic link stays, and its target is written.
    package func write(_ path: String, _ bytes: [UInt8], mode: UInt32, time: Int64) throws(SkiffError) {
        try doing("write \(path)") { () throws(LayerError) in
            var walk = TreeWalk(self)
            var place = Array(path.utf8)
            if let existing = walk.entry(place) { place = self.path(of: existing) }
            try put(place, mode: 0o100000 | UInt16(mode & 0o7777), value: Int64(bytes.count), time) {
                contents[$0] = bytes
            }
        }
    }

    /// Adds a symbolic link. One that points elsewhere is replaced, a file or directory stays.
    package func link(_ path: String, to target: String, time: Int64) throws(SkiffError) {
        try doing("link \(path)") { () throws(LayerError) in
            var walk = TreeWalk(self)
            if let existing = walk.entry(Array(path.utf8), follow: false) {
                let file = file(of: existing)
                guard file.isSymlink, !self.target(file).elementsEqual(target.utf8) else { return }
            }
            try put(Array(path.utf8), mode: 0o120777, value: storeTarget(Array(target.utf8)), time) { _ in }
        }
    }

    package func remove(_ path: String) {
        var walk = TreeWalk(self)
        if let node = walk.entry(Array(path.utf8), follow: false) { remove(node) }
    }

    private func put(_ path: [UInt8], mode: UInt16, value: Int64, _ time: Int64, _ fill: (UInt32) -> Void)
        throws(LayerError)
    {
        var parts = path.split(separator: 0x2F)
        guard let name = parts.popLast() else { throw LayerError("it is the root directory") }
        let parent = try directory(Array(parts.joined(separator: [0x2F])), time)
        let existing = child(parent, name)
        if let existing, file(of: existing).isDirectory { throw LayerError("a directory is in its place") }
        let made = try makeFile(
            File(mode: mode, layer: Self.ours, uid: 0, gid: 0, modified: time, value: value))
        fill(made)
        if let existing {
            replace(existing, file: made)
        } else {
            _ = try add(name, to: parent, file: made, layer: Self.ours)
        }
    }

    // MARK: Architecture

    /// The processor of the programs: that of /bin/sh, else of the first program that is found (Docs/spec/sif.md §3).
    package var architecture: SIFArchitecture? {
        var walk = TreeWalk(self)
        if let shell = walk.entry(Array("bin/sh".utf8)), let found = architecture(shell) { return found }
        for path in ["bin", "usr/bin", "sbin", "usr/sbin", "usr/local/bin"] {
            guard let directory = walk.entry(Array(path.utf8)), file(of: directory).isDirectory else { continue }
            for child in sortedChildren(directory) { if let found = architecture(child) { return found } }
        }
        // Anywhere in the tree: the first by path.
        let programs = nodes.indices.filter { files[Int(nodes[$0].file)].machine != 0 && isLinked(UInt32($0)) }
        let first = programs.min { path(of: UInt32($0)).lexicographicallyPrecedes(path(of: UInt32($1))) }
        return first.flatMap { architecture(UInt32($0)) }
    }

    private func architecture(_ node: UInt32) -> SIFArchitecture? {
        let machine = Int(file(of: node).machine)
        return machine == 0 ? nil : SIFArchitecture(code: machine)
    }

    /// Returns whether an entry is in the tree: free numbers keep their last values.
    private func isLinked(_ node: UInt32) -> Bool {
        node == Self.root || child(nodes[Int(node)].parent, name(of: node)) == node
    }
}
