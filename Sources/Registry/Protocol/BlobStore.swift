package import Base
import Digest
import ImageCache
import Linux
package import OCI

/// Blobs by digest: an OCI layout, such as the cache's `blob/`, or a directory of files named `sha256:…`
/// (Docs/spec/sif-use.md §3).
package struct BlobStore: OCIBlobs, Sendable {
    package let root: String
    private let prefix: String
    private let parts: String

    /// Makes the layout if it does not exist.
    package init(layout root: String) throws(SkiffError) {
        (self.root, prefix, parts) = (root, root + "/blobs/sha256/", root + "/partial")
        try make([root + "/blobs/sha256", parts])
        for (name, text) in [
            ("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#),
            (
                "index.json",
                #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
            ),
        ] where (try? status(root + "/" + name)) == nil {
            try replaceFile(root + "/" + name, text)
        }
    }

    /// - Parameters:
    ///   - parts: the directory of unfinished downloads, on the same file system.
    ///   - prefix: what precedes the digits in a file's name.
    package init(directory root: String, parts: String, prefix: String = "sha256:") throws(SkiffError) {
        (self.root, self.prefix, self.parts) = (root, root + "/" + prefix, parts)
        try make([root, parts])
    }

    private func make(_ folders: [String]) throws(SkiffError) {
        for folder in folders where (try? status(folder)) == nil {
            try during("cannot make \(folder)") { () throws(Errno) in try makeDirectories(folder, mode: 0o700) }
        }
    }

    package func path(_ digest: OCIDigest) -> String { prefix + digest.hex }

    /// Returns the path of an unfinished download.
    func partPath(_ digest: OCIDigest) -> String { parts + "/" + digest.hex }

    /// Returns whether it exists with the right size, and nobody else can have written it.
    package func has(_ descriptor: OCIDescriptor) -> Bool {
        let path = path(descriptor.digest)
        guard let found = CacheDirectory.ownEntry(path), found.size == descriptor.size else { return false }
        // The quota removes what was not used for the longest time.
        try? touch(path)
        return true
    }

    package func blob(_ descriptor: OCIDescriptor) throws(SkiffError) -> Blob {
        try Blob(path: path(descriptor.digest))
    }

    package func discard(_ digest: OCIDigest) { try? unlink(path(digest)) }

    /// Keeps bytes that were verified already.
    package func add(_ digest: OCIDigest, _ bytes: [UInt8]) throws(SkiffError) {
        if self.bytes(of: digest) != nil { return }
        try replaceFile(path(digest), bytes)
    }

    /// Returns a small blob, or nil if it is absent or damaged.
    func bytes(of digest: OCIDigest) -> [UInt8]? {
        guard let bytes = try? readFile(path(digest), limit: 16 << 20),
            (try? SHA256.text(of: bytes)) == digest.description
        else { return nil }
        return bytes
    }

    /// Verifies a blob again, and removes it if it is damaged.
    ///
    /// - Returns: whether it is there.
    package func keepIntact(_ digest: OCIDigest) throws(SkiffError) -> Bool {
        let path = path(digest)
        guard (try? status(path)) != nil else { return false }
        if try digestOfFile(path) == digest.description { return true }
        Log.warning("Removing damaged blob \(digest) from the cache")
        discard(digest)
        return false
    }
}

/// Returns the SHA-256 of a file, as OCI writes digests.
package func digestOfFile(_ path: String) throws(SkiffError) -> String {
    let file = try during("cannot read \(path)") { () throws(Errno) in try open(path, .read) }
    return try digestOfFile(file.raw, path)
}

func digestOfFile(_ file: CInt, _ path: String) throws(SkiffError) -> String {
    var digest = try SHA256()
    var offset: Int64 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
        let count = try during("cannot read \(path)") { () throws(Errno) in
            try readFully(file, into: buffer, at: offset)
        }
        if count == 0 { break }
        try digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        offset += Int64(count)
    }
    return try digest.text()
}
