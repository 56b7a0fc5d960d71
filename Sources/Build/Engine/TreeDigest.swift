import Base
import Digest
import Linux

/// The digest of many files: equal when what matters about them is equal.
struct TreeDigest: ~Copyable {
    private var digest: SHA256

    private init() throws(SkiffError) { digest = try SHA256() }

    // MARK: - What a build step sees

    /// Returns the digest of a directory and all below it: names, types, modes, owners, content, links, devices and attributes,
    /// but no times.
    static func everything(below tree: CInt) throws(SkiffError) -> String {
        var all = try TreeDigest()
        try all.addTop(tree, content: true)
        try all.addEntries(tree, content: true)
        return try all.digest.text()
    }

    /// Returns a digest that any change of a file changes, without reading one: the time of change is set by the kernel alone.
    static func state(below tree: CInt) throws(SkiffError) -> String {
        var all = try TreeDigest()
        try all.addTop(tree, content: false)
        try all.addEntries(tree, content: false)
        return try all.digest.text()
    }

    /// Returns the same of one file.
    static func state(of file: CInt) throws(SkiffError) -> String {
        let status = try during("cannot look at the image") { () throws(Errno) in try Linux.status(of: file) }
        return stateText(status)
    }

    private static func stateText(_ status: FileStatus) -> String {
        "\(status.device) \(status.inode) \(status.size) \(status.modified) \(status.changed)"
    }

    /// Every entry below the tree.
    private mutating func addEntries(_ tree: CInt, content: Bool) throws(SkiffError) {
        do throws(TreeVisit.Failure) {
            var visit = try TreeVisit(tree)
            while let entry = try visit.next() {
                do throws(SkiffError) {
                    try add(entry.path, entry.status)
                    if content {
                        try addContent(entry.name, entry.status, visit.directory)
                    } else {
                        try add(text: Self.stateText(entry.status))
                    }
                } catch {
                    throw TreeVisit.Failure(path: entry.path, errno: error.errno ?? .noMemory)
                }
                if entry.status.isDirectory { try visit.enter(entry) }
            }
        } catch {
            throw SkiffError("cannot read \(error.path.isEmpty ? "/" : error.path.text)", errno: error.errno)
        }
    }

    /// The directory itself, which is the root of an image.
    private mutating func addTop(_ tree: CInt, content: Bool) throws(SkiffError) {
        do throws(Errno) {
            let status = try Linux.status(of: tree)
            try add([], "\(status.mode) \(status.uid) \(status.gid)".bytes)
            guard content else { return try add(Self.stateText(status).bytes, []) }
            for xattr in try readXattrs(ofOpen: tree) where !xattr.name.text.contains("overlay.") {
                try add(xattr.name, xattr.value)
            }
        } catch {
            throw SkiffError("cannot look at the root of the tree", errno: error)
        }
    }

    private mutating func add(_ path: [UInt8], _ status: FileStatus) throws(SkiffError) {
        try add(bytes: path)
        try add(text: "\(status.mode) \(status.uid) \(status.gid) \(status.rawDevice)")
    }

    private mutating func addContent(_ name: EntryName, _ status: FileStatus, _ directory: CInt) throws(SkiffError) {
        do throws(Errno) {
            // An overlay notes where a copy came from.
            for xattr in try readXattrs(of: name, at: directory) where !xattr.name.text.hasSuffix("overlay.origin") {
                try add(xattr.name, xattr.value)
            }
            if status.isSymlink { try add(try readLink(name, at: directory), []) }
            guard status.isRegular else { return }
            let file = try open(name, [.read, .nonBlocking], at: directory)
            try add(content: file.raw)
        } catch {
            throw SkiffError("cannot read \(name)", errno: error)
        }
    }

    // MARK: - What is copied from the host

    /// Returns the digest of what `cp -fLr` would make of paths: names, types, permissions and content. Links are followed.
    static func copied(_ paths: [[UInt8]], from source: SourceTree) throws(SkiffError) -> String {
        var all = try TreeDigest()
        for path in paths {
            try all.add(bytes: path)
            try all.addCopied(path, [], source, depth: 0)
        }
        return try all.digest.text()
    }

    private mutating func addCopied(_ path: [UInt8], _ name: [UInt8], _ source: SourceTree, depth: Int)
        throws(SkiffError)
    {
        // The copy will say what is missing, or a link without end.
        guard depth < 200, let status = source.status(path) else { return try add(text: "none") }
        try add(bytes: name)
        try add(text: "\(status.mode) \(status.rawDevice)")
        if status.isDirectory {
            guard let names = Self.names(path, source) else { return try add(text: "unreadable") }
            try add(text: "\(names.count)")
            for entry in names {
                try addCopied(path + [0x2F] + entry.name, entry.name, source, depth: depth + 1)
            }
        } else if status.isRegular {
            guard let file = try? source.open(path, [.read, .nonBlocking]), (try? add(content: file.raw)) != nil else {
                return try add(text: "unreadable")
            }
        }
    }

    /// Without keeping the directory open for what is below it.
    private static func names(_ path: [UInt8], _ source: SourceTree) -> [DirectoryEntry]? {
        guard let folder = try? source.open(path, [.read, .directory]) else { return nil }
        return try? entries(of: folder.raw)
    }

    // MARK: - Pieces

    private mutating func add(_ first: [UInt8], _ second: [UInt8]) throws(Errno) {
        do throws(SkiffError) {
            try add(bytes: first)
            try add(bytes: second)
        } catch {
            throw .noMemory
        }
    }

    private mutating func add(bytes: [UInt8]) throws(SkiffError) {
        try digest.update(Array("\(bytes.count):".utf8))
        try digest.update(bytes)
    }

    private mutating func add(text: String) throws(SkiffError) { try add(bytes: text.bytes) }

    private mutating func add(content file: CInt) throws(Errno) {
        var offset: Int64 = 0
        while true {
            let chunk = try readBytes(file, at: offset, count: 1 << 18)
            if chunk.isEmpty { return }
            offset += Int64(chunk.count)
            do throws(SkiffError) { try add(bytes: chunk) } catch { throw .noMemory }
        }
    }
}
