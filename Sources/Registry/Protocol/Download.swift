import Base
import HTTP
import ImageCache
import Linux
import OCI
import Synchronization

/// The download of one blob: its parts, which may come in any order over several connections, and those that an earlier
/// process left.
final class Download: Sendable {
    let descriptor: OCIDescriptor
    let store: BlobStore
    private let file: SharedDescriptor
    private let state: Mutex<State>
    let partSize: Int64

    private struct State {
        /// Whether each part is complete.
        var done: [Bool]
        var isFinished = false
    }

    /// Opens the part file. It is as long as the blob, followed by one byte per part that tells whether it is complete,
    /// so that both are always in one file.
    init(_ descriptor: OCIDescriptor, in store: BlobStore, partSize: Int64) throws(SkiffError) {
        self.descriptor = descriptor
        self.store = store
        self.partSize = partSize
        let path = store.partPath(descriptor.digest) + "-\(partSize)"
        file = try during("cannot make \(path)") { () throws(Errno) in
            SharedDescriptor(try PrivateFiles.current.openOrMake(path), path: path)
        }
        let count = max(1, Int((descriptor.size + partSize - 1) / partSize))
        let marks = (try? readBytes(file.raw, at: descriptor.size, count: count)) ?? []
        state = Mutex(State(done: (0..<count).map { marks.count > $0 && marks[$0] == 1 }))
    }

    /// The parts that are missing.
    var missing: [Int] {
        state.withLock { state in state.done.indices.filter { !state.done[$0] } }
    }

    /// The number of bytes that are complete.
    var present: Int64 {
        state.withLock { state in
            state.done.indices.filter { state.done[$0] }.reduce(0) { $0 + range($1).upperBound - range($1).lowerBound }
        }
    }

    /// Returns the bytes of a part, the end not included.
    func range(_ part: Int) -> Range<Int64> {
        let start = Int64(part) * partSize
        return start..<max(start, min(descriptor.size, start + partSize))
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SkiffError) {
        let (sum, overflow) = offset.addingReportingOverflow(Int64(bytes.count))
        guard !overflow, sum <= descriptor.size else {
            throw SkiffError(
                "cannot use blob \(descriptor.digest): the registry sends more than its \(descriptor.size) bytes")
        }
        try during("cannot write \(file.path)", hint: "Make room, or set APPTAINER_CACHEDIR to a larger file system") {
            () throws(Errno) in try writeFully(file.raw, bytes, at: offset)
        }
    }

    /// - Returns: whether this was the last part.
    func markDone(_ part: Int) throws(SkiffError) -> Bool {
        // Nothing may be written after the end of a finished file.
        if state.withLock({ $0.isFinished }) { return false }
        try during("cannot write \(file.path)") { () throws(Errno) in
            try writeFully(file.raw, [1], at: descriptor.size + Int64(part))
        }
        return state.withLock { state in
            state.done[part] = true
            guard !state.isFinished, state.done.allSatisfy({ $0 }) else { return false }
            state.isFinished = true
            return true
        }
    }

    /// Drops all parts, to download the whole blob over one connection.
    func startOver() {
        for part in state.withLock({ $0.done.indices }) {
            try? writeFully(file.raw, [0], at: descriptor.size + Int64(part))
        }
        state.withLock { state in
            state.isFinished = false
            state.done = state.done.map { _ in false }
        }
    }

    /// Returns the digest of the whole file.
    func digest() throws(SkiffError) -> String {
        try during("cannot write \(file.path)") { () throws(Errno) in try ftruncate(file.raw, descriptor.size) }
        return try digestOfFile(file.raw, file.path)
    }

    /// Renames the file into the store.
    func publish() throws(SkiffError) {
        let path = store.path(descriptor.digest)
        CacheDirectory.removeForeign(path)
        try during("cannot put blob \(descriptor.digest) into the cache") { () throws(Errno) in
            try rename(file.path, to: path)
        }
    }

    func discard() { try? unlink(file.path) }
}

/// A descriptor that threads share, closed with the last reference.
final class SharedDescriptor: Sendable {
    private let file: OwnedFD
    let path: String
    var raw: CInt { file.raw }

    init(_ file: consuming OwnedFD, path: String) {
        self.file = file
        self.path = path
    }
}
