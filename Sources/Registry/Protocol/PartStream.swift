import Base
import Core
import HTTP
import Linux
import OCI

/// Downloads one part of a blob, or all of it, over another connection whenever one breaks.
final class PartStream {
    /// How far a server's ranges are trusted.
    enum Mode {
        /// The first part: the response decides whether there are others.
        case first
        /// One of several parts in parallel.
        case further
        /// The whole blob, resumed where it was interrupted.
        case whole
        /// The whole blob, from its first byte each time.
        case wholeFromStart
    }

    private let download: Download
    private let part: Int
    /// A path below the repository, or a URL elsewhere.
    private let place: String
    private let bar: Progress.Bar
    private let onRanges: () -> Void
    private(set) var mode: Mode
    /// The offset of the next byte.
    private var position: Int64
    /// The number of bytes of the current response that lie before the position.
    private var surplus: Int64 = 0
    private var isAnswered = false
    private var isShown = false
    /// Why the current response was stopped; nil when it was not.
    private var stop: Stop?

    private enum Stop {
        /// The part is complete, and the server sends on.
        case complete
        /// The server sends another range than the one that was asked for.
        case wrongRange
        /// Another part could not be had.
        case given
    }

    private static let maximumRetries = 6
    private static let mostStalls = 2

    /// - Parameter onRanges: called once, when the server has shown that it supports ranges.
    init(
        _ download: Download, _ part: Int, at place: String, _ bar: Progress.Bar, _ mode: Mode,
        onRanges: @escaping () -> Void = {}
    ) {
        (self.download, self.part, self.place, self.bar) = (download, part, place, bar)
        (self.mode, self.onRanges) = (mode, onRanges)
        position = mode == .first || mode == .further ? download.range(part).lowerBound : 0
    }

    /// Whether the whole blob was downloaded, and not only the part.
    var tookAll: Bool { mode == .whole || mode == .wholeFromStart }
    private var size: Int64 { download.descriptor.size }
    private var wanted: Range<Int64> { tookAll ? 0..<size : download.range(part) }

    func run(_ client: RegistryClient, isStopped: @escaping () -> Bool) throws(SkiffError) {
        let message = "cannot get blob \(download.descriptor.digest) of \(client.reference)"
        var (failures, stalls) = (0, 0)
        var last: HTTPFailure?
        repeat {
            if isStopped() { return }
            let before = position
            switch try ask(client, isStopped) {
            case .success(let response):
                guard response.isSuccess else { throw RegistryProblem.described(message, response) }
                last = HTTPFailure(kind: .cut, address: response.address, text: "", cause: nil)
            case .failure(let failure):
                if stop == .given { return }
                guard stop != nil || failure.isTransient else { throw failure.described(message) }
                if failure.kind == .stalled { stalls += 1 }
                last = failure
            }
            if stop == .wrongRange, !refuse() { return }
            failures = position > before ? 1 : failures + 1
            if position < wanted.upperBound, failures < Self.maximumRetries, stalls < Self.mostStalls {
                Log.verbose("\(message): going on at byte \(position)")
                pause(milliseconds: 20 << Int64(failures))
            }
        } while position < wanted.upperBound && failures < Self.maximumRetries && stalls < Self.mostStalls
        guard position >= wanted.upperBound else { throw last?.described(message) ?? SkiffError(message) }
    }

    private func ask(_ client: RegistryClient, _ isStopped: @escaping () -> Bool) throws(SkiffError) -> Result<
        HTTPResponse, HTTPFailure
    > {
        (isAnswered, stop, surplus) = (false, nil, 0)
        if mode == .wholeFromStart { restart() }
        let needsRange = position > 0 || wanted.upperBound < size
        let range = "bytes=\(position)-\(wanted.upperBound - 1)"
        let sink: BodySink = { (response, bytes) throws(SkiffError) in
            self.stop = isStopped() ? .given : try self.stop(after: response, bytes)
            return self.stop == nil ? .more : .nothing
        }
        return try client.request(
            "GET", place, headers: needsRange ? [("Range", range)] : [], sink: sink)
    }

    /// Takes a piece of the response.
    ///
    /// - Returns: why there should be no more; nil to go on.
    private func stop(after response: HTTPResponse, _ bytes: UnsafeRawBufferPointer) throws(SkiffError) -> Stop? {
        if !isAnswered, try !begin(response) { return .wrongRange }
        return try take(bytes) ? .complete : nil
    }

    /// Examines the range that the response has.
    ///
    /// - Returns: whether it is the one that was asked for.
    private func begin(_ response: HTTPResponse) throws(SkiffError) -> Bool {
        isAnswered = true
        if response.status == 206 {
            let given = ContentRange(response["content-range"] ?? "")
            guard let given, given.start == position, given.total == nil || given.total == size else { return false }
            if mode == .first, !isShown {
                isShown = true
                onRanges()
            }
            return true
        }
        if let length = response.length, length != size {
            throw SkiffError(
                "cannot use blob \(download.descriptor.digest): the registry sends \(length) bytes instead of \(size)")
        }
        if mode == .first, wanted.upperBound < size || position > 0 {
            // The server has no ranges and sends the whole blob.
            mode = .whole
            download.startOver()
            restart()
        } else {
            surplus = position
        }
        return true
    }

    /// Decides how to continue with a server whose ranges are wrong.
    ///
    /// - Returns: false to keep the part: the digest of the blob will fail, and the whole blob is asked for.
    private func refuse() -> Bool {
        if mode == .further { return false }
        if mode == .first { download.startOver() }
        mode = .wholeFromStart
        return true
    }

    private func restart() {
        position = 0
        bar.restart()
    }

    /// - Returns: whether the part is complete, and the server sends on.
    private func take(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) -> Bool {
        let skipped = min(surplus, Int64(bytes.count))
        surplus -= skipped
        var rest = bytes.dropFirst(Int(skipped))
        // A server may send more than the range; the rest belongs to another part.
        let room = wanted.upperBound - position
        let isTooMuch = Int64(rest.count) > room
        if isTooMuch, !tookAll { rest = rest.prefix(Int(room)) }
        let new = UnsafeRawBufferPointer(rebasing: rest)
        try download.write(new, at: position)
        position += Int64(new.count)
        bar.advance(Int64(new.count))
        return isTooMuch
    }
}

/// `bytes 0-99/1234`; RFC 9110 §14.4.
package struct ContentRange: Sendable, Equatable {
    package let start: Int64
    package let end: Int64
    /// Nil for `*`.
    package let total: Int64?

    package init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let halves = words[1].split(separator: "/", omittingEmptySubsequences: false)
        let ends = (halves.first ?? "").split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count == 2, ends.count == 2, let start = Int64(ends[0]), let end = Int64(ends[1]), start >= 0,
            end >= start
        else { return nil }
        total = Int64(halves[1])
        guard halves[1] == "*" || (total ?? -1) > end else { return nil }
        (self.start, self.end) = (start, end)
    }
}
