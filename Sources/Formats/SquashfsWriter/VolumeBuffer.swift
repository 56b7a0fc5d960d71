import Base
import Linux

/// Makes of what libsquashfs writes, in any sizes, whole blocks of a volume, which threads of its own write meanwhile. So no plain byte
/// is in a file, and packing does not wait for encryption.
///
/// libsquashfs writes in one thread, nearly always behind what it has written; it reads what looks like a duplicate, and writes the
/// superblock once more at the end.
final class VolumeBuffer: @unchecked Sendable {
    /// A part of the volume in memory.
    private final class Piece {
        enum State { case open, waiting, working, written }

        let number: Int64
        let bytes: UnsafeMutableRawBufferPointer
        /// How many bytes have a content.
        var end = 0
        var state = State.open

        init(_ number: Int64, size: Int) {
            self.number = number
            bytes = .allocate(byteCount: size, alignment: 4096)
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }

        deinit { bytes.deallocate() }
    }

    private let volume: any SquashfsVolume
    /// Of a piece, in bytes: a multiple of every size of blocks.
    private let size: Int64
    /// How many pieces are in memory at most.
    private let room: Int
    private let threads: Int

    /// Guards all that follows.
    private let lock = WaitLock()
    private var pieces: [Int64: Piece] = [:]
    private var queue: [Piece] = []
    /// Bytes from the start that were given to the volume.
    private var given: Int64 = 0
    private var running = 0
    private var isEnding = false
    private var failure: SkiffError?

    init(_ volume: any SquashfsVolume, threads: Int, size: Int64 = 1 << 20) {
        (self.volume, self.size) = (volume, size)
        self.threads = max(1, min(threads, 8))
        room = self.threads * 2 + 4
    }

    /// Ends the threads. Nothing may be written after it.
    func stop() {
        lock.locked { isEnding = true }
        lock.when({ running == 0 }, {})
    }

    /// Why the volume refused something.
    var reason: SkiffError? { lock.locked { failure } }

    /// - Returns: false when it failed; `reason` tells why.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Bool {
        each(of: bytes.count, at: offset) { number, within, range in
            guard let piece = open(number) else { return false }
            UnsafeMutableRawBufferPointer(rebasing: piece.bytes[within..<within + range.count]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[range]))
            piece.end = max(piece.end, within + range.count)
            return true
        }
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) -> Bool {
        each(of: bytes.count, at: offset) { number, within, range in
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
            // A piece that is being written is only read meanwhile.
            if let piece = lock.locked({ pieces[number] }) {
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece.bytes[within..<within + range.count]))
                return true
            }
            return load(target, at: number * size + Int64(within))
        }
    }

    /// Writes the rest: the volume is `length` bytes long.
    func finish(length: Int64) -> Bool {
        // A last block that is not whole must be given as it is, even when it was given with what lay behind it.
        if length % Int64(volume.blockSize) != 0 {
            guard let last = open(length / size) else { return false }
            last.end = Int(length % size)
        }
        // What discarded duplicates left behind the end is nobody's.
        let left = lock.locked { pieces.values.filter { $0.state == .open && $0.number * size < length } }
        for piece in left { enqueue(piece, isExact: Int64(piece.end) + piece.number * size == length) }
        lock.when({ queue.isEmpty && !pieces.values.contains { $0.state == .working } }, {})
        return reason == nil
    }

    private func each(of count: Int, at offset: Int64, _ body: (Int64, Int, Range<Int>) -> Bool) -> Bool {
        var done = 0
        while done < count {
            let (number, within) = (offset + Int64(done)).quotientAndRemainder(dividingBy: size)
            let part = min(count - done, Int(size - within))
            guard body(number, Int(within), done..<done + part) else { return false }
            done += part
        }
        return reason == nil
    }

    /// Returns a piece to write to.
    private func open(_ number: Int64) -> Piece? {
        if let piece = lock.locked({ pieces[number] }) {
            lock.when({ piece.state == .open || piece.state == .written }) { piece.state = .open }
            return piece
        }
        // The writer has gone on: what it had before is complete, as far as can be known.
        for piece in lock.locked({ pieces.values.filter { $0.state == .open } }) { enqueue(piece) }
        let hasRoom = { self.pieces.count < self.room || self.pieces.values.contains { $0.state == .written } }
        lock.when(hasRoom) {
            guard pieces.count >= room else { return }
            let first = pieces.values.filter { $0.state == .written }.map(\.number).min()
            if let first { pieces[first] = nil }
        }
        let piece = Piece(number, size: Int(size))
        let known = lock.locked { min(max(given - number * size, 0), size) }
        if known > 0 {
            let place = UnsafeMutableRawBufferPointer(rebasing: piece.bytes[..<Int(known)])
            guard load(place, at: number * size) else { return nil }
            piece.end = Int(known)
        }
        lock.locked { pieces[number] = piece }
        return piece
    }

    /// Reads from the volume any range of what it was given.
    private func load(_ target: UnsafeMutableRawBufferPointer, at offset: Int64) -> Bool {
        let block = Int64(volume.blockSize)
        let start = offset / block * block
        let end = min((offset + Int64(target.count) + block - 1) / block * block, lock.locked { given })
        guard end >= offset + Int64(target.count) else { return false }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - start), alignment: 4096)
        defer { room.deallocate() }
        do throws(SkiffError) {
            try volume.read(into: room, at: start)
        } catch {
            lock.locked { failure = failure ?? error }
            return false
        }
        let within = Int(offset - start)
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[within..<within + target.count]))
        return true
    }

    // MARK: - Writing

    /// - Parameter isExact: whether the last block ends with the content.
    private func enqueue(_ piece: Piece, isExact: Bool = false) {
        let block = volume.blockSize
        if !isExact { piece.end = (piece.end + block - 1) / block * block }
        let mustStart = lock.locked {
            piece.state = .waiting
            queue.append(piece)
            given = max(given, piece.number * size + Int64(piece.end))
            guard running < min(threads, queue.count) else { return false }
            running += 1
            return true
        }
        guard mustStart else { return }
        do throws(Errno) {
            try startThread { self.work() }
        } catch {
            lock.locked { running -= 1 }
            // Whoever has no threads does it itself.
            while let next = lock.locked({ self.take() }) { give(next) }
        }
    }

    private func work() {
        while let piece = lock.when({ isEnding || !queue.isEmpty }, { take() }) { give(piece) }
        lock.locked { running -= 1 }
    }

    private func take() -> Piece? {
        guard let piece = queue.first else { return nil }
        queue.removeFirst()
        piece.state = .working
        return piece
    }

    private func give(_ piece: Piece) {
        var reason: SkiffError?
        if lock.locked({ failure == nil }) {
            do throws(SkiffError) {
                try volume.write(UnsafeRawBufferPointer(rebasing: piece.bytes[..<piece.end]), at: piece.number * size)
            } catch {
                reason = error
            }
        }
        lock.locked {
            failure = failure ?? reason
            piece.state = .written
        }
    }
}
