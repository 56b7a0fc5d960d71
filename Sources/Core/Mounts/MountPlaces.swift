import Base
import Linux

/// Finds the places that mounts are attached to, and supplies those that are missing (Docs/spec/runtime.md §2).
///
/// In a staged directory or a writable layer, which are ours, a place is simply made. In a directory that another mount
/// shows it is made as the caller would make it, but never through a symbolic link: the maker of the link would choose
/// where on the host. Where nothing can or may be made, the container gets a view of the directory that has the place,
/// and the host is not touched.
struct MountPlaces {
    private let plan: Plan
    private let rootName: String
    /// The tree whose top becomes `/`.
    private(set) var root: TreeRoot
    /// File systems that are our own: no directory of the host lies on them.
    private var ownDevices: [UInt64]
    /// Set if what is written to the root is kept: a mount changes the user's layer only by adding names.
    private var keptDevice: UInt64?
    /// Paths at which a link was replaced by what it led to: nothing is made there except in a view.
    private var aliases: [TreePath] = []
    private let views: DirectoryViews
    /// Whether a symbolic link led a mount somewhere. Not known if nobody asked for a mount.
    private(set) var followedLink = false
    private let looksForLinks: Bool

    /// - Parameter name: the name of the root in the session.
    init(_ plan: Plan, root name: String, _ session: borrowing Session) throws(Errno) {
        (self.plan, rootName) = (plan, name)
        root = try Self.open(name, session)
        views = DirectoryViews(session.directory.raw)
        looksForLinks = plan.mounts.contains { $0.isAsked }
        ownDevices = [try status(of: session.directory.raw).device]
        for layer in plan.layers where layer.isWritable {
            // An overlay of ours; what is written goes into the layer that was opened for it.
            let device = try status(of: root.descriptor).device
            ownDevices.append(device)
            if case .upper = layer.kind { keptDevice = device }
        }
    }

    /// Opens the root, or what lies on top of it if the root itself was covered.
    private static func open(_ name: String, _ session: borrowing Session) throws(Errno) -> TreeRoot {
        TreeRoot(adopting: try Linux.open(try EntryName(name), [.pathOnly, .directory], at: session.directory.raw))
    }

    /// Counts a new file system among our own.
    mutating func own(_ mount: borrowing OwnedFD) throws(Errno) {
        ownDevices.append(try status(of: mount.raw).device)
    }

    /// Called after the last mount: makes read-only the views that the program must not write to.
    func protect() throws(Errno) { try views.protect() }

    /// Returns the place to mount on, made if it was missing.
    mutating func find(for mount: Mount, isDirectory: Bool, _ session: borrowing Session) throws(Errno) -> OwnedFD {
        let path = TreePath(mount.destination)
        var isRefused = false
        // Each round supplies a directory or replaces a link.
        for _ in 0..<100 {
            do throws(Errno) {
                return try lookUp(path)
            } catch {
                guard error == .noSuchFile, mount.createDestination else { throw error }
            }
            guard let place = try MissingPlace.find(path, in: root) else { throw .noSuchFile }
            let isInView = try views.holds(place.directory.raw)
            let isOurs = try isOwn(place.directory.raw)
            guard isInView || isOurs && !isRefused else {
                try supply(place, path.components, mount, isDirectory, session)
                continue
            }
            do throws(Errno) {
                try make(place, isDirectory, in: isOwn)
            } catch {
                // A layer of ours shows directories of the image's owner, whom a user namespace may not know.
                guard error == .accessDenied, !isInView else { throw error }
                isRefused = true
            }
        }
        throw .tooManySymlinks
    }

    private mutating func lookUp(_ path: TreePath) throws(Errno) -> OwnedFD {
        guard looksForLinks else { return try root.open(path, .pathOnly) }
        do throws(Errno) {
            return try root.open(path, .pathOnly, links: .refused)
        } catch {
            guard error == .tooManySymlinks else { throw error }
            followedLink = true
            return try root.open(path, .pathOnly)
        }
    }

    /// Whether a directory lies on a file system of ours, or in a view.
    func isOwn(_ directory: CInt) throws(Errno) -> Bool {
        if ownDevices.contains(try status(of: directory).device) { return true }
        return try views.holds(directory)
    }

    private func make(
        _ place: consuming MissingPlace, _ isDirectory: Bool, in isAllowed: (CInt) throws(Errno) -> Bool
    ) throws(Errno) {
        do throws(Errno) {
            try place.make(isDirectory ? .directory : .file, in: isAllowed)
        } catch {
            // Another process was faster: the ranks of a job all make the same place.
            guard error == .exists else { throw error }
        }
    }

    // MARK: inside other mounts

