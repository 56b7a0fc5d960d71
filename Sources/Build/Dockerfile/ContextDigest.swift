import Base
import Digest
import Dockerfile
import Linux

/// The digest of files of the build context: equal when COPY would make the same of them. Times do not count.
struct ContextDigest: ~Copyable {
    private var digest: SHA256

    init() throws(SkiffError) { digest = try SHA256() }

    consuming func text() throws(SkiffError) -> String { try digest.text() }

    mutating func add(_ match: SourceMatch, of tree: CopyTree) throws(SkiffError) {
        try add(Array(match.path.utf8))
        try add(Array(match.location.utf8), tree)
    }

    private mutating func add(_ path: [UInt8], _ tree: CopyTree) throws(SkiffError) {
        try add(path)
        // The copy will say what cannot be read.
        guard let kind = try? tree.status(path) else { return try add(Array("none".utf8)) }
        try add(Array("\(kind.mode) \(kind.rawDevice)".utf8))
        if kind.isDirectory {
            for name in (try? tree.names(path)) ?? [] {
                let child = (path == [0x2F] ? [] : path) + [0x2F] + name
                guard let found = try? tree.status(child), tree.includes(child, isDirectory: found.isDirectory) else {
                    continue
                }
                try add(child, tree)
            }
        } else if kind.isSymlink {
            guard let link = try? tree.open(path, .pathOnly) else { return }
            try add((try? readLink(ofOpen: link.raw)) ?? [])
        } else if kind.isRegular {
            try addContent(path, kind.size, tree)
        }
    }

    private mutating func addContent(_ path: [UInt8], _ size: Int64, _ tree: CopyTree) throws(SkiffError) {
        guard let file = try? tree.open(path, [.read, .nonBlocking]) else { return }
        try add(Array("\(size)".utf8))
        var offset: Int64 = 0
        while let chunk = try? readBytes(file.raw, at: offset, count: 1 << 18), !chunk.isEmpty {
            try digest.update(chunk)
            offset += Int64(chunk.count)
        }
    }

    private mutating func add(_ bytes: [UInt8]) throws(SkiffError) {
        try digest.update(Array("\(bytes.count):".utf8))
        try digest.update(bytes)
    }
}
