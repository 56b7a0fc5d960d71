import CLinux
import TestSupport
import Testing

@testable import Linux

@Suite struct SocketTests {
    /// The two ends of a pair of sockets.
    private final class Pair {
        let here: OwnedFD
        var there: OwnedFD?

        init(seqpacket: Bool = true) throws {
            let ends = try makeSocketPair(seqpacket: seqpacket)
            here = OwnedFD(adopting: ends.first)
            there = OwnedFD(adopting: ends.second)
        }

        var other: CInt { there?.raw ?? -1 }
        func hangUp() { there = nil }
    }

    @Test func messagesKeepTheirBoundaries() throws {
        let pair = try Pair()
        for text in ["one", "two", "three"] { try sendMessage(Array(text.utf8), over: pair.other) }
        for text in ["one", "two", "three"] {
            #expect(try receiveMessage(over: pair.here.raw).bytes == Array(text.utf8))
        }
    }

    @Test func streamsKeepNone() throws {
        let pair = try Pair(seqpacket: false)
        for text in ["one", "two"] { try sendMessage(Array(text.utf8), over: pair.other) }
        #expect(try receiveMessage(over: pair.here.raw).bytes == Array("onetwo".utf8))
    }

    @Test func endOfTheConnectionIsEmpty() throws {
        let pair = try Pair()
        pair.hangUp()
        let message = try receiveMessage(over: pair.here.raw)
        let isAlone = message.descriptor == nil
        #expect(message.bytes.isEmpty && isAlone)
    }

    /// An error and not SIGPIPE, which would end the process.
    @Test func sendingToNobodyIsAnError() throws {
        let pair = try Pair()
        pair.hangUp()
        #expect(throws: Errno.brokenPipe) { try sendMessage([1], over: pair.here.raw) }
    }

    @Test func descriptorsComeAlong() throws {
        let pair = try Pair()
        let sent = try makeMemoryFile("sent", Array("content".utf8))
        try sendMessage([7], descriptor: sent.raw, over: pair.other)
        try sent.close()
        var message = try receiveMessage(over: pair.here.raw)
        #expect(message.bytes == [7])
        guard let received = message.descriptor.take() else {
            Issue.record("no descriptor came")
            return
        }
        #expect(skl_fcntl(received.raw, F_GETFD, 0) == FD_CLOEXEC)
        #expect(try readBytes(received.raw, at: 0, count: 100) == Array("content".utf8))
    }

    /// Who sends descriptors where none is wanted must not fill the table of the receiver.
    @Test func unwantedDescriptorsAreClosed() throws {
        let pair = try Pair()
        let ends = try makePipe()
        let reader = OwnedFD(adopting: ends.first)
        let writer = OwnedFD(adopting: ends.second)
        try sendMessage([7], descriptor: writer.raw, over: pair.other)
        try writer.close()
        #expect(try !waitReadable(reader.raw, milliseconds: 0), "it is on its way")
        let count = try withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer throws(Errno) in
            try receiveMessage(into: buffer, over: pair.here.raw)
        }
        #expect(count == 1)
        #expect(try readToEnd(reader.raw) == [])
    }

    @Test func waitingTellsWhatIsThere() throws {
        let pair = try Pair()
        #expect(try !waitReadable(pair.here.raw, milliseconds: 0))
        try sendMessage([1], over: pair.other)
        #expect(try waitReadable(pair.here.raw, milliseconds: 0))
        let quiet = try Pair()
        let found = try waitReadable([quiet.here.raw, pair.here.raw])
        #expect(found.readable == [pair.here.raw] && found.closed.isEmpty)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("::1", true), ("fe80::1", true), ("1.2.3", false), ("256.1.1.1", false),
        ("localhost", false), ("", false), ("[::1]", false), ("1.2.3.4 ", false),
    ]) func addressesAreTold(text: String, isAddress: Bool) { #expect(isInternetAddress(text) == isAddress) }
}
