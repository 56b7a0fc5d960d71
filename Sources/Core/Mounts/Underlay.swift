import Base
import Linux

/// Supplies missing mount targets where an overlay cannot lie: the deepest directory that exists is covered by a view of
/// it, which has room for the new one (Docs/spec/runtime.md §2.7, `--underlay`).
///
/// Nothing is made except in such a view. The targets hold no symbolic link, and a link that has since taken the place
/// of a directory is refused.
struct Underlay {
    /// The session, with the image mounted on `image`.
    let session: CInt

    func supply(_ targets: [MissingTarget]) throws(SkiffError) {
        let views = DirectoryViews(session)
        for target in targets {
            try during("cannot make mount target \(target.path) in the image") { () throws(Errno) in
                try supply(target, views)
            }
        }
        // As read-only as the image they stand for, once everything is in place.
        try during("cannot protect directories of the image") { () throws(Errno) in try views.protect() }
    }

    /// Looked up anew each time: what was opened before a directory was covered still leads below the view.
    private func root() throws(Errno) -> TreeRoot {
        TreeRoot(adopting: try open(EntryName("image"), [.pathOnly, .directory], at: session))
    }

    private func supply(_ target: MissingTarget, _ views: DirectoryViews) throws(Errno) {
        guard let place = try MissingPlace.find(target.path, in: root()) else { return }
        // A target next to one that was supplied before finds a view, in which it can simply be made.
        if try views.holds(place.directory.raw) {
            return try place.make(target.entry, in: views.holds)
        }
        try views.cover(target.path.existing(without: place.names), of: root(), isReadOnly: true)
        guard let place = try MissingPlace.find(target.path, in: root()) else { throw .exists }
        try place.make(target.entry, in: views.holds)
    }
}

extension TreePath {
    /// Returns the path without the missing names at its end.
    fileprivate func existing(without names: [EntryName]) -> TreePath {
        components.dropLast(names.count).reduce("/") { $0.appending($1) }
    }
}
