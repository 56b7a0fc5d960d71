import Squashfs

/// A window that is still to be found and stored.
struct ReadaheadRequest {
    let stream: Int
    /// Where it begins.
    let first: Inode
    /// The file that led to it, which need not be stored.
    let asked: InodeReference
    /// In bytes of content.
    let length: Int
    /// The only fragment that it may reach into; nil for any.
    let only: UInt32?
}

/// The programs that read one small file after another, as far as the kernel's questions tell.
struct ReadaheadStreams {
    /// How many are remembered.
    private static let limit = 8
    /// The longest window, in bytes.
    private static let longest = 1 << 20

    private struct Stream {
        let number: Int
        /// What the last two windows cover; at first the one fragment where the stream was seen.
        var fragments: ClosedRange<UInt32>
        /// What the last window covers.
        var current: ClosedRange<UInt32>?
        /// The marker of the last window.
        var marker: InodeReference?
        /// Where the next window begins.
        var next: Inode?
        /// The length of the last window, in bytes; 0 before the first.
        var length = 0
        var isWaiting = false

        /// Whether there was a window and no other follows it.
        var hasEnded: Bool { length > 0 && next == nil && !isWaiting }
    }

    /// Ordered by their last move, the most recent at the end.
    private var streams: [Stream] = []
    private var count = 0
    private var requests: [ReadaheadRequest] = []

    /// Notes that the kernel asked for content of `file`, which lies in `fragment`.
    /// - Returns: whether there is one more request.
    mutating func notice(_ file: Inode, in fragment: UInt32, blockSize: Int) -> Bool {
        guard requests.count < Self.limit else { return false }
        if let index = streams.firstIndex(where: { $0.marker == file.reference }) {
            return goOn(at: index, file)
        }
        if let index = streams.firstIndex(where: { $0.fragments.contains(fragment) && !$0.hasEnded }) {
            // The program is faster than what is stored for it, unless the stream is new.
            return streams[index].length == 0 && start(at: index, file, fragment, blockSize)
        }
        streams.removeAll { $0.hasEnded && $0.fragments.contains(fragment) }
        if streams.count >= Self.limit { streams.removeFirst() }
        count += 1
        streams.append(Stream(number: count, fragments: fragment...fragment))
        return false
    }

    /// Starts at a second file of one fragment: the rest of the fragment is decoded already.
    private mutating func start(at index: Int, _ file: Inode, _ fragment: UInt32, _ blockSize: Int) -> Bool {
        request(at: index, length: blockSize) {
            ReadaheadRequest(stream: $0.number, first: file, asked: file.reference, length: $0.length, only: fragment)
        }
    }

    private mutating func goOn(at index: Int, _ file: Inode) -> Bool {
        guard let next = streams[index].next else { return false }
        return request(at: index, length: min(streams[index].length * 2, Self.longest)) {
            ReadaheadRequest(stream: $0.number, first: next, asked: file.reference, length: $0.length, only: nil)
        }
    }

    private mutating func request(at index: Int, length: Int, _ make: (Stream) -> ReadaheadRequest) -> Bool {
        var stream = streams.remove(at: index)
        stream.length = length
        stream.isWaiting = true
        stream.marker = nil
        requests.append(make(stream))
        streams.append(stream)
        return true
    }

    mutating func nextRequest() -> ReadaheadRequest? { requests.isEmpty ? nil : requests.removeFirst() }

    /// Notes that the window was found and is stored now.
    mutating func begin(_ window: ReadaheadWindow, of request: ReadaheadRequest) {
        guard let index = streams.firstIndex(where: { $0.number == request.stream }) else { return }
        streams[index].isWaiting = false
        streams[index].marker = window.marker
        // Without a marker nothing would ask for it.
        streams[index].next = window.marker == nil ? nil : window.next
        guard let fragments = window.fragments else { return }
        let before = streams[index].current ?? streams[index].fragments
        streams[index].fragments =
            min(before.lowerBound, fragments.lowerBound)...max(before.upperBound, fragments.upperBound)
        streams[index].current = fragments
    }

    /// Notes that the window has come to a file that cannot be stored.
    mutating func end(_ request: ReadaheadRequest) {
        guard let index = streams.firstIndex(where: { $0.number == request.stream }) else { return }
        streams[index].marker = nil
        streams[index].next = nil
    }
}
