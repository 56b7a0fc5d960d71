import Base
import Linux

/// Supplies missing mount targets where an overlay cannot lie: the deepest directory that exists is covered by a tmpfs
/// which shows its old entries through binds, and has room for the new one (Docs/spec/runtime.md §2.7, `--underlay`).
///
/// Nothing is made but in such a cover. The targets hold no symbolic link, and a link that has taken the place of a directory
/// since is refused.
struct Underlay {
    /// The session, with the image mounted on `image`.
    let session: CInt

    func supply(_ targets: [MissingTarget]) throws(SkiffError) {
        try during("cannot make a directory for covers of the image") { () throws(Errno) in
            try makeDirectory(EntryName("cover"), at: session)
        }
        var covers: [Cover] = []
        for target in targets {
            try during("cannot make mount target \(target.path) in the image") { () throws(Errno) in
                if let cover = try supply(target, covers) { covers.append(cover) }
            }
        }
        // As read-only as the image they stand for, once everything is in place.
        for cover in covers {
            try during("cannot protect \(cover.path) of the image") { () throws(Errno) in
                let directory = try openDirectory(cover.path, .pathOnly)
                try setAttributes(directory.raw, set: [.readOnly, .noSuid, .noDev], recursive: false)
            }
        }
    }

    private struct Cover {
        let path: TreePath
        /// Of its tmpfs.
        let device: UInt64
    }

    /// Looked up anew each time: what was opened before a directory was covered still leads below the cover.
    private func root() throws(Errno) -> TreeRoot {
        TreeRoot(adopting: try open(EntryName("image"), [.pathOnly, .directory], at: session))
    }

    private func openDirectory(_ path: TreePath, _ flags: OpenFlags) throws(Errno) -> OwnedFD {
        try root().open(path, flags.union(.directory), links: .refused)
    }

    /// Returns the cover that had to be made, if one had to.
    private func supply(_ target: MissingTarget, _ covers: [Cover]) throws(Errno) -> Cover? {
        guard let place = try MissingPlace.find(target.path, in: root()) else { return nil }
        let device = try status(of: place.directory.raw).device
        if covers.contains(where: { $0.device == device }) {
            // A target beside one that was supplied before finds a cover, in which it can simply be made.
            try make(target, covers)
            return nil
        }
        let cover = try cover(target.path.existing(without: place.names))
        try make(target, covers + [cover])
        return cover
    }

    private func make(_ target: MissingTarget, _ covers: [Cover]) throws(Errno) {
        guard let place = try MissingPlace.find(target.path, in: root()) else { throw .exists }
        try place.make(isDirectory: target.isDirectory) { (directory) throws(Errno) in
            let device = try status(of: directory).device
            return covers.contains { $0.device == device }
        }
    }

    /// The cover is filled before it is put into its place, so that one descriptor is open at a time, however many entries
    /// the directory has.
    private func cover(_ path: TreePath) throws(Errno) -> Cover {
        let old = try openDirectory(path, .read)
        let mode = try status(of: old.raw).permissions
        let new = try newFilesystem("tmpfs", source: "tmpfs", options: [("mode", String(mode, radix: 8))])
        let stage = try open(EntryName("cover"), [.pathOnly, .directory], at: session)
        try attach(new, onto: stage.raw)
        for entry in try entries(of: old.raw) { try show(try EntryName(entry.name), of: old.raw, in: new.raw) }
        try attach(new, onto: old.raw)
        return Cover(path: path, device: try status(of: new.raw).device)
    }

    private func show(_ name: EntryName, of old: CInt, in new: CInt) throws(Errno) {
        let entry = try open(name, .pathOnly, at: old)
        let kind = try status(of: entry.raw)
        if kind.isSymlink {
            return try makeSymlink(try readLink(ofOpen: entry.raw), at: name, in: new)
        }
        if kind.isDirectory {
            try makeDirectory(name, at: new)
        } else {
            try makeFile(name, [], mode: 0o644, at: new)
        }
        let place = try open(name, .pathOnly, at: new)
        try attach(try cloneTree("", at: entry.raw), onto: place.raw)
    }
}

extension TreePath {
    /// Returns the path without the missing names at its end.
    fileprivate func existing(without names: [EntryName]) -> TreePath {
        components.dropLast(names.count).reduce("/") { $0.appending($1) }
    }
}
