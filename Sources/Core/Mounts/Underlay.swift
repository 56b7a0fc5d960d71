import Base
import CLinux
import Linux

/// Supplies missing mount targets where an overlay cannot lie: the deepest directory that exists is covered by a tmpfs
/// which shows its old entries through binds, and has room for the new one (Docs/spec/runtime.md §2.7, `--underlay`).
struct Underlay {
    /// The session, with the image mounted on `image`.
    let session: CInt

    func supply(_ targets: [MissingTarget]) throws(SkiffError) {
        var covered: [String] = []
        for target in targets {
            try during("cannot make mount target \(target.path) in the image") { () throws(Errno) in
                if let path = try supply(target) { covered.append(path) }
            }
        }
        // As read-only as the image they stand for, once everything is in place.
        for path in covered {
            try during("cannot protect \(path) of the image") { () throws(Errno) in
                let directory = try openDirectory(path)
                try setAttributes(directory.raw, set: [.readOnly, .noSuid, .noDev], recursive: false)
            }
        }
    }

    /// Looked up anew each time: what was opened before a directory was covered still leads below the cover.
    private func openDirectory(_ path: String, _ flags: CInt = SKL_O_PATH) throws(Errno) -> OwnedFD {
        let root = try open("image", SKL_O_PATH | O_DIRECTORY, at: session)
        return path == "/" && flags == SKL_O_PATH
            ? root : try open(path, flags | O_DIRECTORY, in: root.raw, resolve: [.inRoot])
    }

    /// - Returns: the directory that had to be covered, if one had to.
    private func supply(_ target: MissingTarget) throws(Errno) -> String? {
        // A target beside one that was supplied before finds a tmpfs of ours, in which it can simply be made.
        if try makeInPlace(target) { return nil }
        var parent = parentPath(target.path) ?? "/"
        while parent != "/", (try? openDirectory(parent)) == nil { parent = parentPath(parent) ?? "/" }
        try cover(parent)
        guard try makeInPlace(target) else { throw .readOnlyFilesystem }
        return parent
    }

    private func makeInPlace(_ target: MissingTarget) throws(Errno) -> Bool {
        let root = try openDirectory("/", O_RDONLY)
        let relative = String(target.path.dropFirst())
        do throws(Errno) {
            if target.isDirectory {
                try makeDirectories(relative, at: root.raw)
            } else {
                if let parent = parentPath(relative) { try makeDirectories(parent, at: root.raw) }
                try writeFile(relative, [], mode: 0o644, at: root.raw)
            }
            return true
        } catch {
            if error == .readOnlyFilesystem || error == .accessDenied || error == .notPermitted { return false }
            throw error
        }
    }

    private func cover(_ path: String) throws(Errno) {
        let old = try openDirectory(path, O_RDONLY)
        let mode = try status(of: old.raw).permissions
        let new = try newFilesystem("tmpfs", source: "tmpfs", options: [("mode", String(mode, radix: 8))])
        var kept: [String] = []
        for entry in try entries(of: old.raw) {
            let status = try status(entry.text, at: old.raw, follow: false)
            if status.isSymlink {
                try makeSymlink(try readLink(entry.text, at: old.raw), at: entry.text, in: new.raw)
                continue
            }
            kept.append(entry.text)
            if status.isDirectory {
                try makeDirectory(entry.text, at: new.raw)
            } else {
                try writeFile(entry.text, [], mode: 0o644, at: new.raw)
            }
        }
        try attach(new, onto: old.raw)
        let covered = try openDirectory(path)
        // What is covered is still there below its own descriptor: one tree is open at a time.
        for name in kept { try attach(try cloneTree(name, at: old.raw), at: name, in: covered.raw) }
    }
}
