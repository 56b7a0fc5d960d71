import Base
import CLinux
import Linux

/// Views of directories in which a mount needs a place that cannot be made there: a file system in memory is put over
/// the directory, in the container only, and shows its entries through binds. The directory itself stays as it is.
///
/// A class, because move-only descriptors cannot live in an array; it closes what it owns.
final class DirectoryViews {
    /// The session's directory.
    private let session: CInt
    private var views: [View] = []

    struct View {
        fileprivate let mount: CInt
        fileprivate let isReadOnly: Bool
        let device: UInt64
    }

    init(_ session: CInt) { self.session = session }

    deinit { for view in views { _ = CLinux.close(view.mount) } }

    /// Covers a directory with a view of it, which is writable until `protect`.
    ///
    /// The view is filled before it is put into its place, so that one entry is open at a time, however many there are.
    /// - Parameter path: without symbolic links.
    func cover(_ path: TreePath, of root: TreeRoot, isReadOnly: Bool) throws(Errno) {
        let old = try root.open(path, [.read, .directory], links: .refused)
        let mode = String(try status(of: old.raw).permissions, radix: 8)
        let new = try newFilesystem("tmpfs", source: "tmpfs", options: [("mode", mode)], attributes: [.noSuid, .noDev])
        let stage = try stage()
        try attach(new, onto: stage.raw)
        for entry in try entries(of: old.raw) { try show(try EntryName(entry.name), of: old.raw, in: new.raw) }
        try attach(new, onto: old.raw)
        let device = try status(of: new.raw).device
        views.append(View(mount: new.release(), isReadOnly: isReadOnly, device: device))
    }

    /// Returns whether a directory lies in a view, not in an entry that it shows.
    func holds(_ directory: CInt) throws(Errno) -> Bool {
        if views.isEmpty { return false }
        let device = try status(of: directory).device
        return views.contains { $0.device == device }
    }

    /// Makes read-only the views of directories in which the program could make nothing either, once every place has
    /// been made in them.
    func protect() throws(Errno) {
        for view in views where view.isReadOnly { try setAttributes(view.mount, set: .readOnly, recursive: false) }
    }

    /// Returns the directory on which a view lies while it is filled; each view then moves to its place.
    private func stage() throws(Errno) -> OwnedFD {
        let name = try EntryName("view")
        do throws(Errno) {
            try makeDirectory(name, at: session)
        } catch {
            if error != .exists { throw error }
        }
        return try open(name, [.pathOnly, .directory], at: session)
    }

    /// An entry that has just vanished, or that only another user may look at, is left out.
    private func show(_ name: EntryName, of old: CInt, in new: CInt) throws(Errno) {
        guard let entry = try? open(name, .pathOnly, at: old), let kind = try? status(of: entry.raw) else {
            return Log.verbose("\(name) cannot be opened and is not shown")
        }
        if kind.isSymlink { return try makeSymlink(try readLink(ofOpen: entry.raw), at: name, in: new) }
        if kind.isDirectory {
            try makeDirectory(name, at: new)
        } else {
            try makeFile(name, [], mode: 0o644, at: new)
        }
        let place = try open(name, .pathOnly, at: new)
        try attach(try cloneTree("", at: entry.raw), onto: place.raw)
    }
}
