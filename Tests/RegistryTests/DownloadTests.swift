import Base
import Digest
import Linux
import OCI
import TestSupport
import Testing

@testable import Registry

/// A blob of 25 bytes in parts of 10, in a store of its own.
@Suite struct DownloadTests {
    private let scratch: TestSupport.Scratch
    private let store: BlobStore
    private let content = Array("0123456789abcdefghijABCDE".utf8)
    private let descriptor: OCIDescriptor

    init() throws {
        scratch = try TestSupport.Scratch()
        store = try BlobStore(layout: scratch.path + "/cache")
        descriptor = OCIDescriptor(mediaType: "", digest: try OCIDigest(SHA256.text(of: content)), size: 25)
    }

    private func download() throws -> Download { try Download(descriptor, in: store, partSize: 10) }

    private func write(_ part: Int, to download: Download) throws {
        let range = download.range(part)
        let bytes = Array(content[Int(range.lowerBound)..<Int(range.upperBound)])
        try bytes.withUnsafeBytes { try download.write($0, at: range.lowerBound) }
    }

    @Test func partsCoverTheBlob() throws {
        let download = try download()
        #expect(download.missing == [0, 1, 2] && download.present == 0)
        #expect((0...2).map { download.range($0) } == [0..<10, 10..<20, 20..<25])
        let empty = OCIDescriptor(mediaType: "", digest: try OCIDigest(SHA256.text(of: [])), size: 0)
        #expect(try Download(empty, in: store, partSize: 10).missing == [0])
    }

    @Test func theLastPartIsKnownAsSuch() throws {
        let download = try download()
        for part in [2, 0] {
            try write(part, to: download)
            #expect(try !download.markDone(part))
        }
        #expect(download.missing == [1] && download.present == 15)
        try write(1, to: download)
        #expect(try download.markDone(1))
        #expect(try !download.markDone(1), "only once")
        #expect(try download.digest() == descriptor.digest.description)
        try download.publish()
        #expect(store.has(descriptor))
        #expect(try readFile(store.path(descriptor.digest)) == content)
    }

    /// As after a kill: only what was marked counts, whatever else lies in the file.
    @Test func completePartsSurviveTheProcess() throws {
        do {
            let killed = try download()
            for part in [0, 2] { try write(part, to: killed) }
            _ = try killed.markDone(2)
        }
        let next = try download()
        #expect(next.missing == [0, 1] && next.present == 5)
    }

    /// With other parts what lies there means something else.
    @Test func otherPartsStartAnew() throws {
        do {
            let old = try download()
            try write(0, to: old)
            _ = try old.markDone(0)
        }
        #expect(try Download(descriptor, in: store, partSize: 5).missing == [0, 1, 2, 3, 4])
    }

    @Test func startingOverForgetsEverything() throws {
        let download = try download()
        for part in 0...2 {
            try write(part, to: download)
            _ = try download.markDone(part)
        }
        download.startOver()
        #expect(download.missing == [0, 1, 2])
        #expect(try self.download().missing == [0, 1, 2], "in the file, too")
    }

    /// More than was announced must fill no disk.
    @Test(arguments: [(Int64(20), 6), (25, 1), (26, 0), (.max, 1)])
    func bytesBeyondTheEndAreRefused(offset: Int64, count: Int) throws {
        let download = try download()
        let error = #expect(throws: SkiffError.self) {
            try [UInt8](repeating: 1, count: count).withUnsafeBytes { try download.write($0, at: offset) }
        }
        #expect(error?.description.contains("sends more than its 25 bytes") == true)
    }

    @Test func damagedBlobsAreFoundAndRemoved() throws {
        try store.add(descriptor.digest, content)
        #expect(try store.keepIntact(descriptor.digest))
        #expect(store.bytes(of: descriptor.digest) == content)
        var damaged = content
        damaged[3] ^= 1
        try writeFile(store.path(descriptor.digest), damaged, mode: 0o600)
        #expect(store.bytes(of: descriptor.digest) == nil)
        #expect(isAccessible(store.path(descriptor.digest), 0), "a question removes nothing")
        #expect(try !store.keepIntact(descriptor.digest))
        #expect(!isAccessible(store.path(descriptor.digest), 0))
        #expect(try !store.keepIntact(descriptor.digest), "it is gone")
    }

    @Test func blobsOfTheRightLengthAreStillRead() throws {
        var damaged = content
        damaged[3] ^= 1
        try writeFile(store.path(descriptor.digest), damaged, mode: 0o600)
        try store.add(descriptor.digest, content)
        #expect(store.bytes(of: descriptor.digest) == content)
        try writeFile(store.path(descriptor.digest), content + [0], mode: 0o600)
        #expect(!store.has(descriptor) && isAccessible(store.path(descriptor.digest), 0))
    }

    @Test func layoutOfTheStoreIsAnImageLayout() throws {
        #expect(try scratch.text("cache/oci-layout") == #"{"imageLayoutVersion":"1.0.0"}"#)
        #expect(try scratch.text("cache/index.json").contains(#""manifests":[]"#))
        #expect(try status(scratch.path + "/cache/blobs").permissions == 0o700)
    }
}
