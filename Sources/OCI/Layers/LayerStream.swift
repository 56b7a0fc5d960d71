import Archive
import Base
import Digest
import Linux

/// The tar archive of a layer, which a thread of its own reads, verifies and decompresses.
///
/// Both digests are computed over all bytes, including those after the end of the archive; `finish` compares them.
final class LayerStream: TarSource {
    private let layer: OCILayer
    /// For messages: `layer 3 of oci:x`.
    private let name: String
    private let queue: Queue
    private var current: Queue.Part?
    /// The number of bytes returned so far.
    private var given = 0
    /// A block of zeros.
    private let padded = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 16)

    /// A ring of buffers, so that reading a layer allocates no memory.
    private final class Queue: @unchecked Sendable {
        struct Part {
            let buffer: UnsafeMutableRawBufferPointer
            var count = 0
        }
        let lock = WaitLock()
        var free: [Part]
        var filled: [Part] = []
        var isDone = false
        var isAbandoned = false
        var failure: SkiffError?
        var outcome: Outcome?

        init() {
            free = (0..<4).map { _ in
                Part(buffer: UnsafeMutableRawBufferPointer.allocate(byteCount: 512 << 10, alignment: 64))
            }
        }

        deinit { for part in free + filled { part.buffer.deallocate() } }
    }

    private struct Outcome {
        let digest: String
        let diffID: String?
    }

    /// - Parameters:
    ///   - checksContent: whether the uncompressed bytes are verified too; once is enough.
    init(_ layer: OCILayer, name: String, limits: LayerLimits, checksContent: Bool) throws(SkiffError) {
        (self.layer, self.name) = (layer, name)
        queue = Queue()
        let (queue, checked) = (queue, checksContent && layer.diffID != nil)
        try during("cannot start a thread") { () throws(Errno) in
            try startThread { Self.work(layer, name, limits, checked, queue) }
        }
    }

    deinit {
        padded.deallocate()
        if let current { queue.lock.locked { queue.free.append(current) } }
        queue.lock.locked { queue.isAbandoned = true }
    }

    /// Returns the next bytes, valid until the next call; empty at the end.
    func next() throws(SkiffError) -> UnsafeRawBufferPointer {
        let queue = queue
        if let current {
            self.current = nil
            queue.lock.locked { queue.free.append(current) }
        }
        current = queue.lock.when({ !queue.filled.isEmpty || queue.isDone }) {
            queue.filled.isEmpty ? nil : queue.filled.removeFirst()
        }
        guard let current else {
            if let failure = queue.lock.locked({ queue.failure }) { throw failure }
            return padding()
        }
        given += current.count
        return UnsafeRawBufferPointer(rebasing: current.buffer[..<current.count])
    }

    /// Returns zeros up to the end of a block. Some builders end an archive right after its last file, while libarchive
    /// wants whole blocks. A truncated archive is found by its digests.
    private func padding() -> UnsafeRawBufferPointer {
        let missing = (512 - given % 512) % 512
        given += missing
        padded.initializeMemory(as: UInt8.self, repeating: 0)
        return UnsafeRawBufferPointer(rebasing: padded[..<missing])
    }

    /// Reads the rest and compares the digests.
    func finish() throws(SkiffError) {
        while try !next().isEmpty {}
        guard let outcome = queue.lock.locked({ queue.outcome }) else { return }
        if let digest = layer.digest, outcome.digest != digest.description {
            throw SkiffError(
                "cannot use \(name): its content has the digest \(outcome.digest) instead of \(digest)",
                hint: "The blob is damaged: fetch it again")
        }
        if let diffID = layer.diffID, let found = outcome.diffID, found != diffID.description {
            throw SkiffError(
                "cannot use \(name): its uncompressed content has the digest \(found), the image's config names \(diffID)"
            )
        }
    }
}

// MARK: - The thread

extension LayerStream {
    private static func work(
        _ layer: OCILayer, _ name: String, _ limits: LayerLimits, _ checksContent: Bool, _ queue: Queue
    ) {
        var failure: SkiffError?
        var outcome: Outcome?
        do throws(SkiffError) {
            outcome = try pump(layer, name, limits, checksContent, queue)
        } catch {
            failure = error
        }
        queue.lock.locked {
            (queue.failure, queue.outcome) = (failure, outcome)
            queue.isDone = true
        }
    }

    private static func pump(
        _ layer: OCILayer, _ name: String, _ limits: LayerLimits, _ checksContent: Bool, _ queue: Queue
    ) throws(SkiffError) -> Outcome? {
        var input = BlobInput(layer.blob, name, try SHA256())
        var content = try SHA256()
        var decoder = try LayerDecoder(head: try input.head())
        var total: Int64 = 0
        while true {
            let taken = queue.lock.when({ !queue.free.isEmpty || queue.isAbandoned }) {
                queue.isAbandoned ? nil : queue.free.removeLast()
            }
            guard var part = taken else { return nil }
            do throws(SkiffError) {
                part.count = try decoder.fill(part.buffer, from: &input, name)
                let bytes = UnsafeRawBufferPointer(rebasing: part.buffer[..<part.count])
                if checksContent { try content.update(bytes) }
                total += Int64(part.count)
                try limits.check(total, of: layer.blob.size, name)
            } catch {
                queue.lock.locked { queue.free.append(part) }
                throw error
            }
            let isEnd = part.count == 0
            queue.lock.locked { isEnd ? queue.free.append(part) : queue.filled.append(part) }
            if isEnd { break }
        }
        return Outcome(digest: try input.finish(), diffID: checksContent ? try content.text() : nil)
    }
}

/// The bytes of a blob in order, with their digest.
struct BlobInput: ~Copyable {
    private let blob: Blob
    private let name: String
    private var digest: SHA256
    private var position: Int64 = 0
    private let space = Space()
    /// What was read and is not yet consumed.
    private(set) var rest: UnsafeRawBufferPointer

    init(_ blob: Blob, _ name: String, _ digest: consuming SHA256) {
        (self.blob, self.name) = (blob, name)
        self.digest = digest
        rest = UnsafeRawBufferPointer(rebasing: space.buffer[..<0])
    }

    /// The buffer, freed with this object, so that `BlobInput` can be consumed.
    private final class Space {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        deinit { buffer.deallocate() }
    }

    /// Returns the first bytes without consuming them.
    mutating func head() throws(SkiffError) -> [UInt8] {
        try refill()
        return Array(rest.prefix(6))
    }

    /// Reads more when nothing is left. If nothing is left afterwards, this is the end.
    mutating func refill() throws(SkiffError) {
        guard rest.isEmpty else { return }
        let wanted = Int(min(Int64(space.buffer.count), blob.size - position))
        let (file, place) = (blob.file, blob.offset + position)
        let target = UnsafeMutableRawBufferPointer(rebasing: space.buffer[..<wanted])
        let got = try during("cannot read \(name)") { () throws(Errno) in
            try readFully(file.raw, into: target, at: place)
        }
        guard got == wanted else { throw SkiffError("cannot read \(name): \(blob.file.path) became shorter") }
        rest = UnsafeRawBufferPointer(target)
        position += Int64(got)
        try digest.update(rest)
    }

    mutating func take(_ count: Int) { rest = UnsafeRawBufferPointer(rebasing: rest[(rest.startIndex + count)...]) }

    /// Returns the digest of the whole blob, including what was not consumed.
    consuming func finish() throws(SkiffError) -> String {
        while true {
            rest = UnsafeRawBufferPointer(rebasing: space.buffer[..<0])
            try refill()
            if rest.isEmpty { break }
        }
        return try digest.text()
    }
}
