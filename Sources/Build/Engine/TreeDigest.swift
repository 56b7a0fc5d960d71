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
        try all.add(tree, [], content: true)
        return try all.digest.text()
    }

    /// Returns a digest that any change of a file changes, without reading one: the time of change is set by the kernel alone.
    static func state(below tree: CInt) throws(SkiffError) -> String {
        var all = try TreeDigest()
        try all.addTop(tree, content: false)
        try all.add(tree, [], content: false)
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

    private mutating func add(_ directory: CInt, _ path: [UInt8], content: Bool) throws(SkiffError) {
        let names = try during("cannot read /\(path.text)") { () throws(Errno) in try entries(of: directory) }
        for entry in names {
            let below = path + [0x2F] + entry.name
            let status = try during("cannot look at \(below.text)") { () throws(Errno) in
                try Linux.status(EntryName(entry.name), at: directory)
            }
            try add(below, status)
            if content { try addContent(entry.name, status, directory) } else { try add(text: Self.stateText(status)) }
            guard status.isDirectory else { continue }
            let opened = try during("cannot open \(below.text)") { () throws(Errno) in
                try open(EntryName(entry.name), [.read, .directory], at: directory)
            }
            try add(opened.raw, below, content: content)
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

    private mutating func addContent(_ name: [UInt8], _ status: FileStatus, _ directory: CInt) throws(SkiffError) {
        do throws(Errno) {
            let name = try EntryName(name)
            // An overlay notes where a copy came from.
            for xattr in try readXattrs(of: name, at: directory) where !xattr.name.text.hasSuffix("overlay.origin") {
                try add(xattr.name, xattr.value)
            }
            if status.isSymlink { try add(try readLink(name, at: directory), []) }
            guard status.isRegular else { return }
            let file = try open(name, [.read, .nonBlocking], at: directory)
            try add(content: file.raw)
        } catch {
            throw SkiffError("cannot read \(name.text)", errno: error)
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
            guard let folder = try? source.open(path, [.read, .directory]), let names = try? entries(of: folder.raw)
            else { return try add(text: "unreadable") }
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