    private mutating func supply(
        _ place: consuming MissingPlace, _ names: [[UInt8]], _ mount: Mount, _ isDirectory: Bool,
        _ session: borrowing Session
    ) throws(Errno) {
        let directory = place.directory.raw
        // Nobody asked for mounts that may fail, and they can be left out.
        guard mount.missing == .fail, try !isOfKernel(directory) else { throw .noSuchFile }
        if plan.image.targets == .none, mountID(of: directory) == mountID(of: root.descriptor) { throw .noSuchFile }
        if let link = try firstLink(names) {
            followedLink = true
            return try replaceLink(link, names, isDirectory, place, session)
        }
        let path = Self.path(names.dropLast(place.names.count))
        let found = try status(of: directory)
        // A link that was on the way a moment ago may have led elsewhere: then everything is looked up again.
        guard try root.status(path, links: .refused).isSameFile(as: found) else { return }
        let isAlias = aliases.contains { path.lies(in: $0) }
        let isTemporary = found.permissions & 0o1000 != 0
        if !isAlias, path != "/dev", mayMakeNames(in: directory) {
            do throws(Errno) {
                return try make(place, isDirectory, in: { _ in true })
            } catch {
                guard error == .readOnlyFilesystem || error == .accessDenied || error == .notPermitted else {
                    throw error
                }
            }
        }
        // Only in a directory for temporary files may what the program makes be lost.
        try show(path, isReadOnly: !(isAlias && isTemporary), session)
    }

    /// PROC_SUPER_MAGIC and SYSFS_MAGIC of linux/magic.h.
    private func isOfKernel(_ directory: CInt) throws(Errno) -> Bool {
        [0x9FA0, 0x6265_6572].contains(try filesystemType(of: directory))
    }

    private static func path(_ names: some Sequence<[UInt8]>) -> TreePath {
        names.reduce("/") { $0.appending($1) }
    }

    /// Returns how many names of a path come before its first symbolic link; nil without one.
    private func firstLink(_ names: [[UInt8]]) throws(Errno) -> Int? {
        for index in names.indices {
            do throws(Errno) {
                if try root.status(Self.path(names[...index]), links: .lastKept).isSymlink { return index }
            } catch {
                if error == .noSuchFile { return nil }
                throw error
            }
        }
        return nil
    }

    /// A link on the way leads into a directory that is not ours. The link is replaced, in the container only, by a
    /// directory that shows what it leads to; the place is then made below the link's name.
    ///
    /// - Throws: `ELOOP` where the link lies in a directory that the program may write and that is not ours.
    private mutating func replaceLink(
        _ index: Int, _ names: [[UInt8]], _ isDirectory: Bool, _ place: borrowing MissingPlace,
        _ session: borrowing Session
    ) throws(Errno) {
        let folder = Self.path(names[..<index])
        let parent = try root.open(folder, [.pathOnly, .directory], links: .refused)
        if try isReplaceable(in: parent.raw) {
            let isLast = index == names.count - 1
            try exchange(
                try EntryName(names[index]), in: parent.raw, isLast ? isDirectory : true, Self.path(names[...index]))
        } else if !mayMakeNames(in: parent.raw) {
            try show(folder, isReadOnly: true, session)
        } else if !mayMakeNames(in: place.directory.raw) {
            try show(try root.path(ofOpen: place.directory.raw), isReadOnly: true, session)
        } else {
            throw .tooManySymlinks
        }
    }

    private func isReplaceable(in parent: CInt) throws(Errno) -> Bool {
        if try views.holds(parent) { return true }
        guard try isOwn(parent), try status(of: parent).device != keptDevice else { return false }
        return mayMakeNames(in: parent)
    }

    private mutating func exchange(_ link: EntryName, in parent: CInt, _ isDirectory: Bool, _ path: TreePath)
        throws(Errno)
    {
        // Nil for a dangling link.
        let target = try? root.open(path, [.pathOnly, .directory])
        try unlink(link, at: parent)
        guard isDirectory else { return try makeFile(link, [], mode: 0o644, at: parent) }
        try makeDirectory(link, at: parent)
        guard let target else { return }
        let place = try Linux.open(link, .pathOnly, at: parent)
        let tree = try cloneTree("", at: target.raw)
        try attach(tree, onto: place.raw)
        aliases.append(path)
    }

    private mutating func show(_ path: TreePath, isReadOnly: Bool, _ session: borrowing Session) throws(Errno) {
        Log.verbose("showing a view of \(path), which has no place for a mount")
        try views.cover(path, of: root, isReadOnly: isReadOnly)
        if path == "/" { root = try Self.open(rootName, session) }
    }
}
