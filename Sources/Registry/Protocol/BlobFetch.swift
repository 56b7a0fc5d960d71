package import Base
package import Core
import HTTP
package import ImageCache
import Linux
package import OCI
import Synchronization

/// Limits of parallel downloads, from the configuration and from variables, which override it (Docs/spec/sif-use.md
/// §9).
package struct DownloadLimits: Sendable {
    /// The number of connections at a time.
    package var connections: Int
    /// The size of the parts of larger blobs, in bytes.
    package var partSize: Int64
    /// Bytes that are read from a connection at once; nil for what serves most.
    package var bufferSize: Int?

    package init(connections: Int = 3, partSize: Int64 = 5 << 20) {
        (self.connections, self.partSize) = (connections, partSize)
    }

    package init(_ settings: Settings) throws(SkiffError) {
        connections = try Self.number("DOWNLOAD_CONCURRENCY") ?? settings.downloadConcurrency
        partSize = Int64(try Self.number("DOWNLOAD_PART_SIZE") ?? settings.downloadPartSize)
        let standard = Settings().downloadBufferSize
        bufferSize =
            try Self.number("DOWNLOAD_BUFFER_SIZE")
            ?? (settings.downloadBufferSize == standard ? nil : settings.downloadBufferSize)
        connections = min(max(1, connections), 64)
        partSize = max(64 << 10, partSize)
    }

    private static func number(_ key: String) throws(SkiffError) -> Int? {
        guard let text = settingVariable(key) else { return nil }
        guard let number = Int(text), number > 0 else {
            throw SkiffError("cannot use APPTAINER_\(key)=\(text): it is no number above 0")
        }
        return number
    }
}

