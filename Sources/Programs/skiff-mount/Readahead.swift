import CFuse
import CLinux
import Linux
import Squashfs
import Synchronization

/// Gives the kernel the content of small files before it asks, where a program reads one after another.
///
/// The kernel reads ahead only inside a file, and a request costs more than a small file: the program sleeps, the
/// server wakes, and back. Writers put small files together into fragment blocks, in the order of their directory and
/// of their inodes. So when a second file of a fragment is asked for, a window of the files after it is stored into the
/// page cache (FUSE_NOTIFY_STORE), and longer windows as the program goes on. The kernel knows the files whose
/// directory was listed; a window ends at the first file that it does not know.
final class Readahead: Sendable {
    private let reader: SquashfsReader
    private let node: @Sendable (InodeReference) -> fuse_ino_t
    // Notifications may be sent by any thread.
    private nonisolated(unsafe) let session: OpaquePointer
    private let streams = Mutex(ReadaheadStreams())
    private let work = Semaphore()
    private let hasThread = Atomic<Bool>(false)

    /// - Parameter node: the kernel's number of an inode.
    init(_ reader: SquashfsReader, node: @escaping @Sendable (InodeReference) -> fuse_ino_t, _ session: OpaquePointer) {
        (self.reader, self.node, self.session) = (reader, node, session)
    }

    /// Notes that the kernel asked for content of `file`.
    func notice(_ file: Inode) {
        guard let fragment = reader.fragment(of: file),
            streams.withLock({ $0.notice(file, in: fragment, blockSize: reader.superblock.blockSize) })
        else { return }
        work.post()
        guard !hasThread.exchange(true, ordering: .relaxed) else { return }
        // Storing waits for a page that a request holds, so no thread that answers requests may do it.
        try? startThread { self.store() }
    }

    private func store() -> Never {
        while true {
            work.wait()
            guard let request = streams.withLock({ $0.nextRequest() }) else { continue }
            // Damage is reported to the program that asks for the damaged file.
            let window = (try? ReadaheadWindow(request, reader)) ?? ReadaheadWindow()
            streams.withLock { $0.begin(window, of: request) }
            for file in window.files where file.reference != window.marker {
                if (try? store(file)) == true { continue }
                streams.withLock { $0.end(request) }
                break
            }
        }
    }

    /// Stores a file; returns whether the kernel knows it and has its content now.
    private func store(_ file: Inode) throws(SquashfsError) -> Bool {
        let segments = try reader.segments(of: file, at: 0, count: Int(file.size))
        guard segments.count == 1, let content = segments.first else { return false }
        return content.block.withUnsafeBytes { block in
            let bytes = UnsafeRawBufferPointer(rebasing: block[content.range])
            var vector = fuse_bufvec()
            vector.count = 1
            vector.buf.size = bytes.count
            // It is only read: the structure is the same for both directions.
            vector.buf.mem = UnsafeMutableRawBufferPointer(mutating: bytes).baseAddress
            vector.buf.fd = -1
            return fuse_lowlevel_notify_store(session, node(file.reference), 0, &vector, fuse_buf_copy_flags(0)) == 0
        }
    }
}
