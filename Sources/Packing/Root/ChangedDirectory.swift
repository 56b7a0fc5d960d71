import Base
import Linux
import SquashfsWriter

/// A directory of the host that becomes an image with a few files of its own. It is only read: what is written stays in
/// memory. Links are followed as inside the image, both the directory's and our own.
final class ChangedDirectory: UnfinishedRoot, ImageFiles {
    private let tree: RootTree
    var time: Int64 = 0
    private(set) var changes = TreeChanges()

    init(_ tree: RootTree) { self.tree = tree }

    // MARK: - Finding

    private enum Found {
        /// In the directory of the host, or made here.
        case directory(isOurs: Bool)
        case link([UInt8])
        case file([UInt8])
        /// Anything of the host's directory that is neither directory nor link.
        case other
        case nothing
    }

    /// Where a path leads: the directory that exists, and what is missing below it.
    private struct Place {
        var path: [UInt8] = []
        /// Whether the uppermost directory of the path was made here, so that nothing of the host is seen in it.
        var isOurs = false
        /// The last name and what has it; nil for the root.
        var name: [UInt8]?
        var found = Found.directory(isOurs: false)
        /// The names below the first one that is missing.
        var missing: [[UInt8]] = []
    }

    private static func joined(_ path: [UInt8], _ name: [UInt8]) -> [UInt8] {
        path.isEmpty ? name : path + [0x2F] + name
    }

    private static func place(_ path: [UInt8], _ name: [UInt8]) -> TreePath {
        TreePath([ASCII.slash] + joined(path, name))
    }

    private func look(_ name: [UInt8], in path: [UInt8], isOurs: Bool) -> Found {
        if let change = changes[path, name] {
            switch change.kind {
            case .directory: return .directory(isOurs: true)
            case .file(let bytes): return .file(bytes)
            case .link(let target): return .link(target)
            case .gone: return .nothing
            }
        }
        guard !isOurs, let file = try? tree.open(Self.place(path, name), .pathOnly, links: .lastKept),
            let status = try? Linux.status(of: file.raw)
        else { return .nothing }
        if status.isDirectory { return .directory(isOurs: false) }
        guard status.isSymlink, let target = try? readLink(ofOpen: file.raw) else { return .other }
        return .link(target)
    }

    /// - Parameter followsLast: whether a link at the end is followed, too, unless it leads to nothing.
    /// - Throws: `ENOTDIR`, `ELOOP`.
    private func find(_ path: String, followsLast: Bool = true) throws(Errno) -> Place {
        var rest = path.utf8.split(separator: 0x2F).map { Array($0) }
        var above: [Place] = []
        var here = Place()
        var links = 0
        while !rest.isEmpty {
            let name = rest.removeFirst()
            if name.elementsEqual(".".utf8) { continue }
            if name.elementsEqual("..".utf8) {
                here = above.popLast() ?? Place()
                continue
            }
            guard case .directory(let isOurs) = here.found else { throw .notDirectory }
            let directory = here.name.map { Self.joined(here.path, $0) } ?? []
            let found = look(name, in: directory, isOurs: isOurs)
            let next = Place(path: directory, isOurs: isOurs, name: name, found: found)
            switch found {
            case .link(let target) where !rest.isEmpty || followsLast:
                links += 1
                if links > 40 { throw .tooManySymlinks }
                rest = target.split(separator: 0x2F).map { Array($0) } + rest
                if target.first == 0x2F { (above, here) = ([], Place()) }
            case .nothing where !rest.isEmpty:
                var missing = next
                missing.missing = rest
                return missing
            default:
                above.append(here)
                here = next
            }
        }
        return here
    }

    // MARK: - UnfinishedRoot

    func exists(_ path: String) -> Bool {
        guard let place = try? find(path) else { return false }
        if case .nothing = place.found { return false }
        return true
    }

    func read(_ path: String) -> [UInt8]? {
        guard let place = try? find(path), let name = place.name else { return nil }
        switch place.found {
        case .file(let bytes): return bytes
        case .other:
            guard let file = try? tree.top.openRegular(Self.place(place.path, name), links: .lastKept) else {
                return nil
            }
            return try? readToEnd(file.raw, limit: 16 << 20)
        default: return nil
        }
    }

    func text(_ path: String) -> String? { read(path).map { String(bytes: $0) } }

    func names(in path: String) throws(SkiffError) -> [String] {
        guard let place = try? find(path), case .directory(let isOurs) = place.found else { return [] }
        let directory = place.name.map { Self.joined(place.path, $0) } ?? []
        let changes = changes.below(directory)
        var names = changes.filter { $0.value.kind != .gone }.map(\.key)
        if !isOurs {
            names += try during("cannot read \(path) of the image") { () throws(Errno) in
                try tree.top.entries(TreePath([ASCII.slash] + directory)).map(\.name).filter { changes[$0] == nil }
            }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }.map { String(bytes: $0) }
    }

    func names(_ directory: String) throws(SkiffError) -> [String] { try names(in: directory) }

    func makeDirectories(_ path: String) throws(SkiffError) {
        _ = try during("cannot make directory \(path) in the image") { () throws(Errno) in try directory(path) }
    }

    func write(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(SkiffError) {
        try during("cannot write \(path) in the image") { () throws(Errno) in
            _ = try directory(parentPath(path) ?? "/")
            var place = try find(path)
            if case .nothing = place.found, !place.missing.isEmpty {
                // A symbolic link that leads to nothing, as /etc/resolv.conf often is: the file takes its place.
                place = try find(path, followsLast: false)
            }
            guard let name = place.name else { throw .isDirectory }
            if case .directory = place.found { throw .isDirectory }
            changes[place.path, name] = .init(.file(bytes), permissions: mode & 0o7777, modified: time)
        }
    }

    func link(_ path: String, to target: String) throws(SkiffError) {
        try during("cannot link \(path) in the image") { () throws(Errno) in
            _ = try directory(parentPath(path) ?? "/")
            let place = try find(path, followsLast: false)
            guard let name = place.name else { throw .exists }
            switch place.found {
            case .nothing: break
            case .link(let old) where !old.elementsEqual(target.utf8): break
            default: return
            }
            changes[place.path, name] = .init(.link(target.bytes), permissions: 0o777, modified: time)
        }
    }

    func remove(_ path: String) throws(SkiffError) {
        try during("cannot remove \(path) from the image") { () throws(Errno) in
            let place = try find(path, followsLast: false)
            guard let name = place.name, place.missing.isEmpty else { return }
            if case .nothing = place.found { return }
            changes.forget(below: Self.joined(place.path, name))
            changes[place.path, name] = .init(.gone)
        }
    }

    /// Returns the directory, made with its parents where it is missing.
    private func directory(_ path: String) throws(Errno) -> Place {
        let place = try find(path)
        switch place.found {
        case .directory: return place
        case .nothing: break
        default: throw .notDirectory
        }
        guard let name = place.name else { throw .noSuchFile }
        // A link that leads to nothing stays, and what it leads to is made.
        changes[place.path, name] = .init(.directory, permissions: 0o755, modified: time)
        return try directory(path)
    }
}