/// Fetches blobs into a store: several at a time, large ones in parts, each verified and none twice.
package final class BlobFetch: Sendable {
    private let client: RegistryClient
    private let store: BlobStore
    private let cache: CacheDirectory?
    private let limits: DownloadLimits
    private let progress: Progress
    private let queue = Mutex<Queue>(Queue())

    private enum Job {
        case blob(OCIDescriptor)
        case part(Current, Int)
    }

    private struct Queue {
        var jobs: [Job] = []
        /// The number of unfinished blobs.
        var open = 0
        var config: OCIDigest?
        var failure: SkiffError?
    }

    /// A download and the lease for it.
    private final class Current: Sendable {
        let download: Download
        let place: String
        let lease: Lease?
        let bar: Progress.Bar

        init(_ download: Download, at place: String, _ lease: Lease?, _ bar: Progress.Bar) {
            (self.download, self.place, self.lease, self.bar) = (download, place, lease, bar)
        }
    }

    /// - Parameter cache: the cache whose leases keep other processes from the same work; nil for a private store.
    package init(
        _ client: RegistryClient, into store: BlobStore, cache: CacheDirectory?, limits: DownloadLimits,
        progress: Progress
    ) {
        (self.client, self.store, self.cache, self.limits) = (client, store, cache, limits)
        self.progress = progress
    }

    /// - Parameter config: fetched as well, without a progress bar.
    /// - Returns: when all are in the store, verified. The progress bars are drawn for the last time.
    package func fetch(_ layers: [OCIDescriptor], config: OCIDescriptor? = nil) throws(SkiffError) {
        defer { progress.end() }
        var seen: Set<OCIDigest> = []
        let wanted = ([config].compactMap { $0 } + layers).filter { seen.insert($0.digest).inserted && !store.has($0) }
        guard !wanted.isEmpty else { return }
        queue.withLock { queue in
            queue.jobs = wanted.map { .blob($0) }
            queue.open = wanted.count
            queue.config = config?.digest
        }
        inThreads(limits.connections) { _ in self.work() }
        if let failure = queue.withLock({ $0.failure }) { throw failure }
    }

    private func work() {
        while true {
            let (job, isOver) = queue.withLock { queue -> (Job?, Bool) in
                if queue.failure != nil || queue.open == 0 { return (nil, true) }
                return (queue.jobs.isEmpty ? nil : queue.jobs.removeFirst(), false)
            }
            if isOver { return }
            guard let job else {
                pause(milliseconds: 2)
                continue
            }
            do throws(SkiffError) {
                switch job {
                case .blob(let descriptor): try begin(descriptor)
                case .part(let current, let part): try fetch(current, part)
                }
            } catch {
                queue.withLock { if $0.failure == nil { $0.failure = error } }
            }
        }
    }

    private var isStopped: Bool { queue.withLock { $0.failure != nil } }

    private func begin(_ descriptor: OCIDescriptor) throws(SkiffError) {
        var lease: Lease?
        if let cache {
            lease = try Lease.take("blob-\(descriptor.digest.hex)", in: cache) { store.has(descriptor) || isStopped }
            if lease == nil { return close() }
        }
        let download = try Download(descriptor, in: store, partSize: limits.partSize)
        let isConfig = queue.withLock { $0.config == descriptor.digest }
        let bar = progress.bar("\(descriptor.digest.hex.prefix(12))", total: descriptor.size, isDrawn: !isConfig)
        bar.advance(download.present)
        let current = Current(download, at: try place(of: descriptor), lease, bar)
        let missing = download.missing
        guard let first = missing.first else { return try finish(current) }
        // The other parts wait until the server is known to support ranges. One that does not sends the whole blob,
        // also when some parts exist from an earlier process.
        let others = missing.dropFirst().map { Job.part(current, $0) }
        let stream = PartStream(download, first, at: current.place, bar, .first) {
            self.queue.withLock { $0.jobs.insert(contentsOf: others, at: 0) }
        }
        try stream.run(client, isStopped: { self.isStopped })
        if isStopped { return }
        if stream.tookAll {
            try finish(current)
        } else if try download.markDone(first) {
            try finish(current)
        }
    }

    /// Returns where a blob comes from. A foreign layer names another server and need not be in the registry (OCI
    /// image-spec, layer.md, non-distributable layers); it is verified by its digest like any other.
    private func place(of descriptor: OCIDescriptor) throws(SkiffError) -> String {
        let own = "blobs/\(descriptor.digest)"
        if descriptor.urls.isEmpty || exists(own) { return own }
        let others = descriptor.urls.filter { $0.hasPrefix("https://") || $0.hasPrefix("http://") }
        return others.first(where: exists) ?? others.first ?? own
    }

    private func exists(_ place: String) -> Bool {
        guard case .success(let response)? = try? client.request("HEAD", place) else { return false }
        return response.isSuccess
    }

    /// Counts a finished blob.
    private func close() { queue.withLock { $0.open -= 1 } }

    private func fetch(_ current: Current, _ part: Int) throws(SkiffError) {
        let stream = PartStream(current.download, part, at: current.place, current.bar, .further)
        try stream.run(client, isStopped: { self.isStopped })
        if isStopped { return }
        if try current.download.markDone(part) { try finish(current) }
    }

    private func finish(_ current: Current) throws(SkiffError) {
        let (download, descriptor) = (current.download, current.download.descriptor)
        var found = try download.digest()
        if found != descriptor.digest.description {
            // Ranges of different files look like this, so the whole blob is asked for once more.
            Log.verbose("Blob \(descriptor.digest) came damaged; asking for it in one piece")
            download.startOver()
            try PartStream(download, 0, at: current.place, current.bar, .wholeFromStart).run(
                client, isStopped: { self.isStopped })
            if isStopped { return }
            found = try download.digest()
        }
        guard found == descriptor.digest.description else {
            download.discard()
            throw SkiffError(
                "cannot use blob \(descriptor.digest) of \(client.reference): its content has the digest \(found)",
                hint: "The registry or something on the way to it damages data")
        }
        try download.publish()
        current.bar.finish()
        current.lease?.release()
        close()
    }
}
